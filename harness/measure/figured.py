"""Makes every published figure of a measurement from its raw samples; no torch, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.measure.estimate import (
    KEPT,
    Burst,
    Clock,
    Ratio,
    apart_of,
    clock_of_ratios,
    cpu_values,
    ratio,
    round_values,
    summary,
)

TWIN = "twin of the first"
"""A copy of the first candidate: what is found between those two is what nothing looks like."""

SENTINEL = "sentinel"
"""A fixed network: its time in this session beside its time in others shows the machine alone."""

Row = dict[str, Any]
Groups = dict[tuple[str, str], list[Burst]]


def rows_of(
    bursts: Sequence[Burst], names: Iterable[str], figures: Sequence[str]
) -> dict[str, Row]:
    """The figures of candidates in ms, as their rows have them; the first figure is headline."""
    groups = _grouped(bursts)
    return {name: _row(groups, name, figures) for name in names}


def _row(groups: Groups, name: str, figures: Sequence[str]) -> Row:
    headline, *others = figures
    of_headline = groups.get((name, headline), [])
    found, by_cpu = summary(of_headline), cpu_values(of_headline)
    row: Row = {
        "latency_ms": found["median_ns"] / 1e6,
        **{f"latency_{end}_ms": _ms(found[f"{end}_ns"]) for end in ("low", "high", "p90", "p99")},
        "latency_mad_ms": _ms(found["mad_ns"]),
        "latency_num_samples": found["num_samples"],
        "latency_lag1": found["lag1"],
        "latency_rounds_ns": list(round_values(of_headline)),
        "latency_rounds_cpu_ns": None if by_cpu is None else list(by_cpu),
    }
    for figure in others:
        other = summary(groups.get((name, figure), []))
        ends = {"": "median", "_low": "low", "_high": "high"}
        row |= {f"latency_{figure}{n}_ms": _ms(other[f"{k}_ns"]) for n, k in ends.items()}
    return row


def controls_of(
    bursts: Sequence[Burst],
    figure: str,
    names: Sequence[str],
    kept: Collection[str] = (),
    *,
    contended: bool = False,
) -> Row:
    """What the twin and the sentinel say of a session, as all its rows have it.

    ``kept`` are the arms that stayed where they were put. ``contended`` is whether others used the
    machine; by which clock ratios hold then depends on what each candidate had to wait.
    """
    groups = _grouped(bursts)
    sentinel = round_values(groups.get((SENTINEL, figure), []))
    found: Row = {"latency_rounds": len(sentinel)}
    if sentinel:
        found["latency_sentinel_ms"] = float(np.median(sentinel)) / 1e6
        found["latency_sentinel_drift"] = _drift(sentinel)
    arms = [groups.get((name, figure), []) for name in names]
    clock = clock_of_ratios(
        ((round_values(each), cpu_values(each)) for each in arms), contended=contended
    )
    found["latency_ratio_by"] = clock
    twin = groups.get((TWIN, figure), [])
    if twin:
        theirs, ours = (_values(each, clock) for each in (arms[0], twin))
        same = ratio(ours, theirs, apart=apart_of(names[0] in kept))
        ends = {"latency_twin_low": same.low, "latency_twin_high": same.high}
        found |= {"latency_twin_ratio": same.value, **ends, "latency_twin": same.answer}
    return found


def _drift(values: Sequence[int]) -> float | None:
    """By what share the last third of the rounds took longer than the first."""
    third = len(values) // 3
    return float(np.median(values[-third:]) / np.median(values[:third])) - 1 if third else None


def kept_of(rows: Mapping[str, Row]) -> frozenset[str]:
    """The candidates that stayed where they were put, by their rows."""
    return frozenset(name for name, row in rows.items() if row.get("latency_place") == KEPT)


def ratios_of(
    bursts: Sequence[Burst],
    names: Sequence[str],
    figures: Iterable[str],
    kept: Collection[str] = (),
    clock: Clock = "wall",
) -> list[Row]:
    """Every candidate's time over the first's, figure by figure; of a figure all hold at once."""
    groups = _grouped(bursts)
    pairs = [(figure, name) for figure in figures for name in names[1:]]
    found = []
    for figure, name in pairs:
        arms = (groups.get((each, figure), []) for each in (name, names[0]))
        ours, theirs = (_values(each, clock) for each in arms)
        stay = name in kept or names[0] in kept
        told = _told(ratio(ours, theirs, len(names) - 1, apart=apart_of(stay)))
        found.append({"arm": name, "to": names[0], "figure": figure, "by": clock, **told})
    return found


def _values(bursts: Sequence[Burst], clock: Clock) -> tuple[int, ...]:
    by_cpu = cpu_values(bursts) if clock == "cpu" else None
    return by_cpu or round_values(bursts)


def _told(found: Ratio) -> Row:
    ends = {"value": found.value, "low": found.low, "high": found.high, "p": found.p}
    return {**ends, "confidence": found.confidence, "answer": found.answer}


def _grouped(bursts: Iterable[Burst]) -> Groups:
    """The bursts of each figure of each arm, in the order taken."""
    found: Groups = {}
    for each in bursts:
        found.setdefault((each.arm, each.figure), []).append(each)
    return found


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6
