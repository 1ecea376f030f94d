"""A study's plan and its rows become one tidy table, one line a trial."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, groupby, repeat
from operator import is_not
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from harness.architecture import SCRATCH
from harness.ledger import Rows
from reports.beside import beside
from reports.spreadsheet import harmless
from reports.trials import Gathering, Trials

if TYPE_CHECKING:  # pandas is imported where a DataFrame is asked for
    import pandas as pd

Study = Mapping[str, Any]
Row = Mapping[str, Any]
Plan = Sequence[Mapping[str, Any]]
Between = Callable[[int, int], tuple[Plan, Iterable[Rows]]]
Meanwhile = Callable[[], None]

PENDING = "pending"
LONG = ("history", "confusion")
"""The columns that make most of a row's length, and that only a few trials are asked for."""

UNTIDY = (
    *LONG,
    "architecture",
    "recipe",
    "parts",
    "latency_rounds_ns",
    "latency_rounds_cpu_ns",
    "latency_processes_ns",
)
"""What is left out of a CSV: long lists, which the ledger keeps, and what other columns say."""

WEIGHTS = ("initial_weights", "weights")
"""What rows did not say before there were others than from scratch."""

LINES_AT_ONCE = 2000

LARGE = 5_000
"""So many planned trials are worth a second process, which takes a tenth of a second."""

OWN_SHARE = 0.45
"""Which part of them this process reads itself: it has more to do, but nothing to send."""


def trials_of(study: Study, rows: Iterable[Row]) -> Trials:
    """The trials of a study in the order of its plan.

    A planned trial without a row is ``pending``; a row that is not planned is left out. What the
    plan says of a trial (candidate, seed, factors) wins over the row, which may have been made by
    another study. The IoU of a class is column ``iou.<class>``, a factor ``factor.<name>``.
    ValueError if not one planned trial has a row.
    """
    plan = study["plan"]
    return _known(study["name"], *_gathered(plan, _placed(plan, rows)))


def _placed(plan: Plan, rows: Iterable[Row]) -> Iterator[Rows]:
    """Rows with their places in a plan."""
    places: dict[str, list[int]] = {}
    for place, entry in enumerate(plan):
        places.setdefault(entry["key"], []).append(place)
    for row in rows:
        here = places.get(row["key"], [])
        none: list[dict[str, Any]] = [{}] * len(here)
        yield Rows(here, none, none, none, [dict(row)] * len(here))


def trials_between(name: str, num: int, between: Between, meanwhile: Meanwhile) -> Trials:
    """The trials of a study of which the entries between two places of its plan can be read.

    Those of the latter part of a large plan are read beside this process, which does ``meanwhile``
    too; it may take some time.
    """
    first = round(OWN_SHARE * num) if num >= LARGE else num
    latter = beside(lambda: _gathered(*between(first, num))) if first < num else None
    if latter:
        meanwhile()
    trials, is_known = _gathered(*between(0, first))
    if latter:
        rest, is_latter_known = latter()
        trials, is_known = trials.followed_by(rest), is_known or is_latter_known
    return _known(name, trials, is_known)


def _known(name: str, trials: Trials, is_known: bool) -> Trials:
    if not is_known:
        raise ValueError(f"study {name!r} has no rows yet: run it before asking for a report")
    return trials


def _gathered(plan: Plan, parts: Iterable[Rows]) -> tuple[Trials, bool]:
    """The trials of a part of a plan, and whether any has a row."""
    named = _named(plan)
    found = Gathering(len(plan), _planned(named), {*named, "iou"})
    is_known = False
    for places, measured, of_parts, shared, own in parts:
        said = list(map(_said, shared, own))
        ious, unsaid = zip(*said, strict=True) if said else ((), ())
        found.put(places, (measured, of_parts, shared, own, ious, unsaid))
        is_known = is_known or bool(places)
    return found.table(), is_known


def _planned(named: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns of planned trials before there is a row."""
    num = len(named["key"])
    first = {key: named[key] for key in ("candidate", "seed", "baseline")}
    return {**first, "state": [PENDING] * num, "reason": [None] * num, **named}


def _named(plan: Plan) -> dict[str, list[Any]]:
    """What a plan says of its trials, column by column; no row says otherwise."""
    factors = [entry.get("factors") or {} for entry in plan]
    names = dict.fromkeys(name for each in {id(f): f for f in factors}.values() for name in each)
    return {
        "candidate": [entry["candidate"] for entry in plan],
        "seed": [entry["seed"] for entry in plan],
        "baseline": [bool(entry.get("baseline", False)) for entry in plan],
        "parts": [entry.get("parts") or {} for entry in plan],
        "key": [entry["key"] for entry in plan],
        **{f"factor.{name}": [each.get(name) for each in factors] for name in names},
    }


def _said(shared: Row, own: Row) -> tuple[Row, Row]:
    """What a row says in another way than the table: the IoU by class, and what it leaves out."""
    iou = own.get("iou") or shared.get("iou") or {}
    by_class = dict(zip(_of_classes(tuple(iou)), iou.values(), strict=True))
    is_scored = own.get("miou", shared.get("miou")) is not None
    unsaid = (name for name in WEIGHTS if name not in shared and name not in own)
    return by_class, _scratch(*unsaid) if is_scored else {}


@cache
def _scratch(*names: str) -> Row:
    return dict.fromkeys(names, SCRATCH)


@cache
def _of_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"iou.{name}" for name in names)


def frame(study: Study, rows: Iterable[Row]) -> pd.DataFrame:
    """The trials of a study as a DataFrame; as ``trials_of`` has them."""
    return framed(trials_of(study, rows))


def framed(trials: Trials) -> pd.DataFrame:
    """A table of trials as a DataFrame, in which whole numbers stay whole."""
    import pandas as pd

    return pd.DataFrame({key: _series(values) for key, values in trials.columns.items()})


def _series(values: list[Any]) -> Any:
    import pandas as pd

    # By itself pandas would turn whole numbers with a gap into fractions.
    if {type(value) for value in values} == {int, type(None)}:
        return pd.array(values, dtype="Int64")
    return pd.Series(values, dtype=None if values else object)


def unframed(table: pd.DataFrame) -> Trials:
    """A DataFrame as a table of trials, with None for what is missing."""
    columns = {str(key): [_value(v) for v in table[key].astype(object)] for key in table.columns}
    return Trials(columns, len(table))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a frame as plain values, with None for what is missing."""
    return [dict(each) for each in unframed(table)]


def _value(value: Any) -> Any:
    import pandas as pd

    if isinstance(value, (list, tuple, dict)):
        return value
    return None if pd.isna(value) else value


def trials_csv(trials: Trials) -> Iterator[str]:
    """The table as CSV in pieces, without ``UNTIDY`` columns; other lists are written as JSON."""
    keys = [key for key in trials.columns if key not in UNTIDY]
    yield ",".join(map(_quoted, keys)) + "\n"
    columns = [trials.column(key) for key in keys]
    for start in range(0, len(trials), LINES_AT_ONCE):
        part = _joined(column[start : start + LINES_AT_ONCE] for column in columns)
        yield "".join([",".join(line) + "\n" for line in zip(*part, strict=True)])


def _joined(columns: Iterable[list[Any]]) -> Iterator[list[str]]:
    """The cells of columns; of neighbours that are steady the whole lines, each made once."""
    flagged = ((_changes(each), each) for each in columns)
    for is_steady, group in groupby(flagged, key=lambda each: 2 * each[0].sum() < len(each[0])):
        if not is_steady:
            yield from (_texts(values) for _, values in group)
            continue
        changes, steady = zip(*group, strict=True)
        starts = np.flatnonzero(np.logical_or.reduce(changes))
        cells = (_texts([values[start] for start in starts]) for values in steady)
        lines = map(",".join, zip(*cells, strict=True))
        times = np.diff(starts, append=len(steady[0])).tolist()
        yield list(chain.from_iterable(map(repeat, lines, times)))


def _changes(values: list[Any]) -> NDArray[np.bool_]:
    """Where a column has another object than in the line before."""
    found = np.ones(len(values), dtype=bool)
    found[1:] = np.fromiter(map(is_not, values[1:], values), bool, max(len(values) - 1, 0))
    return found


def _texts(values: list[Any]) -> list[str]:
    """The cells of a column; what is alike is written once."""
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) == 1 and kinds <= {str, int, bool}:  # of several kinds, 1 == True
        known = {value: _text(value) for value in set(values)}
        return [known[value] for value in values]
    if kinds == {float}:
        text = orjson.dumps(values).decode()[1:-1]
        if text.count("null") == values.count(None):  # it is also what infinity is to JSON
            return text.replace("null", "").split(",")
    found, last, text = list[str](), None, ""
    for value in values:
        if value is not last:
            last = value
            text = _text(value)
        found.append(text)
    return found


def _text(value: Any) -> str:
    if isinstance(value, str) and value.isalnum():  # as keys are, which are many
        return value
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, (list, tuple, dict)):
        return _quoted(harmless(json.dumps(value, sort_keys=True, ensure_ascii=False)))
    return "" if value is None else _quoted(str(harmless(value)))


def _quoted(text: str) -> str:
    """A cell as RFC 4180 has it."""
    needs = any(char in text for char in ',"\n\r')
    return '"' + text.replace('"', '""') + '"' if needs else text
