"""A study's plan and its rows become one tidy table, one line a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.architecture import SCRATCH
from harness.ledger import Rows
from reports.beside import beside
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

WEIGHTS = ("initial_weights", "weights")
"""What rows did not say before there were others than from scratch."""

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
