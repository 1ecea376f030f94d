"""Costs and latencies of candidates: measured once, kept in the ledger, judged by a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ledger import Entry, Ledger
from harness.measure.candidates import Order, cost_of, latencies_of
from harness.measure.receipt import keep
from harness.mistakes import NotInstalledError
from harness.plan import Trial
from harness.runners.runner import Runner
from harness.study import Budget, Timing
from harness.trial import Row, reason_of

Place = tuple[int, tuple[int, int]]
"""For how many classes, and at what (height, width), a candidate is measured."""

Broken = dict[str, str]
"""Why candidates could not be measured, by cost key."""


@dataclass(frozen=True)
class Figures:
    """The figures of candidates that are known before any training."""

    timing: Timing
    ledger: Ledger
    runner: Runner
    plugins: tuple[str, ...]
    receipts: Path
    command: str

    def missing(self, trials: Iterable[Trial], kind: str) -> dict[str, Trial]:
        """One trial for each of their keys, ``cost_key`` or ``latency_key``, without a row."""
        by_key = {getattr(trial.entry, kind): trial for trial in trials}
        known = self.ledger.measurements(by_key)
        return {key: trial for key, trial in by_key.items() if key not in known}

    def count(self, missing: Mapping[str, Trial], place: Callable[[Trial], Place]) -> Broken:
        """Counts candidates by cost key; gives those that could not be built."""
        broken: Broken = {}
        for key, trial in missing.items():
            try:
                cost = cost_of(trial.architecture, *place(trial))
            except (OSError, NotInstalledError):  # for the user to mend, not the candidate's fault
                raise
            except Exception as error:
                broken[key] = reason_of(error)
            else:
                self.ledger.put_measurement(key, cost)
        return broken

    def time(self, missing: Mapping[str, Trial], place: Callable[[Trial], Place]) -> Broken:
        """Times candidates by latency key, together; gives those that could not be timed."""
        groups: dict[Place, dict[str, Trial]] = {}
        for key, trial in missing.items():
            groups.setdefault(place(trial), {})[key] = trial
        broken: Broken = {}
        for (classes, size), group in groups.items():
            timed = self.runner.call(latencies_of, self._order(group, classes, size))
            for receipt in timed.receipts:  # perhaps from another machine: only here are they kept
                keep(self.receipts, receipt)
            found: dict[str, Row] = timed.rows
            wrong = [key for key, row in found.items() if "latency_error" in row]
            broken |= {group[k].entry.cost_key: str(found[k]["latency_error"]) for k in wrong}
            self.ledger.put_measurements({k: found[k] for k in found if k not in wrong})
        return broken

    def _order(self, group: Mapping[str, Trial], classes: int, size: tuple[int, int]) -> Order:
        costs = self.ledger.measurements(trial.entry.cost_key for trial in group.values())
        keys = {key: trial.entry.cost_key for key, trial in group.items()}
        return Order(
            given={key: trial.architecture for key, trial in group.items()},
            num_classes=classes,
            timing=self.timing,
            size=size,
            plugins=self.plugins,
            counts={key: costs[cost_key] for key, cost_key in keys.items() if cost_key in costs},
            command=self.command,
        )

    def of(self, entries: Sequence[Entry]) -> list[Row]:
        """All that is known of planned trials before training, one flat row each."""
        found = self.ledger.measurements(
            {key for entry in entries for key in (entry.cost_key, entry.latency_key)}
        )
        return [
            {**found.get(entry.cost_key, {}), **found.get(entry.latency_key, {})}
            for entry in entries
        ]


def over_budget(budget: Budget, figures: Row) -> tuple[str, float] | None:
    """Why figures are over a budget, and by what share of the bound; None if they are within."""
    for name in ("params", "gmacs", "activations", "latency_ms"):
        bound, value = getattr(budget, name), figures.get(name)
        if bound is not None and value is not None and value > bound:
            return f"over budget: {name} {value:.4g} > {bound:g}", value / bound - 1
    return None
