"""Writes the trials of a study as CSV, column by column, and what stays as it is only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter, sub
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from harness.measure.across import TAKEN
from reports.rows import LONG
from reports.spreadsheet import cell, cells
from reports.trials import Trials, addresses

UNTIDY = (
    *LONG,
    "architecture",
    "recipe",
    "parts",
    *TAKEN.keys(),
    *TAKEN.values(),
)
"""What is left out of a CSV: long lists, which the ledger keeps, and what other columns say."""

LINES_AT_ONCE = 2000

Column = Sequence[Any]
Flags = NDArray[np.bool_]


def trials_csv(trials: Trials) -> Iterator[str]:
    """The table as CSV in pieces, without ``UNTIDY`` columns; other lists are written as JSON."""
    keys = [key for key in trials.columns if key not in UNTIDY]
    yield ",".join(map(cell, keys)) + "\n"
    columns = [trials.column(key) for key in keys]
    for start in range(0, len(trials), LINES_AT_ONCE):
        parts = _parts([column[start : start + LINES_AT_ONCE] for column in columns])
        yield "\n".join(map(",".join, zip(*parts, strict=True))) + "\n"


def _parts(columns: Sequence[Column]) -> Iterator[Iterable[str]]:
    """What lines are joined from: cells of columns, or the lines of some neighbours."""
    which = np.stack(list(map(addresses, columns)))
    changed = np.ones(which.shape, dtype=bool)  # whether it is another object than a line before
    changed[:, 1:] = which[:, 1:] != which[:, :-1]
    is_steady = 2 * changed.sum(axis=1) < len(columns[0])
    kinds = list(map(_kind, columns, is_steady.tolist()))
    for kind, group in groupby(range(len(columns)), key=kinds.__getitem__):
        places = list(group)
        some = [columns[place] for place in places]
        if kind == "steady":
            yield _steady(some, changed[places])
        elif kind == "numbers" and (lines := _numbers(some, np.sum(which[places] == id(None)))):
            yield lines
        else:
            yield from map(cells, some)


def _kind(values: Column, is_steady: bool) -> str:
    if is_steady:
        return "steady"
    return "numbers" if set(map(type, values)) <= {int, float, type(None)} else "other"


def _steady(columns: Sequence[Column], changed: Flags) -> Iterable[str]:
    """Lines of columns that are steady, each made once."""
    starts = np.flatnonzero(changed.any(axis=0)).tolist()
    at_starts = itemgetter(*starts)
    parts = [
        cells(at_starts(values)) if is_varied else repeat(cell(values[0]), len(starts))
        for values, is_varied in zip(columns, changed.sum(axis=1) > 1, strict=True)
    ]
    lines = map(",".join, zip(*parts, strict=True))
    times = map(sub, [*starts[1:], len(columns[0])], starts)
    return chain.from_iterable(map(repeat, lines, times))


def _numbers(columns: Sequence[Column], num_missing: int) -> list[str] | None:
    """Lines of numbers as JSON has them; None where it has them not: infinity, very large ones."""
    try:
        text = orjson.dumps(list(zip(*columns, strict=True))).decode()
    except TypeError:
        return None
    if text.count("n") != num_missing:
        return None
    return text[2:-2].replace("null", "").split("],[")
