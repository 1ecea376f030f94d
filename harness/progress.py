"""Shows how a study fares: live on a terminal, in plain lines elsewhere, or not at all."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from harness.ledger import Entry
from harness.trial import Event, Row


def progress_for(*, quiet: bool) -> Silent | Live | Plain:
    """The display that fits where the output goes; all of it goes to standard error."""
    if quiet:
        return Silent()
    console = Console(stderr=True)
    return Live(console) if console.is_terminal else Plain()


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

    def finished(self, entry: Entry, row: Row) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Says nothing."""


class Plain:
    """One line for each thing that happened; none for each step."""

    def __init__(self) -> None:
        self._num_planned = 0
        self._num_ended = 0

    def phase(self, text: str) -> None:
        """Prints what is being done before trials start."""
        self._print(text)

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Prints how much is planned."""
        wanted = sum(not entry.rejected for entry in entries)
        self._num_planned += wanted
        self._num_ended += cached
        for line in plan_lines(entries, cached):
            self._print(line)

    def started(self, entry: Entry) -> None:
        """Prints that a trial has begun."""
        self._print(f"start  {named(entry)}")

    def event(self, event: Event) -> None:
        """Prints nothing: a log wants no line a step."""

    def finished(self, entry: Entry, row: Row) -> None:
        """Prints how a trial ended."""
        self._num_ended += 1
        self._print(f"{ending(entry, row)}  [{self._num_ended}/{self._num_planned}]")

    def close(self) -> None:
        """Prints nothing."""

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Live:
    """A bar for each running trial with state, step, loss and time left, and one for all."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[state]}", style="dim"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self._overall = self._progress.add_task("all trials", state="", note="", total=0)
        self._tasks: dict[str, TaskID] = {}
        self._mious: list[float] = []
        self._started = time.monotonic()
        self._num_run = 0
        self._progress.start()

    def phase(self, text: str) -> None:
        """Names the phase beside the overall bar."""
        self._progress.update(self._overall, state=text)

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Lengthens the overall bar."""
        for line in plan_lines(entries, cached):
            self._say(line)
        wanted = sum(not entry.rejected for entry in entries)
        total = (self._progress.tasks[0].total or 0) + wanted
        self._progress.update(self._overall, state="", total=total, advance=cached)
        self._started = time.monotonic()

    def started(self, entry: Entry) -> None:
        """Adds a bar for a trial."""
        self._progress.update(self._overall, state="")
        self._tasks[entry.key] = self._progress.add_task(
            named(entry), state="loading", note="", total=1
        )

    def event(self, event: Event) -> None:
        """Moves a trial's bar."""
        left = (event.steps - event.step) * event.seconds / max(event.step, 1)
        note = f"loss {event.loss:.3f}" + (f"  {clock(left)} left" if left else "")
        self._progress.update(
            self._tasks[event.key],
            state=event.state,
            total=event.steps,
            completed=event.step,
            note=note,
        )

    def finished(self, entry: Entry, row: Row) -> None:
        """Takes a trial's bar away and leaves a line."""
        if entry.key in self._tasks:
            self._progress.remove_task(self._tasks.pop(entry.key))
        self._say(ending(entry, row))
        if row["state"] == "done":
            self._mious.append(row["miou"])
        self._num_run += 1
        self._progress.update(self._overall, advance=1, note=self._overall_note())

    def close(self) -> None:
        """Ends the display."""
        self._progress.stop()

    def _overall_note(self) -> str:
        task = self._progress.tasks[0]
        spent = time.monotonic() - self._started
        left = spent / self._num_run * ((task.total or 0) - task.completed - 1)
        best = f"best mIoU {100 * max(self._mious):.1f} %  " if self._mious else ""
        return f"{best}{clock(max(left, 0))} left"

    def _say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


def plan_lines(entries: list[Entry], cached: int) -> list[str]:
    """What was planned, and which candidates are over budget."""
    rejected = {entry.candidate: entry.rejected for entry in entries if entry.rejected}
    new = sum(not entry.rejected for entry in entries) - cached
    lines = [f"rejected {candidate}: {reason}" for candidate, reason in rejected.items()]
    return [*lines, f"{new} trials to run, {cached} answered by the ledger"]


def named(entry: Entry) -> str:
    """A trial as lines and bars call it."""
    return f"{entry.candidate} seed {entry.seed}"


def ending(entry: Entry, row: Row) -> str:
    """How a trial ended, in one line."""
    if row["state"] == "done":
        return f"done   {named(entry)}  mIoU {100 * row['miou']:.1f} %  {row['train_s']:.0f} s"
    return f"failed {named(entry)}: {row['reason']}"


def clock(seconds: float) -> str:
    """A duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
