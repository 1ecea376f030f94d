"""Writes records as CSV that a spreadsheet opens without taking a name for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, "CSV Injection")."""


def spreadsheet(records: Iterable[Mapping[str, Any]]) -> str:
    """Records of the same keys, a line each below their names; "" for none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for place, each in enumerate(records):  # one by one: they may be very many
        if not place:
            writer.writerow([harmless(name) for name in each])
        values = each.values()
        writer.writerow([harmless(v) if isinstance(v, str) else v for v in values])
    return out.getvalue()


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
