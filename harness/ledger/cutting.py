"""Parses rows without what nobody asked for, and what is alike in all of them only once.

Of a row's ten kilobytes the history of the loss and the confusion matrix take seven; recipe and
architecture take one, and are the same in many rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import orjson

REPEATED = ("architecture", "recipe")
_DECODER = json.JSONDecoder()


def parsed(text: str) -> Any:
    """What a text of JSON says; NaN and infinities are numbers, as Python writes them."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # which those are to it
        return json.loads(text)


class Parser:
    """Makes rows of their texts; ``without`` names columns to leave out where they are nested.

    They are cut out of the text if they come in the order in which rows are written: those of
    ``REPEATED``, then those of ``without``. No user's text can be taken for a column: within a
    string of JSON a quotation mark has a backslash before it.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self._without = frozenset(without)
        self._marks = {name: f', "{name}": ' for name in dict.fromkeys((*REPEATED, *without))}
        self._known: dict[str, tuple[str, Any]] = {}

    def row(self, text: str) -> dict[str, Any]:
        """The row that a text says."""
        place, pieces, missed = 0, list[str](), list[str]()
        nested: dict[str, Any] = {}
        for name, mark in self._marks.items():
            start = text.find(mark, place)
            begin = start + len(mark)
            if start < 0 or text[begin] not in "[{":
                missed.append(name)
                continue
            pieces.append(text[place:start])
            place = self._passed(text, begin, name, nested)
        found: dict[str, Any] = parsed("".join((*pieces, text[place:])))
        for name in self._without.intersection(missed):
            if isinstance(found.get(name), (list, dict)):
                del found[name]
        found.update(nested)
        return found

    def _passed(self, text: str, begin: int, name: str, nested: dict[str, Any]) -> int:
        """Where a nested value ends, which is noted unless it is not wanted."""
        if name in self._without and text.startswith("[[", begin):  # of numbers
            following = text.find('"', begin)  # the name of the next column
            end = len(text) - 1 if following < 0 else following - 2
            if text.startswith("]]", end - 2):
                return end
        known, value = self._known.get(name, ("", None))
        if not (known and text.startswith(known, begin)):
            value, end = _DECODER.raw_decode(text, begin)
            known = text[begin:end]
            self._known[name] = known, value
        if name not in self._without:
            nested[name] = value
        return begin + len(known)
