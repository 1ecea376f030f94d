"""What is known of each candidate, over its seeds."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.columns import FIGURES
from reports.statistics import Spread, spread
from reports.trials import Trials

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

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
    groups = _Groups(trials, apart)
    values = {key: groups.by_seed(key, key in SEEDED) for key in (*FIGURES, *LATENCY_SPAN)}
    nums, reasons, timed = groups.nums(), groups.reasons(), groups.timed()
    factors, ious = groups.factors(), groups.class_means()
    found = []
    for rank, name in enumerate(groups.names):
        figures = {key: each[rank] for key, each in values.items()}
        found.append(
            Candidate(
                name=name,
                baseline=rank in groups.baselines,
                factors=factors[rank],
                num=nums[rank],
                figures=figures,
                iou=ious[rank],
                over=_over(figures, budget),
                reason=reasons.get(rank),
                apart=groups.apart.get(rank),
                timed=timed[rank],
            )
        )
    return tuple(found)


class _Groups:
    """The trials of a table by candidate: what is known of all candidates, column by column.

    ``which`` are the trials that count: those that may be compared, or all of a candidate of which
    none may. ``done`` are those among them that came to their end.
    """

    def __init__(self, trials: Trials, apart: Mapping[str, str]) -> None:
        self.trials = trials
        ranks: dict[str, int] = {}
        who = [ranks.setdefault(name, len(ranks)) for name in trials.column("candidate")]
        self.names, self.who = list(ranks), np.array(who, dtype=int)
        self.order = np.argsort(self.who, kind="stable")
        keys = trials.column("key")
        kept = np.array([key not in apart for key in keys], dtype=bool)
        self.compared = np.bincount(self.who, kept, minlength=len(ranks)) > 0
        self.which = kept | ~self.compared[self.who]
        self.done = self.which & np.array([s == "done" for s in trials.column("state")], dtype=bool)
        self.seeds = np.array(trials.column("seed"))
        self.firsts: list[int] = np.unique(self.who, return_index=True)[1].tolist()
        lone = np.flatnonzero(~self.compared).tolist()
        self.apart = {rank: apart[keys[self.firsts[rank]]] for rank in lone}
        pairs = zip(who, trials.column("baseline"), strict=True)
        self.baselines = {rank for rank, is_baseline in pairs if is_baseline}

    def runs(self, some: Flags) -> tuple[Places, list[tuple[int, int]]]:
        """Places of some trials, candidate by candidate, and from where to where each has them."""
        places = self.order[some[self.order]]
        nums = np.bincount(self.who[places], minlength=len(self.names))
        return places, list(pairwise([0, *np.cumsum(nums).tolist()]))

    def by_seed(self, key: str, is_seeded: bool) -> list[dict[int, float]]:
        """A figure by seed; only a trial that came to its end has an accuracy."""
        values = _numbers(self.trials.column(key))
        places, runs = self.runs((self.done if is_seeded else self.which) & np.isfinite(values))
        seeds, known = self.seeds[places].tolist(), values[places].tolist()
        return [dict(zip(seeds[a:b], known[a:b], strict=True)) for a, b in runs]

    def nums(self) -> list[Mapping[str, int]]:
        """How many trials are in which state; alike candidates share one count."""
        places, runs = self.runs(np.ones(len(self.who), dtype=bool))
        states = list(map(self.trials.column("state").__getitem__, places.tolist()))
        counted = cache(Counter[str])
        return [counted(tuple(states[a:b])) for a, b in runs]

    def reasons(self) -> dict[int, str]:
        """The first reason of those candidates that have one."""
        pairs = zip(self.who.tolist(), self.trials.column("reason"), strict=True)
        found: dict[int, str] = {}
        for rank, why in pairs:
            if why:
                found.setdefault(rank, why)
        return found

    def timed(self) -> list[dict[str, Any]]:
        """How candidates were timed; all seeds of one have one latency, that of its network."""
        latencies = _numbers(self.trials.column("latency_ms"))
        places, runs = self.runs(self.which & np.isfinite(latencies))
        columns = [self.trials.column(key) for key in TIMED]
        found: list[dict[str, Any]] = [{} for _ in runs]
        for line, (start, stop) in zip(found, runs, strict=True):
            if start < stop:
                first = places[start]
                line.update(zip(TIMED, [each[first] for each in columns], strict=True))
        return found

    def factors(self) -> list[dict[str, str]]:
        """What a study varied."""
        columns = [
            (key, map(values.__getitem__, self.firsts)) for key, values in self._named(FACTOR)
        ]
        found: list[dict[str, str]] = [{} for _ in self.firsts]
        for key, values in columns:
            for factors, value in zip(found, values, strict=True):
                if value is not None:
                    factors[key] = str(value)
        return found

    def class_means(self) -> list[dict[str, float | None]]:
        """The mean of each class over the seeds of candidates that may be compared."""
        some = self.done & self.compared[self.who]
        named = dict(self._named("iou."))
        columns = [self._means(_numbers(each), some) for each in named.values()]
        has = np.bincount(self.who[some], minlength=len(self.names)) > 0
        means = zip(*columns, strict=True) if columns else repeat((), len(has))
        lines = zip(means, has.tolist(), strict=True)
        return [dict(zip(named, line, strict=True)) if is_in else {} for line, is_in in lines]

    def _means(self, values: Floats, some: Flags) -> list[float | None]:
        places, runs = self.runs(some & np.isfinite(values))
        known = values[places].tolist()
        return [math.fsum(known[a:b]) / (b - a) if a < b else None for a, b in runs]

    def _named(self, start: str) -> list[tuple[str, list[Any]]]:
        found = self.trials.columns.items()
        return [(key.removeprefix(start), each) for key, each in found if key.startswith(start)]


def _numbers(column: list[Any]) -> Floats:
    """A column of numbers, NaN for each that is missing."""
    return np.array(column, dtype=float)


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
