"""Times all again in fresh processes: memory layout and chosen algorithms differ between them."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from harness.measure.estimate import ROUNDS, Clock, over_processes
from harness.measure.headline import OF_ONE_PROCESS, of_processes, of_twin

Row = dict[str, Any]
Given = TypeVar("Given")


def in_fresh_processes(
    number: int, function: Callable[..., Given], *arguments: Any
) -> Iterator[Given]:
    """What a function gives in each of so many new processes, one after the other."""
    for _ in range(number):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            yield pool.submit(function, *arguments).result()


def combined(processes: Sequence[Mapping[str, Row]]) -> dict[str, Row]:
    """One row a network from its rows in several processes, to be compared process by process.

    The latency is the geometric mean of the processes' medians, its interval Student's t over
    their logarithms. A network that could not be timed in one of them has that row.
    """
    sessions: dict[Any, str] = {}  # one for each group that was timed together
    found = {}
    for name in processes[0]:
        rows = [each[name] for each in processes]
        wrong = next((row for row in rows if "latency_error" in row), None)
        together = tuple(row.get("latency_session") for row in rows)
        session = sessions.setdefault(together, uuid.uuid4().hex[:12])
        found[name] = wrong or {**_combined(rows), "latency_session": session}
    return found


def _combined(rows: Sequence[Row]) -> Row:
    times = over_processes([row["latency_ms"] for row in rows])
    twin = _twin(rows) if "latency_twin" in rows[0] else {}
    clock = _clock(rows)
    reasons = _reasons(rows, twin.get("latency_twin"))
    return {
        **{name: value for name, value in rows[0].items() if name not in _OF_ONE},
        "latency_ms": times.value,
        "latency_low_ms": times.low,
        "latency_high_ms": times.high,
        "latency_processes": len(rows),
        "latency_processes_ns": [row[ROUNDS[clock]] for row in rows],
        "latency_ratio_by": clock,
        **{name: sum(row[name] for row in rows) for name in _SUMMED},
        **{name: _most(row[name] for row in rows) for name in _WORST},
        "latency_receipts": [row.get("latency_receipt") for row in rows],
        "latency_headline_ok": not reasons,
        "latency_headline_reasons": reasons,
        "latency_findings": _each_once(row.get("latency_findings") or () for row in rows),
        "latency_steady": all(row["latency_steady"] is not False for row in rows),
        "latency_sentinel_ms": statistics.median(row["latency_sentinel_ms"] for row in rows),
        **twin,
    }


def _clock(rows: Sequence[Row]) -> Clock:
    """By which clock a row is compared: CPU time where any process had to, and all have it."""
    is_needed = any(row.get("latency_ratio_by") == "cpu" for row in rows)
    return "cpu" if is_needed and all(row.get(ROUNDS["cpu"]) for row in rows) else "wall"


def _reasons(rows: Sequence[Row], twin: str | None) -> list[str]:
    """What speaks against a headline: what did in any process, and what does of all together."""
    told = _each_once(row.get("latency_headline_reasons") or () for row in rows)
    lasting = [each for each in told if each not in OF_ONE_PROCESS]
    return [*lasting, *of_twin(twin), *of_processes(len(rows))]


def _twin(rows: Sequence[Row]) -> Row:
    same = over_processes([row["latency_twin_ratio"] for row in rows])
    ends = {"latency_twin_low": same.low, "latency_twin_high": same.high}
    return {"latency_twin_ratio": same.value, **ends, "latency_twin": same.answer}


def _each_once(told: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(line for lines in told for line in lines))


def _most(values: Iterable[Any]) -> Any:
    return max((each for each in values if each is not None), default=None)


_SUMMED = ("latency_rounds", "latency_num_samples", "latency_warmup_s")

# The last in the alphabet is the worst: precise, rounds, time; proven, unproven, violated.
_WORST = (
    "latency_contended",
    "latency_cpu_pressure_percent",
    "latency_ended",
    "latency_verdict",
)

_OF_ONE = (
    "latency_receipt",
    *ROUNDS.values(),
    "latency_p90_ms",
    "latency_p99_ms",
    "latency_mad_ms",
    "latency_lag1",
    "latency_sentinel_drift",
)
"""Columns that say something of one process alone."""
