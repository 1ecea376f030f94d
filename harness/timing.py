"""Times networks by name and shows what can be said of them."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any

from rich.console import Console

from harness.architecture import Architecture
from harness.commands import Rows, load_named, plugin_files
from harness.measure.candidates import latencies_of
from harness.measure.estimate import ratio_of_rows
from harness.measure.processes import combined, in_fresh_processes
from harness.networks import get
from harness.progress import counted
from harness.study import TIMES, Timing
from harness.terminal import Answer, table

MOST_ROUNDS = 60
TARGET = 0.01
"""Half the width of a ratio's interval at which rounds end."""

NONE = "\N{EN DASH}"


def timed(options: Namespace) -> Answer:
    """The latencies of the named networks, timed together."""
    load_named(options)
    networks = {name: get(name) for name in options.networks}
    found = _found(networks, options)
    for name, row in found.items():
        if "latency_error" in row:
            raise ValueError(f"network {name!r} cannot be timed: {row['latency_error']}")
    rows = [{"network": name, **found[name]} for name in networks]
    rows = [{**row, **_compared(row, rows)} for row in rows]
    return Answer(record=rows, show=partial(show_latencies, rows))


def _found(networks: dict[str, Architecture], options: Namespace) -> dict[str, dict[str, Any]]:
    """The rows by name, of this process or of several fresh ones."""
    plugins = plugin_files(options)
    given = networks, options.classes, timing_of(options), options.size, plugins
    with counted(f"timing {', '.join(networks)}", quiet=options.json) as report:
        if options.processes == 1:
            return latencies_of(*given, report)
        rows = []
        for each in in_fresh_processes(options.processes, latencies_of, *given):
            rows.append(each)
            report(len(rows), options.processes)
        return combined(rows)


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
    )


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
        "answer": found.answer,
    }


def show_latencies(rows: Rows, console: Console) -> None:
    """Prints latencies, their ratios to the first, and how they were taken."""
    first = rows[0]
    what = "Throughput" if first["latency_figure"] == "t_thr" else "Latency"
    busy, several = bool(first["latency_contended"]), len(rows) > 1
    columns = ["(ms)" if busy else "median (ms)", "95 %"]
    columns += [] if busy else ["fps"]
    others = [name for name in TIMES if f"latency_{name}_ms" in first]
    columns += [f"{name} (ms)" for name in others]
    columns += ["ratio", "95 %"] if several else []
    title = f"{what} of {first['latency_size']}, batch {first['latency_batch']}"
    drawn = table("network", right=tuple(columns), title=title)
    if several:
        drawn.add_column(f"than {first['network']}")
    for row in rows:
        more = [f"{row[f'latency_{name}_ms']:.2f}" for name in others]
        more = [f"({each})" for each in more] if busy else more
        ratio = _ratio(row) if several else []
        drawn.add_row(row["network"], *_cells(row, busy=busy), *more, *ratio)
    console.print(drawn)
    for line in _protocol(first, rows):
        console.print(line, markup=False, highlight=False)


def _cells(row: dict[str, Any], *, busy: bool) -> list[str]:
    median = row["latency_ms"]
    span = _span(row["latency_low_ms"], row["latency_high_ms"])
    if busy:
        return [f"({median:.2f})", span if span == NONE else f"({span})"]
    return [f"{median:.2f}", span, f"{1000 * row['latency_batch'] / median:.1f}"]


def _ratio(row: dict[str, Any]) -> list[str]:
    if "ratio" not in row:
        return ["1", "", ""]
    answer = "too few rounds" if row["ratio_low"] is None else row["answer"]
    return [f"{row['ratio']:.3f}", _span(row["ratio_low"], row["ratio_high"], 3), answer]


def _span(low: float | None, high: float | None, decimals: int = 2) -> str:
    if low is None or high is None:
        return NONE
    return f"{low:.{decimals}f}{NONE}{high:.{decimals}f}"


def _protocol(first: dict[str, Any], rows: Rows) -> list[str]:
    """How the figures were taken and what they are worth, in a sentence each."""
    start = "bytes on the host" if first["latency_boundary_in"] == "host_u8" else "image on device"
    lines = [
        f"{first['latency_device']}, CPU threads: {first['latency_threads']}, "
        f"{first['latency_dtype']}, clock starts at {start}, stops at {first['latency_boundary']}, "
        f"{first['latency_method']}, torch {first['latency_torch']}.",
        f"{first['latency_figure']}: {TIMES[first['latency_figure']]}.",
        _ended(first),
    ]
    if "latency_twin" in first:
        lines.append(_twin(first))
    if not all(row["latency_steady"] is not False for row in rows):
        lines.append("Not all were steady when the warm-up ended.")
    if first["latency_contended"]:
        lines.append(
            "Other work used this machine's CPUs meanwhile: trust ratios, not the milliseconds in "
            "brackets, which would be fewer on a machine that is free."
        )
    return lines


def _ended(first: dict[str, Any]) -> str:
    reasons = {
        "precise": "enough to know every ratio within its target",
        "rounds": "the most that were asked for",
        "time": "when time was up",
    }
    processes = first.get("latency_processes")
    where, pairs = f" in {processes} fresh processes", "process by process"
    return (
        f"{first['latency_rounds']} rounds{where if processes else ''}, "
        f"{reasons[first['latency_ended']]}; intervals are of 95 %, ratios paired "
        f"{pairs if processes else 'round by round'}."
    )


def _twin(first: dict[str, Any]) -> str:
    told = "not distinguishable, as it should be"
    if first["latency_twin"] != "not distinguishable":
        told = "so differences of that size mean nothing here"
    ratio = f"{first['latency_twin_ratio']:.3f}"
    return f"A copy of {first['network']} took {ratio} times as long as itself: {told}."
