"""Answers a misspelt name with the nearest known one."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

Record = TypeVar("Record")


def unknown(what: str, given: object, known: Iterable[object]) -> str:
    """One line that says what was given, which known name is nearest, and all that are known."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {given!r}.{hint} Known: {', '.join(names) or 'none'}"


def known_fields(record: type[Record]) -> type[Record]:
    """Decorates a dataclass: a field that it does not have is a TypeError with the nearest."""
    names = [each.name for each in fields(record) if each.init]  # type: ignore[arg-type]
    original = record.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **given: Any) -> None:
        for name in given:
            if name not in names:
                raise TypeError(unknown(f"field of {record.__name__}", name, names))
        original(self, *args, **given)

    record.__init__ = init  # type: ignore[method-assign]
    return record
