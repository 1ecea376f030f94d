"""The command time: networks by name or by file, on backends, timed together under watch."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.backends.contract import check_available, why_unavailable
from harness.commands import load_named, plugin_files
from harness.costing import Given, counts_of, given_by
from harness.foreign import short_name
from harness.measure.candidates import Latencies, Order, latencies_of
from harness.measure.device import best_device
from harness.measure.estimate import Ratio, ratio_of_rows
from harness.measure.receipt import keep
from harness.names import check_writable
from harness.progress import counted
from harness.study import Timing
from harness.terminal import Answer
from harness.timing_shown import Rows, show_latencies, too_few

MOST_ROUNDS = 60
TARGET = 0.01
"""Half the width of a ratio's interval at which rounds end."""


def timed(options: Namespace) -> Answer:
    """The latencies of the named networks, timed together; their receipts are kept.

    ValueError if nothing can be timed. A network that cannot run, or that a backend computes
    otherwise than fp32 eager, is in the answer with its reason, beside those that were timed.
    """
    load_named(options)
    networks = given_by(options.networks)
    order = _order(networks, options)
    _check_backends(order)
    check_writable(Path(options.runs), "--runs")  # before a minute is spent
    order = replace(order, counts=counts_of(networks, options.classes, options.size))
    found, paths = _found(order, options)
    _refuse(found)
    rows = [{"network": name, **row} for name, row in found.items()]
    sound = [row for row in rows if "latency_error" not in row]
    rows = [{**row, **_compared(row, sound)} if row in sound else row for row in rows]
    return Answer(record=rows, show=partial(show_latencies, rows, paths))


def _check_backends(order: Order) -> None:
    """What ``steps_of`` raises; if none of the backends can run here, why the first cannot."""
    device, names = best_device(), order.backends or (order.timing.backend,)
    if all([why_unavailable(name, device) for name in names]):
        check_available(names[0], device)


def _order(networks: Given, options: Namespace) -> Order:
    return Order(
        given=networks,
        num_classes=options.classes,
        timing=timing_of(options),
        size=options.size,
        plugins=plugin_files(options),
        backends=tuple(dict.fromkeys(options.backend or ())),
        command=command_of(options),
    )


def command_of(options: Namespace) -> str:
    """The command that times the same again, without the folders of this machine."""
    height, width = options.size
    words = ["twopath", "time", *map(short_name, options.networks), "--size", f"{height}x{width}"]
    for name in ("classes", "threads", "batch", "seconds", "rounds", "processes"):
        value = getattr(options, name)
        words += [f"--{name}", str(value)] if value else []
    for name in ("backend", "figure"):
        words += [word for each in getattr(options, name) or () for word in (f"--{name}", each)]
    words += ["--boundary", options.boundary, "--boundary-in", options.boundary_in]
    return shlex.join([*words, *(["--tf32"] if options.tf32 else [])])


def _refuse(rows: dict[str, dict[str, Any]]) -> None:
    """ValueError if nothing was timed: one that was not does not take the others' rows along."""
    wrong = {name: row["latency_error"] for name, row in rows.items() if "latency_error" in row}
    if len(wrong) == len(rows):
        name, why = next(iter(wrong.items()))
        raise ValueError(f"network {name!r} cannot be timed: {why}")


def _found(order: Order, options: Namespace) -> tuple[dict[str, dict[str, Any]], list[Path]]:
    """The rows by name, of this process or of several fresh ones, and where receipts lie."""
    with counted(f"timing {', '.join(order.given)}", quiet=options.json) as report:
        found = latencies_of(order, report)
    return found.rows, _kept(found, options)


def _kept(found: Latencies, options: Namespace) -> list[Path]:
    folder = Path(options.runs) / "receipts"
    return [folder / f"{keep(folder, each)}.json" for each in found.receipts]


def timing_of(options: Namespace) -> Timing:
    """How the options ask to time."""
    rounds = {"rounds": options.rounds, "most_rounds": options.rounds} if options.rounds else {}
    return Timing(
        **{"most_rounds": MOST_ROUNDS, **rounds},
        boundary=options.boundary,
        boundary_in=options.boundary_in,
        figures=options.figure or ("t_e2e",),
        batch=options.batch,
        burst=10,
        warmup_s=2.0,
        target=TARGET,
        limit_s=options.seconds,
        threads=options.threads,
        processes=options.processes,
        tf32=options.tf32,
    )


def _undecided(found: Ratio) -> str:
    return too_few(found.num_rounds, found.confidence)


def _compared(row: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """A row's ratio to the first, paired by round, and what it tells; nothing for the first."""
    found = None if row is rows[0] else ratio_of_rows(row, rows[0], len(rows) - 1)
    if found is None:
        return {}
    return {
        "ratio": found.value,
        "ratio_low": found.low,
        "ratio_high": found.high,
        "ratio_p": found.p,
        "ratio_confidence": found.confidence,
        "answer": found.answer if found.low is not None else _undecided(found),
    }
