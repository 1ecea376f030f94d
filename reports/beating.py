"""Which candidates beat which beyond seed noise: all pairs of two groups at once, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.by_seed import Floats, Lazy, Places
from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.statistics import Noise, own_factors, width_factor

Flags = NDArray[np.bool_]

Told = tuple[Flags, Flags]

BLOCK = 80_000
"""How many pairs are compared at once: they stay near the processor, and their memory is reused.

Twice as many may be given back to the system after each step, which takes as long as the sums."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """The candidates that compete, the best in the first objective first.

    ``places`` are where they stand among all; ``matrix`` has their means (candidates, objectives),
    less being better; ``scores`` likewise their values by seed (candidates, seeds) for each seeded
    objective, NaN where one has no such seed.
    """

    objectives: tuple[str, ...]
    noises: Mapping[str, Noise | None]
    everyone: tuple[Candidate, ...]
    places: Places
    matrix: Floats
    scores: Mapping[str, Floats]

    def candidate(self, rank: int) -> Candidate:
        """One of those that compete."""
        return self.everyone[int(self.places[rank])]

    def leads(self, key: str, some: Places) -> Told:
        """Whether leads in a seeded objective hold against seed noise, and whether that is known.

        Both (some, everyone): of each of some over each of all that compete.
        """
        noise, means = self.noises[key], self._means(key)
        ahead = means[some][:, None] < means
        if noise is None:
            return np.zeros_like(ahead), np.zeros_like(ahead)
        return _held(ahead, noise, *self._pairs[key].sums(some))

    def beats(self, first: Places, second: Places) -> Told:
        """Whether all leads of means hold, and whether that is known: of the first of each pair.

        Held and known where there is no seeded objective to doubt.
        """
        held, known = np.ones(len(first), dtype=bool), np.ones(len(first), dtype=bool)
        for key, values in self.scores.items():
            noise, means = self.noises[key], self._means(key)
            if noise is None:
                return np.zeros_like(held), np.zeros_like(known)
            sums = _sums_of_pairs(values[first], values[second])
            each_held, each_known = _held(means[first] < means[second], noise, *sums)
            held, known = held & each_held, known & each_known
        return held, known

    def _means(self, key: str) -> Floats:
        return np.asarray(self.matrix[:, self.objectives.index(key)])

    @cached_property
    def _pairs(self) -> Mapping[str, _AllPairs]:
        return {key: _AllPairs(each) for key, each in self.scores.items()}

    def escapes(self, some: Places) -> Told:
        """Whether some lead holds, which is enough not to be dominated; and whether it is known.

        Both (some, everyone).
        """
        if not self.scores:
            shape = len(some), len(self.places)
            return np.ones(shape, dtype=bool), np.ones(shape, dtype=bool)
        found = [self.leads(key, some) for key in self.scores]
        held = np.logical_or.reduce([each for each, _ in found])
        return held, held | np.logical_and.reduce([known for _, known in found])

    def blocks(self, places: Places, others: int) -> Sequence[Places]:
        """Places in groups, each small enough to be compared with so many others at once."""
        num = math.ceil(len(places) * max(others, 1) / BLOCK)
        return np.array_split(places, num) if num else []


def _held(ahead: Flags, noise: Noise, num: Floats, gaps: Floats, squares: Floats) -> Told:
    """Whether leads hold, and whether that is known, by the sums over the seeds of each pair.

    As ``reports.statistics.difference`` has it. A lead of means over other seeds that those in
    common deny does not hold.
    """
    less = gaps < 0
    gaps **= 2
    own = (squares - gaps / np.maximum(num, 1)) / (2 * np.maximum(num - 1, 1))
    known = num >= min(noise.usual_seeds, 2)
    wide = width_factor(noise) ** 2 * np.maximum(own, noise.sd**2)
    few = np.nonzero(num < noise.usual_seeds)  # mostly none, and a table for all takes its time
    wide[few] = np.maximum(wide[few], own_factors(noise)[num[few].astype(int)] ** 2 * own[few])
    return known & ahead & less & (gaps > wide * num), known


class _AllPairs:
    """Scores by seed (candidates, seeds) of which all pairs are compared, by products of matrices.

    Around the mean of all, so that squares lose no digits; a score that is missing is 0.
    """

    def __init__(self, scores: Floats) -> None:
        self._has = ~np.isnan(scores) * 1.0
        self._own = np.nan_to_num(scores - np.nanmean(scores))
        self._for_gaps = np.hstack([self._has, self._own]).T
        self._for_squares = np.hstack([self._has, self._own**2, self._own]).T

    def sums(self, some: Places) -> tuple[Floats, Floats, Floats]:
        """How many seeds both have, the sum of their differences, and of its squares.

        Each (some, everyone): of each of some with each of all.
        """
        has, own = self._has[some], self._own[some]
        gaps = np.hstack([own, -has]) @ self._for_gaps
        squares = np.hstack([own**2, has, -2 * own]) @ self._for_squares
        return has @ self._has.T, gaps, squares


def _sums_of_pairs(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """The same sums of each line of the first with that of the second."""
    gaps = first - second
    has = ~np.isnan(gaps)
    gaps[~has] = 0
    return has.sum(axis=1) * 1.0, gaps.sum(axis=1), (gaps**2).sum(axis=1)


class Measured:
    """Candidates with their figures as arrays, each made once: other objectives share them.

    ``troubled`` are those that may not be on a front for another reason than a missing figure.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = tuple(candidates)
        self.compared = np.array([not each.apart for each in candidates], dtype=bool)
        alone = enumerate(candidates)
        self.troubled = [n for n, e in alone if e.apart or e.over or e.num.keys() != {"done"}]
        columns = candidates[0].figures.columns
        self._means = Lazy(columns, lambda key: np.array(columns.means[key], dtype=float))
        self._tables = Lazy(columns, lambda key: columns[key].table())

    def means(self, key: str) -> Floats:
        """A figure's means over seeds (candidates,); NaN where there is none."""
        return self._means[key]

    def scores(self, key: str) -> Floats:
        """A figure's values by seed (candidates, seeds); NaN where one has no such seed."""
        return self._tables[key][1]

    def seeds(self, key: str) -> list[int]:
        """The seeds that any has a figure of, in order."""
        return self._tables[key][0]


def field_of(
    measured: Measured,
    inside: Places,
    objectives: Mapping[str, str],
    noises: Mapping[str, Noise | None],
) -> Field:
    """The field of some candidates, which must have all figures."""
    signs = {key: -1.0 if way == "max" else 1.0 for key, way in objectives.items()}
    signed = [measured.means(key) * sign for key, sign in signs.items()]
    matrix = np.stack(signed, axis=1)[inside]
    order = np.lexsort(matrix.T[::-1])
    places = inside[order]
    return Field(
        objectives=tuple(objectives),
        noises=noises,
        everyone=measured.candidates,
        places=places,
        matrix=matrix[order],
        scores={
            key: measured.scores(key)[places] * sign
            for key, sign in signs.items()
            if FIGURES[key].seeded
        },
    )


def undominated(points: Floats) -> Flags:
    """Which points (points, objectives) none other dominates; less is better, twins both stay.

    n log n in time for one or two objectives, n times the size of the front for more.
    """
    order = np.lexsort(points.T[::-1])
    ordered = points[order]
    # Whatever dominates a point stands before it, and so does someone of the front who does.
    kept = _sweep(ordered) if points.shape[1] <= 2 else _one_by_one(ordered)
    found = np.empty(len(points), dtype=bool)
    found[order] = kept
    return found


def _sweep(ordered: Floats) -> Flags:
    last = ordered[:, -1]
    before = np.concatenate([[np.inf], np.minimum.accumulate(last)[:-1]])
    better = last < before
    if ordered.shape[1] == 1:
        return np.asarray(last == last[:1].min(initial=np.inf))
    # A twin stands right behind its like.
    fresh = np.ones(len(ordered), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.asarray(better[np.maximum.accumulate(np.where(fresh, np.arange(len(fresh)), 0))])


def _one_by_one(ordered: Floats) -> Flags:
    kept = np.zeros(len(ordered), dtype=bool)
    front, num = np.empty_like(ordered), 0
    for place, point in enumerate(ordered):
        known = front[:num]
        if not ((known <= point).all(axis=1) & (known < point).any(axis=1)).any():
            kept[place], front[num] = True, point
            num += 1
    return kept
