"""What is known of each candidate, over its seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.across import REFERENCE, TAKEN
from reports.by_seed import BySeed, ClassMeans, Columns, Figures, Floats, Places
from reports.columns import FIGURES
from reports.statistics import Spread, spread
from reports.trials import Trials

Flags = NDArray[np.bool_]

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
    ``apart`` says why none of its trials may be compared, ``unpaired`` why its latency alone may
    not: it then has none. ``timed`` are the columns by which its latency is compared with others';
    empty where it was not timed.
    """

    name: str
    baseline: bool
    factors: Mapping[str, str]
    num: Mapping[str, int]
    figures: Figures
    iou: Mapping[str, float | None]
    over: tuple[str, ...] = ()
    reason: str | None = None
    apart: str | None = None
    unpaired: str | None = None
    timed: Mapping[str, Any] = field(default_factory=dict)

    def spread(self, key: str) -> Spread | None:
        """A figure's mean and standard deviation over seeds; None where there is no value."""
        return spread([*self.figures[key].values()])

    def mean(self, key: str) -> float | None:
        """A figure's mean over seeds; None where there is no value."""
        return self.figures.columns.means[key][self.figures.rank]

    def seeds(self, key: str) -> frozenset[int]:
        """The seeds that have a value of a figure."""
        return frozenset(self.figures[key])

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
    columns = Columns((*FIGURES, *LATENCY_SPAN), groups.by_seed)
    nums, reasons, timings = groups.nums(), groups.reasons(), groups.timed()
    over = _over(columns, budget, timings)
    told = (groups.names, groups.factors(), nums, groups.class_means(), timings)
    lines = enumerate(zip(*told, strict=True))
    return tuple(
        Candidate(
            name=name,
            baseline=rank in groups.baselines,
            factors=factors,
            num=num,
            figures=Figures(columns, rank),
            iou=iou,
            over=over.get(rank, ()),
            reason=reasons.get(rank),
            apart=groups.apart.get(rank),
            timed=timed,
        )
        for rank, (name, factors, num, iou, timed) in lines
    )


def timed_by(trials: Trials) -> dict[str, list[Any]]:
    """The columns by which latencies are compared, between sessions too where these have such."""
    more = (REFERENCE, *TAKEN.values()) if REFERENCE in trials.columns else ()
    return {key: trials.column(key) for key in (*TIMED, *more)}


class _Groups:
    """The trials of a table by candidate: what is known of all candidates, column by column.

    ``which`` are the trials that count: those that may be compared, or all of a candidate of which
    none may. ``done`` are those among them that came to their end. ``order`` has all trials
    candidate by candidate, and ``firsts`` the first of each.
    """

    def __init__(self, trials: Trials, apart: Mapping[str, str]) -> None:
        self.trials = trials
        column = trials.column("candidate")
        ranks = {name: rank for rank, name in enumerate(dict.fromkeys(column))}
        self.names = list(ranks)
        self.who = np.array([*map(ranks.__getitem__, column)], dtype=int)
        self.order = np.argsort(self.who, kind="stable")
        keys = trials.column("key")
        kept = np.array([key not in apart for key in keys], dtype=bool)
        self.compared = np.bincount(self.who, kept, minlength=len(ranks)) > 0
        self.which = kept | ~self.compared[self.who]
        self.done = self.which & np.array([s == "done" for s in trials.column("state")], dtype=bool)
        self.seeds = np.array(trials.column("seed"), dtype=int)
        _, starts = self.runs(np.ones(len(self.who), dtype=bool))
        self.firsts: list[int] = self.order[starts[:-1]].tolist()
        lone = np.flatnonzero(~self.compared).tolist()
        self.apart = {rank: apart[keys[self.firsts[rank]]] for rank in lone}
        self.baselines = {ranks[column[place]] for place in _true(trials.column("baseline"))}

    def runs(self, some: Flags) -> tuple[Places, Places]:
        """Places of some trials, candidate by candidate, and where each one's begin and end."""
        places = self.order[some[self.order]]
        nums = np.bincount(self.who[places], minlength=len(self.names))
        return places, np.concatenate([[0], np.cumsum(nums)])

    def by_seed(self, key: str) -> BySeed:
        """A figure by seed; only a trial that came to its end has an accuracy."""
        values, some = _numbers(self.trials.column(key)), self.done if key in SEEDED else self.which
        places, starts = self.runs(some & np.isfinite(values))
        return BySeed(starts, self.seeds[places], values[places])

    def nums(self) -> list[Mapping[str, int]]:
        """How many trials are in which state; alike candidates share one count."""
        places, starts = self.runs(np.ones(len(self.who), dtype=bool))
        states = list(map(self.trials.column("state").__getitem__, places.tolist()))
        counted = cache(Counter[str])
        return [counted(tuple(states[a:b])) for a, b in pairwise(starts.tolist())]

    def reasons(self) -> dict[int, str]:
        """The first reason of those candidates that have one."""
        reasons = self.trials.column("reason")
        return {int(self.who[place]): reasons[place] for place in reversed([*_true(reasons)])}

    def timed(self) -> list[dict[str, Any]]:
        """How candidates were timed; all seeds of one have one latency, that of its network."""
        latencies = _numbers(self.trials.column("latency_ms"))
        places, starts = self.runs(self.which & np.isfinite(latencies))
        has = np.diff(starts) > 0
        firsts = places[starts[:-1][has]].tolist()
        named = timed_by(self.trials)
        columns = (map(column.__getitem__, firsts) for column in named.values())
        known = (dict(zip(named, line, strict=True)) for line in zip(*columns, strict=True))
        return [next(known) if is_timed else {} for is_timed in has.tolist()]

    def factors(self) -> list[dict[str, str]]:
        """What a study varied."""
        found: list[dict[str, str]] = [{} for _ in self.firsts]
        for name, column in self._named(FACTOR):
            for factors, first in zip(found, self.firsts, strict=True):
                if column[first] is not None:
                    factors[name] = str(column[first])
        return found

    def class_means(self) -> list[ClassMeans]:
        """The mean of each class over the seeds of candidates that may be compared."""
        classes = dict(self._named("iou."))
        places, starts = self.runs(self.done & self.compared[self.who])
        some = places.tolist()
        return [ClassMeans(classes, some[a:b]) for a, b in pairwise(starts.tolist())]

    def _named(self, start: str) -> list[tuple[str, list[Any]]]:
        found = self.trials.columns.items()
        return [(key.removeprefix(start), each) for key, each in found if key.startswith(start)]


def _true(column: Sequence[Any]) -> Iterator[int]:
    """Where a column has something."""
    return compress(range(len(column)), column)


def _numbers(column: list[Any]) -> Floats:
    """A column of numbers, NaN for each that is missing."""
    return np.array(column, dtype=float)


def _over(
    columns: Columns, budget: Mapping[str, float], timings: Sequence[Mapping[str, Any]]
) -> dict[int, tuple[str, ...]]:
    """Which budgets those candidates break that break any."""
    broken: dict[int, tuple[str, ...]] = {}
    for key, bound in budget.items():
        for rank, mean in enumerate(columns.means[key] if key in columns else ()):
            if mean is not None and mean > bound:
                column = FIGURES[key]
                told = column.finer((mean, bound))
                given, most = told.text(mean), told.with_unit(bound)
                text = f"{column.label} {given} is over the budget of {most}"
                if key == "latency_ms":
                    low = columns.means[LATENCY_SPAN[0]][rank]
                    text += _budget_doubt(low is not None and low <= bound, timings[rank])
                broken[rank] = (*broken.get(rank, ()), text)
    return broken


def _budget_doubt(is_near: bool, timed: Mapping[str, Any]) -> str:
    """What makes a latency over its budget no fact: other work, or its interval."""
    if timed.get("latency_contended"):
        return ", but was timed beside other work, which makes it longer"
    return ", but not told from it" if is_near else ""
