"""Costs and latencies of candidates: measured once, kept in the ledger, judged by a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.keys import key_of
from harness.ledger import Entry, Ledger
from harness.measure.across import referred
from harness.measure.candidates import MAX_TOGETHER, Order, cost_of, latencies_of
from harness.measure.receipt import keep
from harness.mistakes import NotInstalledError
from harness.plan import Trial, timed_together
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

    def time(
        self,
        missing: Mapping[str, Trial],
        place: Callable[[Trial], Place],
        before: Trial | None = None,
    ) -> Broken:
        """Times candidates by latency key, together; gives those that could not be timed.

        ``before`` is one that was timed earlier: it takes turns with them again, as the first does
        with all beyond those that fit into a session. Over it there are ratios between sessions.
        """
        groups: dict[Place, list[tuple[str, Trial]]] = {}
        for key, trial in missing.items():
            groups.setdefault(place(trial), []).append((key, trial))
        broken: Broken = {}
        for where, left in groups.items():
            reference = before if before and place(before) == where else None
            while left:
                room = MAX_TOGETHER - bool(reference)
                part, left = dict(left[:room]), left[room:]
                found = self._timed(part, reference, where)
                sound = {k: row for k, row in found.items() if "latency_error" not in row}
                reference = reference or next((part[key] for key in sound), None)
                broken |= {
                    part[k].entry.cost_key: str(row["latency_error"])
                    for k, row in found.items()
                    if k not in sound
                }
                self.ledger.put_measurements(sound)
        return broken

    def _timed(
        self, part: Mapping[str, Trial], reference: Trial | None, where: Place
    ) -> dict[str, Row]:
        """The rows of one session by latency key; a reference has its own row from before."""
        own = {reference.entry.latency_key: reference} if reference else {}
        named = {**own, **part}
        timed = self.runner.call(latencies_of, self._order(named, *where))
        for receipt in timed.receipts:  # perhaps from another machine: only here are they kept
            keep(self.receipts, receipt)
        rows: dict[str, Row] = timed.rows
        known = (key for key in own or part if "latency_error" not in rows[key])
        if key := next(known, None):
            rows = referred(rows, key, self._network(named[key], rows[key]))
        return {key: rows[key] for key in part}

    def _network(self, trial: Trial, row: Row) -> str:
        """What sessions must share before their ratios to a network are compared."""
        where = {name: row.get(name) for name in ("latency_device", "latency_torch")}
        return key_of(cost=trial.entry.cost_key, timing=self.timing, **where)

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

    def judged(self, trials: Sequence[Trial], budget: Budget) -> list[Trial]:
        """The trials, with the reason why one is over budget if it is."""
        judged = []
        for trial, known in zip(trials, self.of([each.entry for each in trials]), strict=True):
            over = over_budget(budget, known)
            entry = replace(trial.entry, rejected=over[0] if over else None)
            judged.append(replace(trial, entry=entry))
        return judged

    def of(self, entries: Sequence[Entry]) -> list[Row]:
        """All that is known of planned trials before training, one flat row each."""
        found = self.ledger.measurements(
            {key for entry in entries for key in (entry.cost_key, entry.latency_key)}
        )
        return [
            {**found.get(entry.cost_key, {}), **found.get(entry.latency_key, {})}
            for entry in entries
        ]


class Networks:
    """The networks of a study that were timed, group by group: each is timed once.

    A search, whose name is ``search``, tries one network with several recipes, in groups of their
    own; its next run has all that it knows in one group. So the ledger keeps which latency a
    network has in it. ``first`` is a trial of the first network whose latency is known.
    """

    def __init__(self, figures: Figures, search: str | None) -> None:
        self.first: Trial | None = None
        self._figures, self._search = figures, search
        self._keys: dict[str, str] = {}

    def together(self, own: list[Trial]) -> list[Trial]:
        """A group's trials with the latency keys that they have in this study."""
        if self._search:
            self._keys |= keys_in_search(self._figures.ledger, self._search, own)
        known = self._keys
        self.first = self.first or next((t for t in own if t.entry.latency_key in known), None)
        return timed_together(own, known)

    def new(self, trials: Iterable[Trial]) -> dict[str, Trial]:
        """One trial for each latency key that no earlier group had."""
        before = set(self._keys.values())
        by_key = {trial.entry.latency_key: trial for trial in trials}
        return {key: trial for key, trial in by_key.items() if key not in before}

    def keep(self, own: Sequence[Trial], trials: Sequence[Trial]) -> None:
        """Takes note of what is timed by now, of a group with and without the study's keys."""
        untimed, found = self._figures.missing(trials, "latency_key"), dict[str, str]()
        for mine, trial in zip(own, trials, strict=True):
            if trial.entry.latency_key not in untimed:
                found[mine.entry.latency_key] = trial.entry.latency_key
                self.first = self.first or trial
        new = {key: each for key, each in found.items() if key not in self._keys}
        if self._search and new:
            self._figures.ledger.put_measurements(
                {_in_search(self._search, key): {"latency_key": new[key]} for key in new}
            )
        self._keys |= new


def keys_in_search(ledger: Ledger, search: str, own: Iterable[Trial]) -> dict[str, str]:
    """The latency keys that networks have in a search, by their own keys, as far as it timed them.

    Without those whose latency is no longer there.
    """
    named = {_in_search(search, key): key for key in {each.entry.latency_key for each in own}}
    found = {k: str(row["latency_key"]) for k, row in ledger.measurements(named).items()}
    timed = ledger.measurements(found.values())
    return {named[key]: latency for key, latency in found.items() if latency in timed}


def _in_search(search: str, own: str) -> str:
    """The key under which the ledger keeps which latency a network has in a search."""
    return key_of(what="latency in a search", search=search, network=own)


def over_budget(budget: Budget, figures: Row) -> tuple[str, float] | None:
    """Why figures are over a budget, and by what share of the bound; None if they are within."""
    for name in ("params", "gmacs", "activations", "latency_ms"):
        bound, value = getattr(budget, name), figures.get(name)
        if bound is not None and value is not None and value > bound:
            return f"over budget: {name} {_amount(value)} > {_amount(bound)}", value / bound - 1
    return None


def _amount(value: float) -> str:
    """A figure or its bound, both in one notation: parameters are millions, latencies few."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
