"""The trials of a study, kept column by column, so that a hundred thousand of them stay small."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise, repeat
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class Trial(Mapping[str, Any]):
    """One line of a table of trials; what is missing is None, and all lines have all columns."""

    __slots__ = ("_columns", "_place")

    def __init__(self, columns: Mapping[str, list[Any]], place: int) -> None:
        self._columns, self._place = columns, place

    def __getitem__(self, key: str) -> Any:
        return self._columns[key][self._place]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a column; the default where no line has that column."""
        column = self._columns.get(key)
        return default if column is None else column[self._place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class Trials(Sequence[Trial]):
    """A table of trials; values that are alike in neighbouring lines are one object."""

    def __init__(
        self, columns: Mapping[str, list[Any]], num: int, places: Sequence[int] | None = None
    ) -> None:
        """All of ``num`` lines, or those at some places."""
        self._all, self._places = dict(columns), places
        self._here = range(num) if places is None else places
        self._array = np.arange(num) if places is None else np.array(places, dtype=int)
        self._made: dict[str, list[Any]] = {}
        self._distinct: dict[str, list[Any]] = {}

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All columns by name."""
        return {key: self.column(key) for key in self._all}

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Trial]: ...
    def __getitem__(self, place: int | slice) -> Trial | Sequence[Trial]:
        if isinstance(place, slice):
            return tuple(map(self._line, self._here[place]))
        return self._line(self._here[place])

    def __iter__(self) -> Iterator[Trial]:
        return map(self._line, self._here)

    def _line(self, place: int) -> Trial:
        return Trial(self._all, place)

    def __reduce__(self) -> tuple[Any, ...]:
        return Trials, (self.columns, len(self))

    def __len__(self) -> int:
        return len(self._here)

    def column(self, key: str) -> list[Any]:
        """A column in the order of the lines; None for each where no line has it."""
        if self._places is None or key not in self._all:
            return self._all.get(key) or [None] * len(self)
        if key not in self._made:
            self._made[key] = _objects(self._all[key])[self._array].tolist()
        return self._made[key]

    def where(self, key: str, values: Container[Any]) -> tuple[Trial, ...]:
        """The lines that have one of some values in a column."""
        pairs = zip(self._here, self.column(key), strict=True)
        return tuple(self._line(place) for place, value in pairs if value in values)

    def distinct(self, key: str) -> list[Any]:
        """The values of a column that are there, in order; few of them are said twice."""
        if key not in self._all:
            return []
        if key not in self._distinct:
            column = self._all[key]
            starts = np.flatnonzero(np.diff(addresses(column)[self._array], prepend=0))
            firsts = [column[place] for place in self._array[starts].tolist()]
            is_alike = set(map(type, firsts)) - {type(None)} in ({str}, {int})  # of both, 1 == True
            values = firsts if is_alike else map(id, firsts)
            known = dict(zip(values, firsts, strict=True)).values()
            self._distinct[key] = [v for v in known if v is not None]
        return self._distinct[key]

    def only(self, places: Iterable[int]) -> Trials:
        """Some of the lines of a whole table."""
        assert self._places is None
        return Trials(self._all, len(self), list(places))

    def followed_by(self, rest: Trials) -> Trials:
        """These lines and then those of another table, with the columns of both."""
        keys = dict.fromkeys((*self._all, *rest._all))
        columns = {key: self.column(key) + rest.column(key) for key in keys}
        return Trials(columns, len(self) + len(rest))

    def with_column(self, key: str, values: list[Any]) -> Trials:
        """The same lines with one column more, or another."""
        return Trials({**self.columns, key: values}, len(self))


def addresses(column: Sequence[Any]) -> NDArray[np.intp]:
    """Which object each value is; to ask one after the other for its id takes four times as long.

    They are good as long as the column is.
    """
    return np.frombuffer(_objects(column), np.intp)


def _objects(column: Sequence[Any]) -> NDArray[np.object_]:
    return np.fromiter(column, object, len(column))  # of lists too, which np.array takes for lines


MOST_KNOWN = 500
"""So many different values of a column are looked up; those of more are seldom alike."""

Layer = Mapping[str, Any]


class Gathering:
    """Takes lines in any order and makes a table of them.

    Those that come together and have the same columns are turned into columns at once, which takes
    less time than writing value by value.
    """

    def __init__(
        self,
        num: int,
        columns: Mapping[str, list[Any]] | None = None,
        unchanged: Collection[str] = (),
    ) -> None:
        """A table of ``num`` lines, in which some columns are known; ``unchanged`` are so."""
        self._num = num
        self._columns, self._unchanged = dict(columns or {}), frozenset(unchanged)
        self._last: dict[str, Any] = {}
        self._known: dict[str, dict[Any, Any]] = {}
        self._kinds: dict[tuple[str, ...], int] = {}

    def put(self, places: Sequence[int], layers: Sequence[Sequence[Layer]]) -> None:
        """Writes some columns of lines, of whose layers the later ones win; None is not written.

        Each layer has a mapping for each of the places, which are all different. What is alike in
        neighbouring lines takes less time where it is one object.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for at, kinds in enumerate(zip(*map(self._kinds_of, layers), strict=True)):
            groups.setdefault(kinds, []).append(at)
        for lines in groups.values():
            some = [list(map(layer.__getitem__, lines)) for layer in layers]
            self._put_alike(list(map(places.__getitem__, lines)), some)

    def _kinds_of(self, layer: Sequence[Layer]) -> Iterator[int]:
        """A number for the columns of each mapping."""
        last, kind = None, -1
        for each in layer:
            if each is not last:
                last = each
                kind = self._kinds.setdefault(tuple(each), len(self._kinds))
            yield kind

    def _put_alike(self, places: list[int], layers: Sequence[Sequence[Layer]]) -> None:
        """Writes lines that have the same columns."""
        for layer in layers:
            for key in layer[0]:
                if key not in self._columns and key not in self._unchanged:
                    self._columns[key] = [None] * self._num
        runs, written = list(_runs(places)), set(self._unchanged)
        for layer in reversed(layers):
            distinct, times = _distinct(layer)
            columns = zip(*(each.values() for each in distinct), strict=True)
            for name, values in zip(layer[0], columns, strict=True):
                if name not in written:
                    self._write_column(name, values, times, places, runs)
            written.update(layer[0])

    def _write_column(
        self,
        key: str,
        values: Sequence[Any],
        times: list[int],
        places: list[int],
        runs: list[tuple[int, int]],
    ) -> None:
        column, kinds = self._columns[key], set(map(type, values))
        alike = self._alike(key, values, kinds - {type(None)})
        if len(values) < len(places):
            alike = list(chain.from_iterable(map(repeat, alike, times)))
        if type(None) not in kinds:
            for start, stop in runs:
                first = places[start]
                column[first : first + stop - start] = alike[start:stop]
        elif len(kinds) > 1:
            for place, value in zip(places, alike, strict=True):
                if value is not None:
                    column[place] = value

    def _alike(self, key: str, values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
        """The values, of which those that are alike are one object."""
        if kinds <= {float, bool}:
            return values  # floats are seldom alike, the others always are
        if kinds == {str} or kinds == {int}:
            known = self._known.setdefault(key, {})
            if values[0] == values[-1] and values.count(values[0]) == len(values):
                return [known.setdefault(values[0], values[0])] * len(values)
            if len(known) > MOST_KNOWN:
                known.clear()  # such as keys, which are never alike
            return list(map(known.setdefault, values, values))
        if len(set(map(id, values))) == 1:
            return [*self._neighbours(key, values[:1])] * len(values)
        return list(self._neighbours(key, values))

    def _neighbours(self, key: str, values: Iterable[Any]) -> Iterator[Any]:
        last = self._last.get(key)
        for value in values:
            if value is not None and (type(last) is not type(value) or last != value):
                last = value
            yield None if value is None else last
        self._last[key] = last

    def table(self) -> Trials:
        """What was gathered."""
        return Trials(self._columns, self._num)


def _distinct(layers: Sequence[Layer]) -> tuple[list[Layer], list[int]]:
    """Layers without those that are the one before, and how often each is there."""
    starts = [at for at, layer in enumerate(layers) if not at or layer is not layers[at - 1]]
    times = [stop - start for start, stop in pairwise((*starts, len(layers)))]
    return [layers[start] for start in starts], times


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where in a list of places each run of neighbours begins and ends."""
    start = 0
    for stop in range(1, len(places) + 1):
        if stop == len(places) or places[stop] != places[stop - 1] + 1:
            yield start, stop
            start = stop
