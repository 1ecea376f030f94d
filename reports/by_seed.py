"""Figures of all candidates by seed, kept as arrays: each one's own are made when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Lazy(Mapping[str, T]):
    """A mapping with known keys, of which each value is made when it is first asked for."""

    def __init__(self, keys: Iterable[str], make: Callable[[str], T]) -> None:
        self._keys, self._make = dict.fromkeys(keys), make
        self._made: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._made:
            if key not in self._keys:
                raise KeyError(key)
            self._made[key] = self._make(key)
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class BySeed:
    """A figure of all candidates by seed.

    ``values`` are those of one candidate after the other and ``seeds`` whose they are; those of
    a candidate lie between its place in ``starts`` (candidates + 1,) and the next.
    """

    def __init__(self, starts: Places, seeds: Places, values: Floats) -> None:
        self._starts, self._seeds, self._values = starts, seeds, values
        self._lists = starts.tolist(), seeds.tolist(), values.tolist()

    @classmethod
    def of(cls, figures: Sequence[Mapping[int, float]]) -> BySeed:
        """From the figures by seed of each candidate."""
        starts = np.cumsum([0, *map(len, figures)])
        seeds = np.array(list(chain.from_iterable(figures)), dtype=int)
        values = list(chain.from_iterable(each.values() for each in figures))
        return cls(starts, seeds, np.array(values, dtype=float))

    def means(self) -> list[float | None]:
        """The mean over seeds of each candidate; None where there is no value."""
        starts, _, values = self._lists
        return [math.fsum(values[a:b]) / (b - a) if a < b else None for a, b in pairwise(starts)]

    def table(self) -> tuple[list[int], Floats]:
        """All seeds in order, and the values (candidates, seeds); NaN where one has no such."""
        seeds, nums = np.unique(self._seeds), np.diff(self._starts)
        found = np.full((len(nums), len(seeds)), np.nan)
        lines = np.repeat(np.arange(len(nums)), nums)
        found[lines, np.searchsorted(seeds, self._seeds)] = self._values
        return seeds.tolist(), found

    def one(self, rank: int) -> dict[int, float]:
        """The figure of one candidate by seed."""
        starts, seeds, values = self._lists
        here = slice(starts[rank], starts[rank + 1])
        return dict(zip(seeds[here], values[here], strict=True))


class Columns(Lazy[BySeed]):
    """The figures of all candidates by seed, and their ``means`` over seeds."""

    def __init__(self, keys: Iterable[str], make: Callable[[str], BySeed]) -> None:
        super().__init__(keys, make)
        self.means = _Means(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Columns, (tuple(self), dict(self).__getitem__)


class _Means(dict[str, list[float | None]]):
    """Looked up as fast as in any dictionary, since all candidates do so again and again."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __missing__(self, key: str) -> list[float | None]:
        self[key] = self._columns[key].means()
        return self[key]


class Figures(Mapping[str, Mapping[int, float]]):
    """The figures of one candidate by seed: what it has of the ``columns`` of all candidates."""

    __slots__ = ("columns", "rank")

    def __init__(self, columns: Columns, rank: int) -> None:
        self.columns, self.rank = columns, rank

    def __getitem__(self, key: str) -> dict[int, float]:
        return self.columns[key].one(self.rank)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


class ClassMeans(Mapping[str, float | None]):
    """The mean of each class over some trials; None for a class that none of them has.

    ``columns`` have the values of all trials by class, ``places`` are those of these trials.
    """

    __slots__ = ("_columns", "_places")

    def __init__(self, columns: Mapping[str, Sequence[Any]], places: Sequence[int]) -> None:
        self._columns, self._places = columns if len(places) else {}, places

    def __getitem__(self, name: str) -> float | None:
        column = self._columns[name]
        known = [v for place in self._places if _is_number(v := column[place])]
        return math.fsum(known) / len(known) if known else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)
