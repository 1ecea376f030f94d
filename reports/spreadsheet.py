"""Writes columns as CSV that a spreadsheet opens without taking a name for a formula."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, "CSV Injection")."""


def spreadsheet(columns: Mapping[str, Sequence[Any]]) -> str:
    """Columns as CSV, below their names; "" for no lines."""
    written = [cells(values) for values in columns.values()]
    lines = list(map(",".join, zip(*written, strict=True)))
    return "\n".join([",".join(map(cell, columns)), *lines, ""]) if lines else ""


def cells(values: Sequence[Any]) -> Sequence[str]:
    """A column as CSV has it, cell by cell; what is alike is written once."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str} and _are_plain(list(filter(None, values))):
        return [value or "" for value in values]
    if kinds in ({str}, {int}, {bool}):  # of several kinds, 1 == True
        known = {value: cell(value) for value in set(values)}
        return list(map(known.__getitem__, values))
    if kinds == {float}:
        text = orjson.dumps(values).decode()[1:-1]
        # To JSON infinity is null too, and it spells small numbers in another way.
        if text.count("n") == values.count(None) and "e" not in text and "0.0000" not in text:
            return text.replace("null", "").split(",")
    found, last, text = list[str](), None, ""
    for value in values:
        if value is not last:
            last, text = value, cell(value)
        found.append(text)
    return found


def _are_plain(texts: Sequence[str]) -> bool:
    """Whether all texts are cells as they are."""
    # To look for a character in one long text takes next to no time.
    return not _needs_quotes("".join(texts)) and {t[0] for t in texts}.isdisjoint(FORMULAS)


def cell(value: Any) -> str:
    """One value; None and NaN are empty, and lists are written as JSON."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else str(value)
    if isinstance(value, (list, tuple, dict)):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = str(harmless(value))
    return '"' + text.replace('"', '""') + '"' if _needs_quotes(text) else text


def _needs_quotes(text: str) -> bool:
    """Whether a cell stands in quotation marks (RFC 4180)."""
    return "," in text or '"' in text or "\n" in text or "\r" in text


def harmless(value: Any) -> Any:
    """A value as it is, but with an apostrophe before text that would be taken for a formula.

    A number is none, not even one in a text.
    """
    if not isinstance(value, str) or not value.startswith(FORMULAS) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
