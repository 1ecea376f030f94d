"""What a run of a study would do, and about how long it would take, before anything is done."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import Console

from harness.architecture import KINDS, Part
from harness.data.dataset import Dataset, datasets
from harness.data.roots import DataRoots, open_dataset
from harness.figures import keys_in_search, over_budget
from harness.ladder import rule_of
from harness.ledger import Ledger, Row
from harness.missing import is_enumerated, is_to_run, prior_answers
from harness.plan import Trial, candidates, timed_together, trials_of
from harness.rungs import least_share
from harness.runners.proposals import Proposal, replayed
from harness.stale import Staleness, stale_lines, staleness
from harness.study import Study
from harness.terminal import table

STATES = ("cached", "failed before", "over budget", "new")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What becomes of one candidate's trials, counted by state; seconds of those that are new.

    ``basis`` says what the seconds rest on; they are None where nothing was measured.
    """

    candidate: str
    states: Mapping[str, int]
    trial_s: float | None
    basis: str


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A study's plan held against a ledger.

    ``unproposed`` counts candidates that a search has not yet proposed; ``uncounted`` and
    ``untimed`` those whose cost or latency is not in the ledger, so that a budget may yet reject
    them. ``seconds`` is the time of the new trials for so many workers, None if not known,
    ``least_s`` about what is left of it where rungs stop as many as they may, and ``timing_s`` the
    most that timing may take before.
    """

    study: str
    workers: int
    lines: tuple[Line, ...]
    stale: Staleness
    unproposed: int
    uncounted: int
    untimed: int
    seconds: float | None
    least_s: float | None
    timing_s: float

    def count(self, state: str) -> int:
        """The number of trials of a state."""
        return sum(line.states.get(state, 0) for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """How a study would be run; ``device`` is what would time it, empty if that is elsewhere."""

    roots: DataRoots
    workers: int = 1
    device: str = ""
    retry_failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The trials of a study as far as they are known, with the data sets they need."""

    trials: list[Trial]
    opened: dict[Part, Dataset]
    unproposed: int = 0


def planned(study: Study, ledger: Ledger, how: Circumstances) -> Planned:
    """Plans a study without measuring or writing anything.

    Of a search that is what an earlier run proposed. Whatever is wrong with the study or its data
    is raised.
    """
    proposals: Iterable[Proposal]
    unproposed = 0
    if study.search is None or is_enumerated(study):  # the first of them tells the types
        proposals = (Proposal(candidate=each, answers={}) for each in candidates(study))
    else:
        prior = [replayed(study, answers) for answers in prior_answers(study, ledger)]
        unproposed = max(0, study.search.trials - len({p.candidate.label for p in prior}))
        proposals = prior
    opened: dict[Part, Dataset] = {}
    trials: list[Trial] = []
    for each in proposals:
        part = datasets.resolve(each.candidate.recipe.dataset)
        if part not in opened:
            opened[part] = open_dataset(part, how.roots)
        trials += trials_of(study, each.candidate, opened[part], how.device, each.answers)
    known = {} if is_enumerated(study) else keys_in_search(ledger, study.name, trials)
    together = timed_together(trials, known)
    return Planned(trials=together, opened=opened, unproposed=unproposed)


def forecast(study: Study, ledger: Ledger, how: Circumstances) -> Forecast:
    """Holds a study's plan against a ledger; nothing is written, trained or timed."""
    plan = planned(study, ledger, how)
    trials = _judged(study, plan.trials, ledger)
    rows = ledger.trials({trial.entry.key for trial in trials})
    states = {
        id(trial): _state(study, trial, rows.get(trial.entry.key, {}), how.retry_failed)
        for trial in trials
    }
    lines = _lines(trials, states, _speeds(study, trials, rows, ledger))
    new = {trial.entry.latency_key for trial in trials if not trial.entry.rejected}
    untimed = len(new - set(ledger.measurements(new))) if how.device else 0
    costs = {trial.entry.cost_key for trial in trials}
    seconds = _shared(lines, how.workers)
    stops = study.stopping if rule_of(study) else None
    return Forecast(
        study=study.name,
        workers=how.workers,
        lines=lines,
        stale=stale_of(study, plan, ledger, how),
        unproposed=plan.unproposed,
        uncounted=len(costs - set(ledger.measurements(costs))),
        untimed=untimed,
        seconds=seconds,
        least_s=seconds * least_share(stops) if seconds and stops else None,
        timing_s=_sessions(untimed) * study.timing.limit_s,
    )


def _sessions(untimed: int) -> int:
    """In how many sessions of 24 candidates are timed, of which all have the first."""
    return -(-(untimed - 1) // 23) if untimed > 1 else untimed


def stale_of(study: Study, plan: Planned, ledger: Ledger, how: Circumstances) -> Staleness:
    """What an earlier run left that does not answer the study now."""
    found = staleness(study, plan.trials, ledger, plan.opened, how.device)
    if plan.unproposed and plan.trials:  # what is not proposed yet may come again
        known = {trial.entry.candidate for trial in plan.trials}
        return replace(found, trials=tuple(t for t in found.trials if t.candidate in known))
    if plan.unproposed:
        why = ("the space or the recipe changed, so the search starts anew",)
        return Staleness(trials=tuple(replace(each, why=why) for each in found.trials))
    return found


def _judged(study: Study, trials: list[Trial], ledger: Ledger) -> list[Trial]:
    """The trials with the reason why they are over budget, as far as their figures are known."""
    keys = {key for trial in trials for key in (trial.entry.cost_key, trial.entry.latency_key)}
    known = ledger.measurements(keys)

    def judged(trial: Trial) -> Trial:
        entry = trial.entry
        figures = {**known.get(entry.cost_key, {}), **known.get(entry.latency_key, {})}
        over = over_budget(study.budget, figures)
        return replace(trial, entry=replace(entry, rejected=over[0])) if over else trial

    return [judged(trial) for trial in trials] if known else trials


def _state(study: Study, trial: Trial, row: Row, retry_failed: bool) -> str:
    if trial.entry.rejected:
        return "over budget"
    if is_to_run(row, retry_failed=retry_failed, rule=rule_of(study)):
        return "new"
    return "failed before" if row["state"] == "failed" else "cached"


Speed = Callable[[Trial], tuple[float | None, str]]
"""Gives the seconds of a trial, and what they rest on."""


def _speeds(study: Study, trials: list[Trial], rows: Mapping[str, Row], ledger: Ledger) -> Speed:
    """How long a trial takes, from the trials of this study and of its last run that ended.

    Where the candidate itself was trained on images as many and as large, its own time for a
    step; else the median time for a multiply-add where costs are known, else for a pixel.
    """
    old = {entry.key: entry.cost_key for entry in ledger.plan(study.name)}
    old |= {trial.entry.key: trial.entry.cost_key for trial in trials}
    done = [each for each in _done(rows, ledger, old) if each.get("train_s")]
    costs = ledger.measurements({*old.values()})
    own: dict[tuple[str, ...], list[float]] = {}
    per_mac, per_pixel = [], []
    for row in done:
        step_s, pixels = row["train_s"] / row["steps"], _pixels(row["recipe"])
        own.setdefault(_named(_parts(row["architecture"])), []).append(step_s / pixels)
        per_pixel.append(step_s / pixels)
        gmacs = costs.get(old[row["key"]], {}).get("gmacs")
        if gmacs:
            per_mac.append(step_s / pixels / gmacs)

    by_mac = statistics.median(per_mac) if per_mac else 0.0
    by_pixel = statistics.median(per_pixel) if per_pixel else 0.0

    def speed(trial: Trial) -> tuple[float | None, str]:
        if not per_pixel:
            return None, "no step was measured"
        pixels = _pixels(vars(trial.recipe)) * trial.recipe.steps
        mine = own.get(_named(trial.architecture.parts()))
        if mine:
            return statistics.median(mine) * pixels, "its own measured steps"
        gmacs = costs.get(trial.entry.cost_key, {}).get("gmacs")
        if gmacs and per_mac:
            return by_mac * gmacs * pixels, "others' steps, by multiply-adds"
        return by_pixel * pixels, "the median step of others"

    return speed


def _done(rows: Mapping[str, Row], ledger: Ledger, keys: Mapping[str, str]) -> list[Row]:
    known = {**ledger.trials(keys.keys() - rows.keys()), **rows}
    return [row for row in known.values() if row["state"] == "done"]


def _pixels(recipe: Mapping[str, Any]) -> int:
    """The pixels of the images of a step."""
    height, width = recipe["crop"]
    return int(height * width * recipe["batch"])


def _parts(stored: Mapping[str, Any]) -> dict[str, Part]:
    """The parts of an architecture that a row keeps."""
    return {kind: Part(part["name"], **dict(part["options"])) for kind, part in stored.items()}


def _named(parts: Mapping[str, Part]) -> tuple[str, ...]:
    """An architecture by how its parts are spelt, to compare with others."""
    return tuple(repr(parts[kind]) for kind in KINDS)


def _lines(trials: list[Trial], states: Mapping[int, str], speed: Speed) -> tuple[Line, ...]:
    by_name: dict[str, list[Trial]] = {}
    for trial in trials:
        by_name.setdefault(trial.entry.candidate, []).append(trial)
    lines = []
    for name, group in by_name.items():
        counted: dict[str, int] = {}
        for trial in group:
            counted[states[id(trial)]] = counted.get(states[id(trial)], 0) + 1
        seconds, basis = speed(group[0]) if counted.get("new") else (None, "")
        lines.append(Line(candidate=name, states=counted, trial_s=seconds, basis=basis))
    return tuple(lines)


def _shared(lines: tuple[Line, ...], workers: int) -> float | None:
    """The seconds until the last of some workers is done; None if a trial's are not known."""
    ends = [0.0] * workers
    for line in lines:
        for _ in range(line.states.get("new", 0)):
            if line.trial_s is None:
                return None
            heapq.heapreplace(ends, ends[0] + line.trial_s)
    return max(ends)


def record(found: Forecast) -> Row:
    """A forecast for machines."""
    return {**asdict(found), "trials": {state: found.count(state) for state in STATES}}


MOST_SHOWN = 40


def show(found: Forecast, console: Console) -> None:
    """Prints a forecast, candidate by candidate, then what is stale and how long it may take."""
    drawn = table("candidate", right=(*STATES, "a trial"), title=f"Plan of {found.study}")
    for line in found.lines[:MOST_SHOWN]:
        counts = [str(line.states.get(state, 0) or "") for state in STATES]
        seconds = "" if line.trial_s is None else duration(line.trial_s)
        drawn.add_row(line.candidate, *counts, seconds)
    console.print(drawn)
    if len(found.lines) > MOST_SHOWN:
        console.print(f"and {len(found.lines) - MOST_SHOWN} more candidates; all with --json")
    for text in told(found):
        console.print(text)


def told(found: Forecast) -> list[str]:
    """What a forecast comes to, in lines."""
    lines = [", ".join(f"{found.count(state)} {state}" for state in STATES)]
    if found.unproposed:
        lines.append(f"{found.unproposed} candidates will be proposed by the search as it goes")
    lines += stale_lines(found.stale)
    for number, what in ((found.uncounted, "counted"), (found.untimed, "timed")):
        if number:
            lines.append(f"{number} candidates are to be {what} first; a budget may reject some")
    return [*lines, _time(found), "nothing was written, trained or timed"]


def _time(found: Forecast) -> str:
    if not found.count("new"):
        return "nothing is to be trained"
    who = f"{found.workers} worker{'s' * (found.workers > 1)}"
    if found.seconds is None:
        return f"time for {who}: unknown, since no step was measured yet"
    bases = dict.fromkeys(line.basis for line in found.lines if line.basis)
    timing = f", after at most {duration(found.timing_s)} of timing" if found.timing_s else ""
    least = f"{duration(found.least_s)} (if stopped early) to " if found.least_s else ""
    return (
        f"about {least}{duration(found.seconds)} of training for {who} ({', '.join(bases)}; "
        f"scoring not included){timing}"
    )


def duration(seconds: float) -> str:
    """Seconds in the largest unit that leaves no more than two digits or so."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
