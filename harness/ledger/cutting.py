"""Parses rows without what nobody asked for, and what is alike in all of them only once.

Of a row's ten kilobytes the history of the loss and the confusion matrix take seven; recipe and
architecture take one, and are the same in many rows, as most other columns are in nearly all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import orjson

Row = dict[str, Any]

REPEATED = ("architecture", "recipe")
OWN = ("key", "state", "seed")
"""The columns that a row always has of its own."""

SHORTEST = 80
"""So many letters of steady columns take less time to pass over than to parse."""

LEARNINGS = 50
"""How often rows are looked through in vain: those that differ in all have nothing steady."""

MOST_SHARED = 100

_DECODER = json.JSONDecoder()


def parsed(text: str) -> Any:
    """What a text of JSON says; NaN and infinities are numbers, as Python writes them."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # which those are to it
        return json.loads(text)


class Segment(NamedTuple):
    """A nested column, or a stretch of steady ones, of which the text and the values are known."""

    mark: str
    name: str = ""
    text: str = ""
    row: Row | None = None


class Parser:
    """Makes rows of their texts; ``without`` names columns to leave out where they are nested.

    What need not be parsed is cut out of the text. No user's text can be taken for a column: within
    a string of JSON a quotation mark has a backslash before it.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self._without = frozenset(without)
        self._nested = [Segment(_mark(n), n) for n in dict.fromkeys((*REPEATED, *without))]
        self._template = _Template(self._nested, self._without)
        self._known: dict[str, tuple[str, Row]] = {}
        self._shared: dict[tuple[int, ...], tuple[list[Row], Row]] = {}

    def row(self, text: str) -> Row:
        """The row that a text says; nested columns are cut in the order in which rows have them."""
        own, alike = self._cut(text, self._nested)
        for each in alike:
            own.update(each)
        return own

    def layers(self, text: str) -> tuple[Row, Row]:
        """The same in two layers: what many rows share, and what this one has of its own.

        Rows that share the same have the same object.
        """
        own, alike = self._cut(text, self._template.segments)
        if len(alike) < self._template.num_alike:
            self._template.learn(text)
        which = tuple(map(id, alike))
        if which not in self._shared:
            if len(self._shared) == MOST_SHARED:
                self._shared.clear()
            shared = {name: value for each in alike for name, value in each.items()}
            self._shared[which] = alike, shared  # as long as they are kept their ids are theirs
        return self._shared[which][1], own

    def whole(self, shared: Row, own: Row) -> Row:
        """A row of its two layers, with the columns in the order in which rows are written."""
        row = {**shared, **own}
        return {name: row[name] for name in self._template.order if name in row} | row

    def _cut(self, text: str, segments: Iterable[Segment]) -> tuple[Row, list[Row]]:
        """What is left of a row without some segments, and what these say."""
        place, pieces, alike = 0, list[str](), list[Row]()
        for mark, name, steady, row in segments:
            start = text.find(mark, place)
            if start < 0:
                continue
            if row is None:
                end, row = self._passed(text, start + len(mark), name)
            else:
                end = _passed(text, place, start, steady)
            if end > 0:
                pieces.append(text[place:start])
                place = end
                alike += (row,) if row else ()
        own: Row = parsed("".join((*pieces, text[place:])))
        for name in self._without:
            if isinstance(own.get(name), (list, dict)):
                del own[name]
        return own, alike

    def _passed(self, text: str, begin: int, name: str) -> tuple[int, Row]:
        """Where a nested value ends, and the row of it alone; an empty one if it is not wanted.

        0 for a value that is not nested.
        """
        if text[begin] not in "[{":
            return 0, {}
        if name in self._without and text.startswith("[[", begin):  # of numbers
            following = text.find('"', begin)  # the name of the next column
            end = len(text) - 1 if following < 0 else following - 2
            if text.startswith("]]", end - 2):
                return end, {}
        known, row = self._known.get(name, ("", {}))
        if not (known and text.startswith(known, begin)):
            value, end = _DECODER.raw_decode(text, begin)
            known, row = text[begin:end], {} if name in self._without else {name: value}
            self._known[name] = known, row
        return begin + len(known), row


class _Template:
    """How rows are cut: their nested columns, and stretches of those that were alike so far.

    It is learned from rows that differ from it.
    """

    def __init__(self, nested: Collection[Segment], without: Collection[str]) -> None:
        self._nested, self._without = {each.name: each for each in nested}, without
        self._steady: dict[str, str] = {}
        self._changing = {*OWN, *self._nested}
        self.order: list[str] = []
        self._left = LEARNINGS
        self.segments = [*nested]
        self.num_alike = len(nested) + 1  # so that something is learned from the first row

    def learn(self, text: str) -> None:
        """Looks through a row for columns that are not steady, and for others."""
        if not self._left:
            return
        self._left -= 1
        try:
            found = dict(_columns(text))
        except (ValueError, IndexError):  # nobody wrote it as rows are written
            return
        changed = {n for n, value in found.items() if self._steady.setdefault(n, value) != value}
        if changed <= self._changing and len(found) <= len(self.order):
            return
        self._left += 1  # not in vain
        self._changing |= changed
        if len(found) > len(self.order):
            self.order = list(found)
        self.segments = list(self._segments())
        self.num_alike = sum(each.name not in self._without for each in self.segments)

    def _segments(self) -> Iterator[Segment]:
        for is_changing, names in groupby(self.order, self._changing.__contains__):
            if is_changing:
                yield from (self._nested[name] for name in names if name in self._nested)
                continue
            marks = {name: _mark(name) for name in names}
            text = "".join(mark + self._steady[name] for name, mark in marks.items())
            if len(text) >= SHORTEST:
                row = parsed("{" + text.removeprefix(", ") + "}")
                yield Segment(next(iter(marks.values())), text=text, row=row)


def _passed(text: str, place: int, start: int, steady: str) -> int:
    """Where a stretch ends whose mark is at ``start``; 0 if it is another there.

    After ``place`` there may be a nested column, such as one by classes, which goes on after
    ``start``: in it there may be names of columns too.
    """
    end = start + len(steady)
    if not text.startswith(steady, start) or text[end] not in ",}":
        return 0
    if text.find("{", place or 1, start) < 0:  # nearly always
        return end
    is_within = text.count("{", place or 1, start) != text.count("}", place or 1, start)
    return 0 if is_within else end


def _mark(name: str) -> str:
    """How a column begins that is not the first."""
    return f", {json.dumps(name)}: "


def _columns(text: str) -> Iterator[tuple[str, str]]:
    """The columns of a row and their texts, written as the ledger writes them."""
    end = 0
    while text[end] != "}":
        name, place = _DECODER.raw_decode(text, text.index('"', end))
        if not text.startswith(": ", place):
            raise ValueError("it has other white space")
        _, end = _DECODER.raw_decode(text, place + 2)
        yield name, text[place + 2 : end]
