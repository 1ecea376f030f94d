"""Finds the candidates that none other beats, and says how far that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.latencies import level
from reports.statistics import Noise, difference

Status = Literal[
    "front", "dominated", "over budget", "failed", "stopped", "apart", "waiting", "incomplete"
]
Point = tuple[float, ...]
"""A candidate's means, one an objective, signed so that less is better."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a candidate stands.

    ``rival`` is the candidate that dominates it, or, on the front, the one it cannot be told from.
    ``resolved`` is whether its place holds against seed noise; None where the spread is not known.
    """

    candidate: Candidate
    status: Status
    rival: str | None = None
    resolved: bool | None = None
    words: str

    @property
    def competes(self) -> bool:
        """Whether the candidate could be on the front."""
        return self.status in ("front", "dominated")


def dominates(first: Point, second: Point) -> bool:
    """Whether a point is nowhere worse than another and somewhere better; less is better."""
    return all(a <= b for a, b in zip(first, second, strict=True)) and first != second


def standings(
    found: Sequence[Candidate],
    objectives: Mapping[str, str],
    noises: Mapping[str, Noise | None],
) -> tuple[Standing, ...]:
    """Where each candidate stands, by the means of its figures; less or more as objectives say."""
    outside = {each.name: _outside(each, objectives) for each in found}
    inside = [each for each in found if outside[each.name] is None]
    points = {each.name: _point(each, objectives) for each in inside}
    ranked = tuple(sorted(inside, key=lambda each: points[each.name]))
    field = _Field(
        objectives=tuple(objectives),
        noises=noises,
        points=points,
        ranked=ranked,
        matrix=np.array([points[each.name] for each in ranked]).reshape(-1, len(objectives)),
    )
    return tuple(outside[each.name] or _inside(each, field) for each in found)


def _point(one: Candidate, objectives: Mapping[str, str]) -> Point:
    return tuple(_signed(one, key, way) for key, way in objectives.items())


def _signed(one: Candidate, key: str, way: str) -> float:
    mean = one.mean(key)
    assert mean is not None, (one.name, key)
    return -mean if way == "max" else mean


def _outside(one: Candidate, objectives: Mapping[str, str]) -> Standing | None:
    """The standing of a candidate that cannot be on the front; None for one that can."""
    missing = [FIGURES[key].label for key in objectives if one.mean(key) is None]
    done, waits = one.num.get("done"), one.num.get("pending")
    if one.apart:
        return Standing(candidate=one, status="apart", words=f"not compared: {one.apart}")
    if one.over or one.num.get("rejected"):
        words = "; ".join(one.over) or one.reason or "rejected before training"
        return Standing(candidate=one, status="over budget", words=words)
    if one.num.get("failed") and not done and not waits:
        return Standing(
            candidate=one, status="failed", words=f"failed: {one.reason or 'no reason was kept'}"
        )
    if one.num.get("stopped") and not done:
        return Standing(candidate=one, status="stopped", words=f"stopped {one.reason or 'early'}")
    if waits and missing:
        return Standing(candidate=one, status="waiting", words="not finished yet")
    if missing:
        words = f"no {' and no '.join(missing)} was measured"
        return Standing(candidate=one, status="incomplete", words=words)
    return None


@dataclass(frozen=True, kw_only=True)
class _Field:
    """The candidates that compete, the best in the first objective first, and by what."""

    objectives: tuple[str, ...]
    noises: Mapping[str, Noise | None]
    points: Mapping[str, Point]
    ranked: tuple[Candidate, ...]
    matrix: NDArray[np.float64]

    def others(self, one: Candidate) -> list[Candidate]:
        """All but one."""
        return [each for each in self.ranked if each.name != one.name]

    def above(self, one: Candidate) -> list[Candidate]:
        """Those that dominate one on means."""
        point = np.array(self.points[one.name])
        found = (self.matrix <= point).all(axis=1) & (self.matrix < point).any(axis=1)
        return [self.ranked[place] for place in np.flatnonzero(found)]

    def beats(self, first: Candidate, second: Candidate) -> bool | None:
        """Whether all leads of one mean over another hold against seed noise.

        None where the spread is not known. True if there is no seeded objective to doubt.
        """
        found = self._all_leads(first, second)
        return None if None in found else all(found)

    def escapes(self, first: Candidate, second: Candidate) -> bool | None:
        """Whether some lead holds, which is enough not to be dominated.

        None where the spread is not known. True if there is no seeded objective to doubt.
        """
        found = self._all_leads(first, second)
        if not found or any(found):
            return True
        return None if None in found else False

    def _all_leads(self, first: Candidate, second: Candidate) -> list[bool | None]:
        seeded = [key for key in self.objectives if FIGURES[key].seeded]
        return [self._leads(first, second, key) for key in seeded]

    def _leads(self, first: Candidate, second: Candidate, key: str) -> bool | None:
        scores = {each.name: each.figures[key] for each in (first, second)}
        gap = difference(scores, first.name, second.name, self.noises[key])
        if gap is None or gap.resolved is None:
            return None
        place = self.objectives.index(key)
        return gap.resolved and self.points[first.name][place] < self.points[second.name][place]

    def no_dearer(self, first: Candidate, second: Candidate) -> bool:
        """Whether one may be nowhere worse than another in the objectives without seed noise."""
        pairs = zip(self.objectives, self.points[first.name], self.points[second.name], strict=True)
        return all(
            a <= b or (key == "latency_ms" and level(first, second, len(self.ranked) - 1))
            for key, a, b in pairs
            if not FIGURES[key].seeded
        )


def _inside(one: Candidate, field: _Field) -> Standing:
    above = field.above(one)
    if above:
        return _dominated(one, above, field)
    # A lead in accuracy or latency that is noise would leave these ahead of it, or level with it.
    rivals = [each for each in field.others(one) if field.no_dearer(each, one)]
    verdicts = [(each.name, field.escapes(one, each)) for each in rivals]
    doubts = [(name, holds) for name, holds in verdicts if not holds]
    rival, resolved = doubts[0] if doubts else (None, True)
    words = "on the front" + _doubt(resolved, rival) + _failures(one)
    return Standing(candidate=one, status="front", rival=rival, resolved=resolved, words=words)


def _dominated(one: Candidate, above: Sequence[Candidate], field: _Field) -> Standing:
    sure = next((each for each in above if field.beats(each, one)), None)
    rival, resolved = (sure or above[0]).name, True if sure else field.beats(above[0], one)
    words = f"dominated by {rival}" + _doubt(resolved, None) + _failures(one)
    return Standing(candidate=one, status="dominated", rival=rival, resolved=resolved, words=words)


def _doubt(resolved: bool | None, rival: str | None) -> str:
    if resolved:
        return ""
    if resolved is None:
        return " (seed spread unknown)"
    return f", but not resolved from {rival}" if rival else ", but not resolved"


def _failures(one: Candidate) -> str:
    failed = one.num.get("failed", 0)
    return f"; {failed} of {one.num_trials} trials failed" if failed else ""
