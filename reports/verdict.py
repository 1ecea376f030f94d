"""A study judged: what the answer, the tables, the charts and the page all rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from reports.beating import Measured
from reports.by_seed import Lazy
from reports.candidates import SEEDED, Candidate, candidates
from reports.comparable import LeftOut, Ways, left_out
from reports.latencies import by_ratio
from reports.pareto import Standing, Standings, standings
from reports.rows import unframed
from reports.statistics import Difference, Noise, difference, noise_of
from reports.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 100
"""So many candidates a page, a chart and a terminal list one by one; a CSV has them all."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A study judged: the standings in plan order, made when they are asked for, and their grounds.

    ``trials`` are the study's lines as plain values; ``noises`` has the seed noise of each seeded
    figure; ``left_out`` the trials that must not be compared with the rest, and ``kept`` are those
    that may; ``ways`` are those in which all were measured; ``measured`` the candidates in plan
    order, with their figures as arrays.
    """

    name: str
    question: str
    objectives: Mapping[str, str]
    budget: Mapping[str, float]
    stood: Callable[[], Standings]
    noises: Mapping[str, Noise | None]
    left_out: tuple[LeftOut, ...]
    trials: Trials
    ways: Ways
    kept: Trials
    measured: Measured

    @cached_property
    def standings(self) -> Standings:
        """Where each candidate stands, in plan order."""
        return self.stood()

    @cached_property
    def compared(self) -> tuple[Candidate, ...]:
        """The candidates of which some trial may be compared."""
        return tuple(each for each in self.measured.candidates if not each.apart)

    @cached_property
    def scored(self) -> tuple[Standing, ...]:
        """The standings of those that could be on the front."""
        return tuple(each for each in self.standings if each.competes)

    @cached_property
    def front(self) -> tuple[Standing, ...]:
        """The standings of those on the front."""
        return tuple(each for each in self.standings if each.status == "front")

    @cached_property
    def listed(self) -> tuple[Standing, ...]:
        """The standings that are listed one by one, in plan order: all of them, if not too many.

        Else the baseline, the front, and then the best in the study's first objective.
        """
        if len(self.standings) <= MOST_LISTED:
            return tuple(self.standings)
        ranked = sorted(enumerate(self.standings), key=lambda each: self._precedence(each[1]))
        places = sorted(place for place, _ in ranked[:MOST_LISTED])
        return tuple(self.standings[place] for place in places)

    def _precedence(self, one: Standing) -> tuple[bool, bool, bool, float]:
        key, way = next(iter(self.objectives.items()))
        mean = one.candidate.mean(key)
        worth = float("inf") if mean is None else -mean if way == "max" else mean
        return not one.candidate.baseline, one.status != "front", not one.competes, worth

    def difference(self, key: str, first: Candidate, second: Candidate) -> Difference | None:
        """How a seeded figure of two candidates differs, first minus second.

        None where they share no seed, or must not be compared.
        """
        if first.apart or second.apart:
            return None
        scores = {each.name: each.figures[key] for each in (first, second)}
        return difference(scores, first.name, second.name, self.noises.get(key))


def judge(study: Mapping[str, Any], table: pd.DataFrame | Trials) -> Verdict:
    """Judges all candidates of a study's trials, or of its frame, on the study's objectives.

    KeyError for an objective that is not a figure of ``reports.columns.FIGURES``.
    """
    trials = table if isinstance(table, Trials) else unframed(table)
    return _judged(study, trials, dict(study["objectives"]))


def judged_on(study: Mapping[str, Any], verdict: Verdict, objectives: Mapping[str, str]) -> Verdict:
    """The same trials judged on other objectives, with what these ask to be comparable."""
    return _judged(study, verdict.trials, objectives, verdict)


def _judged(
    study: Mapping[str, Any],
    trials: Trials,
    objectives: Mapping[str, str],
    before: Verdict | None = None,
) -> Verdict:
    budget = dict(study.get("budget") or {})
    ways = before.ways if before else Ways(trials)
    odd = left_out(trials, objectives, ways)
    if before and {each.key for each in before.left_out} == {each.key for each in odd}:
        measured, noises, kept = before.measured, before.noises, before.kept
    else:
        found = by_ratio(candidates(trials, {each.key: each.why for each in odd}, budget))
        measured, kept = Measured(found), kept_of(trials, odd)
        noises = Lazy(SEEDED, lambda key: noise_of(measured.scores(key)[measured.compared]))
    return Verdict(
        name=study["name"],
        question=study.get("question") or "",
        objectives=objectives,
        budget=budget,
        stood=cache(partial(standings, measured, objectives, noises)),
        noises=noises,
        left_out=odd,
        trials=trials,
        ways=ways,
        kept=kept,
        measured=measured,
    )


def kept_of(trials: Trials, left_out: Sequence[LeftOut]) -> Trials:
    """The trials that may be compared."""
    apart = {each.key for each in left_out}
    if not apart:
        return trials
    keys = trials.column("key")
    return trials.only(place for place, key in enumerate(keys) if key not in apart)
