"""The trials of a ledger as one tidy DataFrame, for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from harness.ledger import open_ledger
from reports.rows import LONG, framed, trials_of
from reports.trials import Trials

PLACE = "study"

UNITS: Mapping[str, str] = {
    "miou": "share, 0 to 1",
    "pixel_accuracy": "share, 0 to 1",
    "iou.*": "share, 0 to 1",
    "latency_ms": "ms",
    "latency_low_ms": "ms",
    "latency_high_ms": "ms",
    "latency_p90_ms": "ms",
    "latency_p99_ms": "ms",
    "latency_mad_ms": "ms",
    "latency_rounds_ns": "ns",
    "latency_reference_rounds_ns": "ns",
    "gmacs": "10^9 multiply-adds",
    "params": "parameters",
    "activations": "numbers",
    "inference_peak_bytes": "bytes",
    "unfused_bytes": "bytes",
    "elementwise_flops": "operations",
    "train_s": "s",
    "data_wait_share": "share, 0 to 1",
    "final_loss": "loss",
    "steps": "optimizer steps",
    "batch": "images",
    "num_images": "images",
}
"""What the numbers of a column count; ``*`` stands for every class."""


def load(where: str | Path = "runs", study: str | None = None) -> pd.DataFrame:
    """The trials of a study, or of all studies, a line each; column ``study`` names theirs.

    ``where`` is a folder of runs, a ledger's file or its URL. Planned trials that have not ended
    are lines too, whose state is ``pending``. ``attrs["units"]`` has the unit of each column that
    has one. Histories of the loss and confusion matrices are left out. A ledger that cannot be
    written is read where it lies.

    FileNotFoundError where there is no ledger, KeyError with the nearest known name for a study
    that is not in it, ValueError for one without a row.
    """
    text = str(where)
    is_ledger = "://" in text or Path(text).is_file()
    ledger = open_ledger("runs", text) if is_ledger else open_ledger(where)
    names = [study] if study is not None else sorted(ledger.studies())
    tables = []
    for name in names:
        definition, plan = ledger.definition(name), ledger.plan(name)
        known = {**definition, "plan": [vars(entry) for entry in plan]}
        ended = {"done", "failed", "rejected", "stopped"}
        if study is None and ended.isdisjoint(ledger.states(e.key for e in plan).values()):
            continue
        table = framed(_tidy(trials_of(known, ledger.each_row(plan, LONG))))
        table.insert(0, PLACE, name)
        tables.append(table)
    if not tables:
        raise ValueError(f"no study of the ledger at {text} has a trial that has ended")
    found = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    found.attrs["units"] = _units(found)
    return found


def _tidy(trials: Trials) -> Trials:
    """Trials whose parts are a column each, also of those that have not ended."""
    columns = trials.columns
    parts = columns.pop("parts")
    for kind in dict.fromkeys(kind for each in parts for kind in each):
        known = zip(trials.column(kind), parts, strict=True)
        columns[kind] = [of.get(kind) if value is None else value for value, of in known]
    return Trials(columns, len(trials))


def _units(table: pd.DataFrame) -> dict[str, str]:
    named = {name: UNITS["iou.*"] for name in table.columns if name.startswith("iou.")}
    return {name: UNITS[name] for name in table.columns if name in UNITS} | named
