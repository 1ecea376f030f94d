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

    No user's text can be taken for a column: within a string of JSON a quotation mark has a
    backslash before it.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self._without = frozenset(without)
        self._names = tuple(dict.fromkeys((*without, *REPEATED)))
        self._known: dict[str, tuple[str, Any]] = {}

    def row(self, text: str) -> dict[str, Any]:
        """The row that a text says."""
        nested: dict[str, Any] = {}
        for name in self._names:
            text = self._cut(text, name, nested)
        found: dict[str, Any] = parsed(text)
        return found | nested

    def _cut(self, text: str, name: str, nested: dict[str, Any]) -> str:
        """The text without one nested value, which is noted unless it is not wanted."""
        start = text.find(f', "{name}": ')
        begin = start + len(name) + 6
        if start < 0 or text[begin] not in "[{":
            return text
        if name in self._without and text.startswith("[[", begin):  # numbers, so this is the end
            return text[:start] + text[text.index("]]", begin) + 2 :]
        known, value = self._known.get(name, ("", None))
        if not (known and text.startswith(known, begin)):
            value, end = _DECODER.raw_decode(text, begin)
            known = text[begin:end]
            self._known[name] = known, value
        if name not in self._without:
            nested[name] = value
        return text[:start] + text[begin + len(known) :]
