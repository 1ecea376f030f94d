"""What is known of each candidate, over its seeds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from reports.columns import FIGURES
from reports.statistics import Spread, spread
from reports.trials import Trials

SEEDED = frozenset(key for key, each in FIGURES.items() if each.seeded)

FACTOR = "factor."
LATENCY_SPAN = ("latency_low_ms", "latency_high_ms")
"""The ends of the 95 % interval of a median latency."""

TIMED = (
    "latency_session",
    "latency_rounds_ns",
    "latency_rounds_cpu_ns",
    "latency_processes_ns",
    "latency_ratio_by",
    "latency_place",
    "latency_contended",
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One candidate's figures, from the trials that may be compared, or from all if none may.

    ``factors`` are what its study varied;
    ``figures`` maps a figure's key to its values by seed; ``num`` counts its trials by state;
    ``iou`` has the mean over seeds of each class, None for a class absent from the scored images.
    ``over`` says which budgets it breaks; ``reason`` is that of its first failure or rejection.
    ``apart`` says why none of its trials may be compared. ``timed`` are the columns by which its
    latency is compared with others'; empty where it has none.
    """

    name: str
    baseline: bool
    factors: Mapping[str, str]
    num: Mapping[str, int]
    figures: Mapping[str, Mapping[int, float]]
    iou: Mapping[str, float | None]
    over: tuple[str, ...] = ()
    reason: str | None = None
    apart: str | None = None
    timed: Mapping[str, Any] = field(default_factory=dict)

    def spread(self, key: str) -> Spread | None:
        """A figure's mean and standard deviation over seeds; None where there is no value."""
        return spread(list(self.figures.get(key, {}).values()))

    def mean(self, key: str) -> float | None:
        """A figure's mean over seeds; None where there is no value."""
        if key not in self._means:
            values = self.figures.get(key, {}).values()
            self._means[key] = statistics.fmean(values) if values else None
        return self._means[key]

    def seeds(self, key: str) -> frozenset[int]:
        """The seeds that have a value of a figure."""
        return frozenset(self.figures[key])

    @cached_property
    def _means(self) -> dict[str, float | None]:
        """Those that were asked for: each is, again and again."""
        return {}

    @property
    def num_trials(self) -> int:
        """How many trials are planned."""
        return sum(self.num.values())


def candidates(
    trials: Trials, apart: Mapping[str, str], budget: Mapping[str, float]
) -> tuple[Candidate, ...]:
    """The candidates of a study in plan order.

    ``apart`` maps the key of a trial that must not be compared to the reason.
    """
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(trials.column("candidate")):
        groups.setdefault(name, []).append(place)
    columns = _Columns(trials)
    return tuple(_candidate(n, places, columns, apart, budget) for n, places in groups.items())


class _Columns:
    """The columns of a table of trials that make a candidate, looked up once."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self.keys, self.seeds = trials.column("key"), trials.column("seed")
        self.states, self.reasons = trials.column("state"), trials.column("reason")
        self.baselines = trials.column("baseline")
        self.figures = {k: _numbers(trials.column(k)) for k in (*FIGURES, *LATENCY_SPAN)}
        self.timed = {key: trials.column(key) for key in TIMED}
        self.factors = self._named(FACTOR)
        self.ious = {key: _numbers(values) for key, values in self._named("iou.").items()}

    def _named(self, start: str) -> dict[str, list[Any]]:
        found = self.trials.columns.items()
        return {key.removeprefix(start): values for key, values in found if key.startswith(start)}


def _numbers(column: list[Any]) -> list[float | None]:
    """A column of numbers, None for each that is missing; looked through as a whole."""
    found = np.array(column, dtype=float)
    missing = np.flatnonzero(~np.isfinite(found))
    numbers: list[float | None] = found.tolist()
    for place in missing.tolist():
        numbers[place] = None
    return numbers


def _candidate(
    name: str,
    places: list[int],
    columns: _Columns,
    apart: Mapping[str, str],
    budget: Mapping[str, float],
) -> Candidate:
    keys = [columns.keys[place] for place in places]
    kept = [p for p, key in zip(places, keys, strict=True) if key not in apart] if apart else places
    done = [place for place in kept or places if columns.states[place] == "done"]
    # Only a trial that came to its end has an accuracy.
    figures = {
        key: _values(done if key in SEEDED else kept or places, values, columns.seeds)
        for key, values in columns.figures.items()
    }
    reasons = [why for place in places if (why := columns.reasons[place])]
    return Candidate(
        name=name,
        baseline=any(columns.baselines[place] for place in places),
        factors=_factors(places[0], columns),
        num=Counter([columns.states[place] for place in places]),
        figures=figures,
        iou=_class_means(done if kept else (), columns),
        over=_over(figures, budget),
        reason=reasons[0] if reasons else None,
        apart=None if kept else apart[keys[0]],
        timed=_timed(kept or places, columns),
    )


def _timed(places: Collection[int], columns: _Columns) -> dict[str, Any]:
    """How a candidate was timed; all its seeds have one latency, that of its network."""
    latencies = columns.figures["latency_ms"]
    found = next((place for place in places if latencies[place] is not None), None)
    return {} if found is None else {key: each[found] for key, each in columns.timed.items()}


def _factors(place: int, columns: _Columns) -> dict[str, str]:
    found = {key: values[place] for key, values in columns.factors.items()}
    return {key: str(value) for key, value in found.items() if value is not None}


def _values(
    places: Collection[int], values: Sequence[float | None], seeds: Sequence[int]
) -> dict[int, float]:
    """A figure by seed."""
    return {seeds[place]: value for place in places if (value := values[place]) is not None}


def _class_means(places: Collection[int], columns: _Columns) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for name, values in columns.ious.items() if places else ():
        known = [value for place in places if (value := values[place]) is not None]
        means[name] = statistics.fmean(known) if known else None
    return means


def _over(
    figures: Mapping[str, Mapping[int, float]], budget: Mapping[str, float]
) -> tuple[str, ...]:
    broken = []
    for key, bound in budget.items():
        values = figures.get(key, {}).values()
        if values and statistics.fmean(values) > bound:
            column = FIGURES[key]
            given, most = column.text(statistics.fmean(values)), column.with_unit(bound)
            broken.append(f"{column.label} {given} is over the budget of {most}")
    return tuple(broken)
