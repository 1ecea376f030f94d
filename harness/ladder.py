"""Takes the trials of a study from rung to rung: what is trained how far, and who is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harness.keys import plain
from harness.ledger import Ledger
from harness.plan import Trial
from harness.rungs import Rungs, Standing, steps_of, why_stopped
from harness.study import Study
from harness.trial import Row

ACCURACIES = ("miou", "pixel_accuracy")


def rule_of(study: Study) -> Row | None:
    """By what a study stops trials, as a row keeps it: a row stopped otherwise is not settled."""
    if study.stopping is None or study.stopping.keep == "all":
        return None
    return {
        "study": study.name,
        "objectives": list(study.objectives),
        "seeds": list(study.seeds),
        **plain(study.stopping),
    }


class Ladder:
    """What is known of the candidates of a study at each rung.

    All of it is read from rows, so a start goes on where another one ended. Each group is judged
    among all candidates of the plan up to it, in the plan's order.
    """

    def __init__(self, study: Study, ledger: Ledger, stop: Callable[[Trial, Row], None]) -> None:
        """``stop`` is told of each trial that is stopped, with the row to be kept."""
        self._study, self._ledger, self._stop = study, ledger, stop
        self._standings: list[dict[str, Standing]] = [{} for _ in self._rungs.at]
        self._numbers: dict[str, int] = {}
        self._costs: dict[str, tuple[float, ...]] = {}
        self._until: dict[str, int] = {}
        self._come: dict[str, dict[int, float]] = {}

    @property
    def _rungs(self) -> Rungs:
        return self._study.stopping or Rungs(keep="all")

    def climb(self, group: list[Trial], missing: list[Trial]) -> Iterator[list[Trial]]:
        """Yields those of a group's missing trials that are to be trained next, rung by rung.

        All that was yielded has a row before more is asked for. ``group`` are all trials of the
        group that are within budget, in the plan's order.
        """
        for trial in group:
            self._numbers.setdefault(trial.entry.candidate, len(self._numbers))
        left = missing
        if self._study.stopping:
            before = self._read(group)
            self._price(group)
            for rung in range(len(self._rungs.at)):
                behind = [trial for trial in left if not self._is_at(trial, rung)]
                for trial in behind:
                    self._until[trial.entry.key] = self._step(trial, rung)
                if behind:
                    yield behind
                left = self._judged(group, self._come_to(left, rung, before), rung)
        for trial in left:
            self._until.pop(trial.entry.key, None)
        if left:
            yield left

    def until(self, trial: Trial) -> int | None:
        """The step to which a trial is trained now; None for its end."""
        return self._until.get(trial.entry.key)

    def rungs(self, trial: Trial) -> tuple[tuple[int, float], ...]:
        """The rungs that a trial has come to, as (step, mIoU on held-out images)."""
        return tuple(sorted(self._come.get(trial.entry.key, {}).items()))

    def is_answered(self, row: Row) -> bool:
        """Whether a row that is not at its end holds what its trial is trained for now."""
        until = self._until.get(row["key"])
        return until is not None and until in _come(row)

    def _step(self, trial: Trial, rung: int) -> int:
        return steps_of(self._rungs, trial.recipe.steps)[rung]

    def _is_at(self, trial: Trial, rung: int) -> bool:
        return self._step(trial, rung) in self._come.get(trial.entry.key, {})

    def _read(self, trials: Iterable[Trial]) -> dict[str, Row]:
        """The rows of some trials, with the rungs that they came to noted."""
        rows = self._ledger.trials(trial.entry.key for trial in trials)
        self._come |= {key: _come(row) for key, row in rows.items()}
        return rows

    def _come_to(self, trials: list[Trial], rung: int, before: Mapping[str, Row]) -> list[Trial]:
        """Those trials that are at a rung and may go on: neither done nor failed meanwhile."""
        rows = self._read(trials)
        ended = {
            key
            for key, row in rows.items()
            if row["state"] == "done" or (row["state"] == "failed" and row != before.get(key))
        }
        return [t for t in trials if t.entry.key not in ended and self._is_at(t, rung)]

    def _price(self, trials: list[Trial]) -> None:
        """Notes what candidates cost by the study's objectives, all measured before they train."""
        names = [name for name in self._study.objectives if name not in ACCURACIES]
        first = {trial.entry.candidate: trial.entry for trial in reversed(trials)}
        found = self._ledger.measurements(
            key for entry in first.values() for key in (entry.cost_key, entry.latency_key)
        )
        for name, entry in first.items():
            known = {**found.get(entry.cost_key, {}), **found.get(entry.latency_key, {})}
            if all(each in known for each in names):  # else it could not be built
                self._costs[name] = tuple(float(known[each]) for each in names)

    def _judged(self, group: list[Trial], left: list[Trial], rung: int) -> list[Trial]:
        """Those of the trials that are left that go on; the others are stopped."""
        known = self._standings[rung]
        for name, trials in _by_candidate(group).items():
            come = [trial for trial in trials if self._is_at(trial, rung)]
            if come:
                known[name] = self._standing(come, rung)
        everybody = list(known.values())
        goes_on = []
        for name, trials in _by_candidate(left).items():
            why = why_stopped(known[name], everybody, self._rungs, rung)
            for trial in trials:
                if why is None:
                    goes_on.append(trial)
                else:
                    self._stop(trial, self._stopped(trial, rung, why))
        return goes_on

    def _standing(self, trials: list[Trial], rung: int) -> Standing:
        first = trials[0]
        mious = [self._come[each.entry.key][self._step(each, rung)] for each in trials]
        recipe = first.recipe
        return Standing(
            name=first.entry.candidate,
            number=self._numbers[first.entry.candidate],
            miou=sum(mious) / len(mious),
            costs=self._costs[first.entry.candidate],
            budget=(recipe.steps, recipe.batch, recipe.crop, str(recipe.dataset)),
            is_baseline=first.entry.baseline,
        )

    def _stopped(self, trial: Trial, rung: int, why: str) -> Row:
        row = self._ledger.trials([trial.entry.key])[trial.entry.key]
        said = f"after {self._step(trial, rung)} of {trial.recipe.steps} steps: {why}"
        return {**row, "state": "stopped", "reason": said, "stopped_by": rule_of(self._study)}


def _come(row: Mapping[str, Any]) -> dict[int, float]:
    return {int(step): float(miou) for step, miou in row.get("rungs") or ()}


def _by_candidate(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.entry.candidate, []).append(trial)
    return found
