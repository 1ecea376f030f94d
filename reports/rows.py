"""A study's plan and its rows become one tidy table, one line a trial."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.architecture import SCRATCH
from reports.spreadsheet import harmless

Study = Mapping[str, Any]
Row = Mapping[str, Any]

PENDING = "pending"


def frame(study: Study, rows: Sequence[Row]) -> pd.DataFrame:
    """The trials of a study in the order of its plan.

    A planned trial without a row is ``pending``; a row that is not planned is left out. What the
    plan says of a trial (candidate, seed, factors) wins over the row, which may have been made by
    another study. The IoU of a class is column ``iou.<class>``, a factor ``factor.<name>``.
    ValueError if not one planned trial has a row.
    """
    known = {row["key"]: row for row in rows}
    plan = study["plan"]
    if not any(entry["key"] in known for entry in plan):
        raise ValueError(
            f"study {study['name']!r} has no rows yet: run it before asking for a report"
        )
    lines = [_trial(entry, known.get(entry["key"], {})) for entry in plan]
    table = pd.DataFrame(lines)
    for name in table.columns:
        values = [line.get(name) for line in lines]
        # By itself pandas would turn whole numbers with a gap into fractions.
        if {type(value) for value in values} == {int, type(None)}:
            table[name] = pd.array(values, dtype="Int64")
    return table


def _trial(entry: Mapping[str, Any], row: Row) -> dict[str, Any]:
    planned = {
        "candidate": entry["candidate"],
        "seed": entry["seed"],
        "baseline": bool(entry.get("baseline", False)),
        "state": row.get("state", PENDING),
        "reason": row.get("reason"),
        "parts": entry.get("parts") or {},
        **{f"factor.{name}": value for name, value in (entry.get("factors") or {}).items()},
    }
    flat = {key: value for key, value in row.items() if key != "iou" and key not in planned}
    if flat.get("miou") is not None:  # scored before rows said where their weights came from
        flat = {"initial_weights": SCRATCH, "weights": SCRATCH, **flat}
    classes = {f"iou.{name}": value for name, value in (row.get("iou") or {}).items()}
    return {**planned, **flat, **classes, "key": entry["key"]}


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a frame as plain values, with None for what is missing."""
    lines = table.astype(object).to_dict(orient="records")
    return [{str(key): _value(value) for key, value in line.items()} for line in lines]


def _value(value: Any) -> Any:
    if isinstance(value, (list, tuple, dict)):
        return value
    return None if pd.isna(value) else value


def trials_csv(table: pd.DataFrame) -> str:
    """The whole frame as CSV; lists and mappings are written as JSON."""
    lines = [{key: _flat(value) for key, value in line.items()} for line in records(table)]
    return str(pd.DataFrame(lines, columns=table.columns).to_csv(index=False, lineterminator="\n"))


def _flat(value: Any) -> Any:
    nested = isinstance(value, (list, tuple, dict))
    text = json.dumps(value, sort_keys=True, ensure_ascii=False) if nested else value
    return harmless(text)
