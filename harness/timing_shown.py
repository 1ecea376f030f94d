"""Shows latencies: a table, how they were taken, and what they are worth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.measure.estimate import CONFIDENCE, KEPT, KEPT_SHARE
from harness.study import TIMES
from harness.terminal import table

Rows = list[dict[str, Any]]

NONE = "\N{EN DASH}"


def too_few(num_rounds: int, confidence: float = CONFIDENCE) -> str:
    """What stands where an answer would: rounds all on one side happen by chance, of so few."""
    return f"too few rounds to tell ({num_rounds} of {math.ceil(math.log2(2 / (1 - confidence)))})"


def show_latencies(given: Rows, receipts: Sequence[Path], console: Console) -> None:
    """Prints latencies, their ratios to the first, how they were taken, what speaks against them.

    Rows with ``latency_error`` are named with their reason; one at least must be without.
    """
    rows = [row for row in given if "latency_error" not in row]
    first = rows[0]
    what = "Throughput" if first["latency_figure"] == "t_thr" else "Latency"
    busy, several = bool(first["latency_contended"]), len(rows) > 1
    columns = ["(ms)" if busy else "median (ms)", "95 %"]
    columns += [] if busy else ["fps"]
    others = [name for name in TIMES if f"latency_{name}_ms" in first]
    columns += [f"{name} (ms)" for name in others]
    columns += ["ratio", "95 %"] if several else []
    title = f"{what} of {first['latency_size']}, batch {first['latency_batch']}"
    names = ("network", "backend") if _tells_apart(rows) else ("network",)
    drawn = table(*names, right=tuple(columns), title=title)
    if several:
        drawn.add_column(f"than {first['network']}")
    for row in given:
        if row not in rows:
            drawn.add_row(*_named(row, names), "not timed")
            continue
        more = [f"{row[f'latency_{name}_ms']:.2f}" for name in others]
        more = [f"({each})" for each in more] if busy else more
        ratio = _ratio(row) if several else []
        drawn.add_row(*_named(row, names), *_cells(row, busy=busy), *more, *ratio)
    console.print(drawn)
    lines = [*_refused(given), *_protocol(first, rows), *_worth(rows), *_kept(receipts)]
    for line in lines:
        console.print(line, markup=False, highlight=False)


def _tells_apart(rows: Rows) -> bool:
    """Whether networks are on different backends, and their names do not say on which."""
    known = {row["latency_backend"] for row in rows}
    return len(known) > 1 and any(
        not row["network"].endswith(f" on {row['latency_backend']}") for row in rows
    )


def _named(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    return [row.get({"backend": "latency_backend"}.get(each, each), "") for each in columns]


def _cells(row: dict[str, Any], *, busy: bool) -> list[str]:
    median = row["latency_ms"]
    span = _span(row["latency_low_ms"], row["latency_high_ms"])
    if busy:
        return [f"({median:.2f})", span if span == NONE else f"({span})"]
    return [f"{median:.2f}", span, f"{1000 * row['latency_batch'] / median:.1f}"]


def _ratio(row: dict[str, Any]) -> list[str]:
    if "ratio" not in row:
        return ["1", "", ""]
    return [f"{row['ratio']:.3f}", _span(row["ratio_low"], row["ratio_high"], 3), row["answer"]]


def _span(low: float | None, high: float | None, decimals: int = 2) -> str:
    if low is None or high is None:
        return NONE
    return f"{low:.{decimals}f}{NONE}{high:.{decimals}f}"


def _protocol(first: dict[str, Any], rows: Rows) -> list[str]:
    """How the figures were taken and what they are worth, in a sentence each."""
    start = "bytes on the host" if first["latency_boundary_in"] == "host_u8" else "image on device"
    lines = [
        f"{first['latency_device']}, CPU threads: {first['latency_threads']}, "
        f"{_either(rows, 'latency_dtype')}, backend {_either(rows, 'latency_backend')}, "
        f"clock starts at {start}, stops at {first['latency_boundary']}, "
        f"{_either(rows, 'latency_method')}, torch {first['latency_torch']}.",
        *(
            f"{name}: {about}."
            for name, about in TIMES.items()
            if name == first["latency_figure"] or f"latency_{name}_ms" in first
        ),
        _ended(first, several=len(rows) > 1),
    ]
    if "latency_twin" in first:
        lines.append(_twin(first))
    if any(row["latency_place"] == KEPT for row in rows):
        lines.append(
            "Some stay where they lie in memory, which alone makes copies differ by up to "
            f"{KEPT_SHARE:.1%}: their intervals are wider by that. --processes draws it anew."
        )
    if not all(row["latency_steady"] is not False for row in rows):
        lines.append("Not all were steady when the warm-up ended.")
    if first["latency_contended"]:
        lines.append(
            "Others used this machine shortly before or meanwhile: trust the ratios. Milliseconds "
            "stand in brackets, since a free machine takes fewer."
        )
        lines += _compared_by(first, several=len(rows) > 1)
    return lines


def _compared_by(first: dict[str, Any], *, several: bool) -> Iterator[str]:
    """What ratios are made of where others use the machine."""
    if several and first.get("latency_ratio_by") == "cpu":
        yield (
            "Ratios are of CPU time: long calls had to wait for a CPU more than short ones, so "
            "by the clock on the wall they are not comparable."
        )
    elif several and first["latency_threads"] > 1:
        yield "With several threads they hold only between networks that take about as long."


def _either(rows: Rows, key: str) -> str:
    """What a column says, where networks differ all of it."""
    return " or ".join(dict.fromkeys(str(row[key]) for row in rows))


def _refused(rows: Rows) -> Iterator[str]:
    for row in rows:
        if "latency_error" in row:
            yield f"{row['network']} was not timed: {row['latency_error']}"


def _worth(rows: Rows) -> Iterator[str]:
    """Whether figures may stand in a headline; a reason that all share is said once."""
    reasons = {row["network"]: row.get("latency_headline_reasons", []) for row in rows}
    if not any(reasons.values()):
        yield "Nothing speaks against a headline of these figures."
        return
    shared = [
        each for each in rows[0].get("latency_headline_reasons", []) if _is_shared(each, rows)
    ]
    yield "These are no headline figures:"
    yield from (f"  {each}" for each in shared)
    for name, told in reasons.items():
        yield from (f"  {name}: {each}" for each in told if each not in shared)


def _is_shared(reason: str, rows: Rows) -> bool:
    return all(reason in row.get("latency_headline_reasons", []) for row in rows)


def _kept(receipts: Sequence[Path]) -> Iterator[str]:
    if receipts:
        plural = "s" if len(receipts) > 1 else ""
        yield f"Receipt{plural} with all samples, for twopath verify:"
        yield from (f"  {each}" for each in receipts)


def _ended(first: dict[str, Any], *, several: bool) -> str:
    reasons = {
        "precise": "enough to know every ratio within its target",
        "rounds": "the most that were asked for",
        "time": "when time was up",
    }
    processes = first.get("latency_processes")
    where, pairs = f" in {processes} fresh processes", "process by process"
    number = first["latency_rounds"]
    paired = f", ratios paired {pairs if processes else 'round by round'}" * several
    return (
        f"{number} round{'s' * (number != 1)}{where if processes else ''}, "
        f"{reasons[first['latency_ended']]}; intervals are of 95 %{paired}."
    )


def _twin(first: dict[str, Any]) -> str:
    told = "not distinguishable, as it should be"
    if first["latency_twin"] != "not distinguishable":
        told = "so differences of that size mean nothing here"
    elif first.get("latency_twin_low", 0.0) is None:
        told = too_few(first["latency_rounds"])
    ratio = f"{first['latency_twin_ratio']:.3f}"
    return f"A copy of {first['network']} took {ratio} times as long as itself: {told}."
