"""The trials of a study, kept column by column, so that a hundred thousand of them stay small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload


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
        here = range(num) if places is None else places
        self._lines = tuple(Trial(self._all, place) for place in here)
        self._made: dict[str, list[Any]] = {}

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All columns by name."""
        return {key: self.column(key) for key in self._all}

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Trial]: ...
    def __getitem__(self, place: int | slice) -> Trial | Sequence[Trial]:
        return self._lines[place]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def column(self, key: str) -> list[Any]:
        """A column in the order of the lines; None for each where no line has it."""
        if self._places is None or key not in self._all:
            return self._all.get(key) or [None] * len(self)
        if key not in self._made:
            whole = self._all[key]
            self._made[key] = [whole[place] for place in self._places]
        return self._made[key]

    def distinct(self, key: str) -> list[Any]:
        """The values of a column that are there, in order; few of them are said twice."""
        return [v for v in {id(v): v for v in self.column(key)}.values() if v is not None]

    def only(self, places: Iterable[int]) -> Trials:
        """Some of the lines of a whole table."""
        assert self._places is None
        return Trials(self._all, len(self), list(places))

    def with_column(self, key: str, values: list[Any]) -> Trials:
        """The same lines with one column more, or another."""
        return Trials({**self.columns, key: values}, len(self))


class Gathering:
    """Takes lines in any order and makes a table of them."""

    def __init__(self, num: int) -> None:
        self._num = num
        self._columns: dict[str, list[Any]] = {}
        self._last: dict[str, Any] = {}

    def put(self, place: int, line: Mapping[str, Any]) -> None:
        """Writes some columns of a line."""
        last, columns = self._last, self._columns
        for key, value in line.items():
            if value is None:
                if key not in columns:
                    columns[key] = [None] * self._num
                continue
            before = last.get(key)
            if before is not value:
                if type(before) is type(value) and before == value:
                    value = before  # one object for what is alike
                else:
                    last[key] = value
            if key not in columns:
                columns[key] = [None] * self._num
            columns[key][place] = value

    def table(self) -> Trials:
        """What was gathered."""
        return Trials(self._columns, self._num)
