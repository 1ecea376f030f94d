"""A study judged: what the answer, the tables, the charts and the page all rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.candidates import Candidate, candidates
from reports.columns import FIGURES
from reports.comparable import LeftOut, left_out
from reports.pareto import Standing, standings
from reports.rows import records
from reports.statistics import Difference, Noise, difference, seed_noise


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A study judged: the standings in plan order, and what they rest on.

    ``trials`` are the study's lines as plain values; ``noises`` has the seed noise of each seeded
    figure; ``left_out`` the trials that must not be compared with the rest.
    """

    name: str
    question: str
    objectives: Mapping[str, str]
    budget: Mapping[str, float]
    standings: tuple[Standing, ...]
    noises: Mapping[str, Noise | None]
    left_out: tuple[LeftOut, ...]
    trials: tuple[Mapping[str, Any], ...]

    @property
    def kept(self) -> tuple[Mapping[str, Any], ...]:
        """The trials that may be compared."""
        apart = {each.key for each in self.left_out}
        return tuple(trial for trial in self.trials if trial["key"] not in apart)

    @property
    def compared(self) -> tuple[Candidate, ...]:
        """The candidates of which some trial may be compared."""
        return tuple(each.candidate for each in self.standings if not each.candidate.apart)

    @property
    def scored(self) -> tuple[Standing, ...]:
        """The standings of those that could be on the front."""
        return tuple(each for each in self.standings if each.competes)

    @property
    def front(self) -> tuple[Standing, ...]:
        """The standings of those on the front."""
        return tuple(each for each in self.standings if each.status == "front")

    def difference(self, key: str, first: Candidate, second: Candidate) -> Difference | None:
        """How a seeded figure of two candidates differs, first minus second.

        None where they share no seed, or must not be compared.
        """
        if first.apart or second.apart:
            return None
        scores = {each.name: each.figures[key] for each in (first, second)}
        return difference(scores, first.name, second.name, self.noises.get(key))


def judge(study: Mapping[str, Any], table: pd.DataFrame) -> Verdict:
    """Judges all candidates of a study's frame on the study's objectives.

    KeyError for an objective that is not a figure of ``reports.columns.FIGURES``.
    """
    return _judged(study, tuple(records(table)), dict(study["objectives"]))


def judged_on(study: Mapping[str, Any], verdict: Verdict, objectives: Mapping[str, str]) -> Verdict:
    """The same trials judged on other objectives, with what these ask to be comparable."""
    return _judged(study, verdict.trials, objectives)


def _judged(
    study: Mapping[str, Any], trials: tuple[Mapping[str, Any], ...], objectives: Mapping[str, str]
) -> Verdict:
    budget = dict(study.get("budget") or {})
    odd = left_out(trials, objectives)
    found = candidates(trials, {each.key: each.why for each in odd}, budget)
    noises = {key: _noise(found, key) for key in FIGURES if FIGURES[key].seeded}
    return Verdict(
        name=study["name"],
        question=study.get("question") or "",
        objectives=objectives,
        budget=budget,
        standings=standings(found, objectives, noises),
        noises=noises,
        left_out=odd,
        trials=trials,
    )


def _noise(found: Sequence[Candidate], key: str) -> Noise | None:
    return seed_noise(
        {each.name: each.figures[key] for each in found if each.figures[key] and not each.apart}
    )
