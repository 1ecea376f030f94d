"""Shows how a study fares: live on a terminal, in plain lines elsewhere, or not at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn

from harness.ledger import Entry
from harness.trial import RESUMED, Event, Row

FIGURES = 56
"""The columns that a trial's line needs beside its name."""


def progress_for(*, quiet: bool) -> Silent | Live | Plain:
    """The display that fits where the output goes; all of it goes to standard error."""
    if quiet:
        return Silent()
    console = Console(stderr=True)
    return Live(console) if _is_live(console) else Plain()


def _is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


class Silent:
    """Says nothing."""

    def phase(self, text: str) -> None:
        """Says nothing."""

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Says nothing."""

    def started(self, entry: Entry) -> None:
        """Says nothing."""

    def event(self, event: Event) -> None:
        """Says nothing."""

    def paused(self, entry: Entry, row: Row) -> None:
        """Says nothing."""

    def finished(self, entry: Entry, row: Row) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Says nothing."""


class Plain:
    """One line for each thing that happened; none for each step."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._num_planned = 0
        self._num_ended = 0

    def phase(self, text: str) -> None:
        """Prints what is being done before trials start."""
        self._print(text)

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Prints how much is planned."""
        self._num_planned += num_wanted(entries)
        self._num_ended += cached
        for line in plan_lines(entries, cached):
            self._print(line)

    def started(self, entry: Entry) -> None:
        """Prints that a trial has begun."""
        self._names[entry.key] = named(entry)
        self._print(f"start  {named(entry)}")

    def event(self, event: Event) -> None:
        """Prints where a trial goes on, and nothing else: a log wants no line a step."""
        if event.state == RESUMED:
            self._print(f"resume {self._names[event.key]} {gone_on(event)}")

    def paused(self, entry: Entry, row: Row) -> None:
        """Prints how a trial stands at a rung."""
        self._print(waiting(entry, row))

    def finished(self, entry: Entry, row: Row) -> None:
        """Prints how a trial ended."""
        self._num_ended += 1
        self._print(f"{ending(entry, row)}  [{self._num_ended}/{self._num_planned}]")

    def close(self) -> None:
        """Prints nothing."""

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Live:
    """A line for each running trial with state, step, loss and time left, and one for all.

    A trial that ended leaves a line above with its mIoU.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[state]}", style="dim"),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self._overall = self._progress.add_task("planning", state="", count="", note="")
        self._tasks: dict[str, TaskID] = {}
        self._names: dict[str, str] = {}
        self._best_miou: float | None = None
        self._num_planned = self._num_cached = self._num_run = 0
        self._started = time.monotonic()
        self._progress.start()

    def phase(self, text: str) -> None:
        """Says on the overall line what is being done before trials start."""
        self._progress.update(self._overall, description=text)

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Lengthens the overall bar."""
        for line in plan_lines(entries, cached):
            self._say(line)
        if not self._num_run:
            self._started = time.monotonic()
        self._num_planned += num_wanted(entries)
        self._num_cached += cached
        self._show_overall()

    def started(self, entry: Entry) -> None:
        """Adds a bar for a trial."""
        self._names[entry.key] = named(entry)
        name = fitted(entry, self._progress.console.width - FIGURES)
        self._tasks[entry.key] = self._progress.add_task(
            name, total=None, state="loading", count="", note=""
        )
        self._show_overall()

    def event(self, event: Event) -> None:
        """Moves a trial's bar; leaves a line when it goes on from an earlier run."""
        if event.state == RESUMED:
            self._say(f"resume {self._names[event.key]} {gone_on(event)}")
        left = (event.steps - event.step) * event.seconds / max(event.step, 1)
        note = f"loss {event.loss:.3f}" + (f"  {clock(left)} left" if left else "")
        self._progress.update(
            self._tasks[event.key],
            state=event.state,
            total=event.steps,
            completed=event.step,
            count=f"{event.step}/{event.steps}",
            note=note,
        )
        self._show_overall()

    def paused(self, entry: Entry, row: Row) -> None:
        """Takes a trial's bar away until it goes on."""
        self._remove(entry)

    def finished(self, entry: Entry, row: Row) -> None:
        """Takes a trial's bar away and leaves a line."""
        self._remove(entry)
        self._say(ending(entry, row))
        if row["state"] == "done":
            self._best_miou = max(row["miou"], self._best_miou or 0.0)
        self._num_run += 1
        self._show_overall()

    def close(self) -> None:
        """Ends the display."""
        self._progress.stop()

    def _remove(self, entry: Entry) -> None:
        if entry.key in self._tasks:
            self._progress.remove_task(self._tasks.pop(entry.key))

    def _show_overall(self) -> None:
        ended = self._num_cached + self._num_run
        miou = self._best_miou
        best = "" if miou is None else f"best mIoU {100 * miou:.1f} %  "
        left = self._seconds_left()
        self._progress.update(
            self._overall,
            description="all trials",
            total=self._num_planned,
            completed=ended,
            count=f"{ended}/{self._num_planned}",
            note=best + (f"{clock(left)} left" if left else ""),
        )

    def _seconds_left(self) -> float:
        """How long the rest takes at the pace so far, parts of trials counted; 0 if unknown."""
        running = sum(map(_share, self._progress.tasks[1:]))
        missing = self._num_planned - self._num_cached - self._num_run - running
        spent = time.monotonic() - self._started
        run = self._num_run + running
        return spent / run * missing if run and missing > 0 else 0.0

    def _say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _share(task: Task) -> float:
    return task.completed / task.total if task.total else 0.0


@contextmanager
def counted(text: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Shows a text while something is done, and on a terminal how much of it: (done, of)."""
    console = Console(stderr=True, quiet=quiet)
    if not _is_live(console):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        yield lambda done, of: None
        return
    shown = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=12))
    with Progress(*shown, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def num_wanted(entries: list[Entry]) -> int:
    """How many planned trials are within budget."""
    return sum(not entry.rejected for entry in entries)


def plan_lines(entries: list[Entry], cached: int) -> list[str]:
    """What was planned, and which candidates are over budget."""
    rejected = {entry.candidate: entry.rejected for entry in entries if entry.rejected}
    lines = [f"rejected {candidate}: {reason}" for candidate, reason in rejected.items()]
    new = some(num_wanted(entries) - cached, "trial")
    return [*lines, f"{new} to run, {cached} in the ledger"]


def some(number: int, what: str) -> str:
    """A number of things, in the plural unless it is one."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def named(entry: Entry) -> str:
    """A trial as lines call it."""
    return f"{entry.candidate} seed {entry.seed}"


def fitted(entry: Entry, room: int) -> str:
    """A trial by what its study varies, cut to some columns.

    What varies fastest stands last, so neighbours are told apart by their ends.
    """
    name = f"{', '.join(entry.factors.values()) or entry.candidate} seed {entry.seed}"
    return name if len(name) <= room else f"…{name[len(name) - max(room, 2) + 1 :]}"


def gone_on(event: Event) -> str:
    """From where a trial goes on, as lines say it."""
    return f"goes on after step {event.step} of {event.steps}"


def ending(entry: Entry, row: Row) -> str:
    """How a trial ended, in one line."""
    if row["state"] == "done":
        return (
            f"done   {named(entry)}  mIoU {100 * row['miou']:.1f} %  took {clock(row['train_s'])}"
        )
    return f"{row['state']} {named(entry)}: {row['reason']}"


def waiting(entry: Entry, row: Row) -> str:
    """How a trial stands at a rung, in one line."""
    step, miou = row["rungs"][-1]
    return f"rung   {named(entry)}  mIoU {100 * miou:.1f} % held out, after {step} steps"


def clock(seconds: float) -> str:
    """A duration as minutes:seconds, or hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, short = divmod(minutes, 60)
    return f"{hours}:{short:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
