"""Which candidates beat which beyond seed noise: all pairs of two groups at once, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.statistics import Noise, width_factor

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

BLOCK = 80_000
"""How many pairs are compared at once: they stay near the processor, and their memory is reused.

Twice as many may be given back to the system after each step, which takes as long as the sums."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """The candidates that compete, the best in the first objective first.

    ``places`` are where they stand among all; ``matrix`` has their means (candidates, objectives),
    less being better; ``scores`` their values by seed (candidates, seeds) for each seeded
    objective, NaN where one has no such seed.
    """

    objectives: tuple[str, ...]
    noises: Mapping[str, Noise | None]
    places: Places
    ranked: tuple[Candidate, ...]
    matrix: Floats
    scores: Mapping[str, Floats]

    def leads(self, key: str, first: Places, second: Places) -> tuple[Flags, Flags]:
        """Whether leads in a seeded objective hold against seed noise, and whether that is known.

        Both (first, second): of each of the first over each of the second.
        """
        shape, noise = (len(first), len(second)), self.noises[key]
        if noise is None:
            return np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        values, place = self.scores[key], self.objectives.index(key)
        num, gaps, squares = _paired_sums(values[first], values[second])
        gaps **= 2
        own = (squares - gaps / np.maximum(num, 1)) / (2 * np.maximum(num - 1, 1))
        ahead = self.matrix[first, place][:, None] < self.matrix[second, place][None, :]
        known = num > 0
        held = gaps > width_factor(noise) ** 2 * np.maximum(own, noise.sd**2) * num
        return known & ahead & held, known

    def beats(self, first: Places, second: Places) -> tuple[Flags, Flags]:
        """Whether all leads of means hold, and whether that is known, each (first, second).

        Held and known where there is no seeded objective to doubt.
        """
        found = [self.leads(key, first, second) for key in self.scores]
        shape = (len(first), len(second))
        held = np.logical_and.reduce([np.ones(shape, dtype=bool), *(each for each, _ in found)])
        return held, np.logical_and.reduce([np.ones(shape, dtype=bool), *(k for _, k in found)])

    def escapes(self, first: Places, second: Places) -> tuple[Flags, Flags]:
        """Whether some lead holds, which is enough not to be dominated; and whether it is known."""
        if not self.scores:
            return self.beats(first, second)
        found = [self.leads(key, first, second) for key in self.scores]
        held = np.logical_or.reduce([each for each, _ in found])
        return held, held | np.logical_and.reduce([known for _, known in found])

    def blocks(self, places: Places, others: int) -> Sequence[Places]:
        """Places in groups, each small enough to be compared with so many others at once."""
        num = math.ceil(len(places) * max(others, 1) / BLOCK)
        return np.array_split(places, max(num, 1))


def _paired_sums(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Of all pairs: how many seeds both have, the sum of their differences, and of its squares.

    As products of matrices, around the mean of all, so that squares lose no digits.
    """
    middle = np.nanmean(np.concatenate([first, second]))
    has, own_has = (~np.isnan(each) * 1.0 for each in (first, second))
    whole, own = (np.nan_to_num(each - middle) for each in (first, second))
    gaps = whole @ own_has.T - has @ own.T
    squares = whole**2 @ own_has.T + has @ (own**2).T - 2 * whole @ own.T
    return has @ own_has.T, gaps, squares


class Measured:
    """Candidates with their figures as arrays, each made once: other objectives share them."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = tuple(candidates)
        self._means: dict[str, Floats] = {}
        self._scores: dict[str, Floats] = {}

    def means(self, key: str) -> Floats:
        """A figure's means over seeds (candidates,); NaN where there is none."""
        if key not in self._means:
            self._means[key] = np.array([each.mean(key) for each in self.candidates], dtype=float)
        return self._means[key]

    def scores(self, key: str) -> Floats:
        """A figure's values by seed (candidates, seeds); NaN where one has no such seed."""
        if key not in self._scores:
            values = [each.figures[key] for each in self.candidates]
            place = {seed: column for column, seed in enumerate(self.seeds(key))}
            lines = np.repeat(np.arange(len(values)), [len(each) for each in values])
            columns = [place[seed] for each in values for seed in each]
            found = np.full((len(values), len(place)), np.nan)
            found[lines, columns] = list(chain.from_iterable(each.values() for each in values))
            self._scores[key] = found
        return self._scores[key]

    def seeds(self, key: str) -> list[int]:
        """The seeds that any has a figure of, in order."""
        return sorted(set().union(*(each.figures[key] for each in self.candidates)))


def field_of(
    measured: Measured,
    inside: Places,
    objectives: Mapping[str, str],
    noises: Mapping[str, Noise | None],
) -> Field:
    """The field of some candidates, which must have all figures."""
    signed = [measured.means(k) * (-1.0 if w == "max" else 1.0) for k, w in objectives.items()]
    matrix = np.stack(signed, axis=1)[inside]
    order = np.lexsort(matrix.T[::-1])
    places = inside[order]
    return Field(
        objectives=tuple(objectives),
        noises=noises,
        places=places,
        ranked=tuple(measured.candidates[place] for place in places.tolist()),
        matrix=matrix[order],
        scores={key: measured.scores(key)[places] for key in objectives if FIGURES[key].seeded},
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
