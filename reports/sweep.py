"""What a static sweep found, as a record: all figures, and what each choice adds to them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.columns import FIGURES, Column, is_missing, plain
from reports.spreadsheet import harmless

Row = Mapping[str, Any]
SHOWN = ("gmacs", "params", "activations", "latency_ms")


@dataclass(frozen=True, kw_only=True)
class Level:
    """One value of one factor: how many architectures have it, and their mean figures.

    ``added`` is what it costs beside the factor's first value: the mean difference over those
    settings of the other factors with which both could be built. It has no figure where there are
    no such settings, and none for the first value.
    """

    factor: str
    value: str
    num: int
    means: Mapping[str, float]
    added: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A swept space: its rows, the figures that they have, its factors, what could not be built."""

    name: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    levels: tuple[Level, ...]
    impossible: Mapping[str, int]


def sweep(name: str, rows: Sequence[Row]) -> Sweep:
    """Gathers the rows of a sweep; ValueError if not one architecture could be built."""
    built = [row for row in rows if "impossible" not in row]
    reasons = Counter(plain(row["impossible"]) for row in rows if "impossible" in row)
    if not built:
        first = next(iter(reasons), "it is empty")
        raise ValueError(f"no architecture of {name!r} can be built: {first}")
    keys = [key for key in SHOWN if any(not is_missing(row.get(key)) for row in built)]
    return Sweep(
        name=name,
        rows=tuple(built),
        columns=tuple(FIGURES[key] for key in keys),
        levels=tuple(_levels(built, keys)),
        impossible=dict(reasons.most_common()),
    )


def _levels(rows: Sequence[Row], keys: Sequence[str]) -> list[Level]:
    """Every value of every factor that has two or more, in the order of the rows."""
    found: list[Level] = []
    for factor in dict.fromkeys(name for row in rows for name in row["factors"]):
        groups: dict[str, list[Row]] = {}
        for row in rows:
            if factor in row["factors"]:
                groups.setdefault(row["factors"][factor], []).append(row)
        first = next(iter(groups))
        if len(groups) > 1:
            found += [
                Level(
                    factor=plain(factor),
                    value=plain(value),
                    num=len(group),
                    means=_means(group, keys),
                    added={} if value == first else _added(factor, groups[first], group, keys),
                )
                for value, group in groups.items()
            ]
    return found


def _added(
    factor: str, first: Sequence[Row], second: Sequence[Row], keys: Sequence[str]
) -> dict[str, float]:
    """The mean difference of each figure, second less first, at equal settings of the rest."""
    mine, theirs = (_by_setting(factor, rows, keys) for rows in (first, second))
    gaps: dict[str, list[float]] = {}
    for setting in mine.keys() & theirs.keys():
        before, after = mine[setting], theirs[setting]
        for key in before.keys() & after.keys():
            gaps.setdefault(key, []).append(after[key] - before[key])
    return {key: statistics.fmean(values) for key, values in gaps.items()}


def _by_setting(
    factor: str, rows: Sequence[Row], keys: Sequence[str]
) -> dict[frozenset[tuple[str, Any]], dict[str, float]]:
    """The mean figures at each setting of all factors but one."""
    groups: dict[frozenset[tuple[str, Any]], list[Row]] = {}
    for row in rows:
        rest = frozenset(each for each in row["factors"].items() if each[0] != factor)
        groups.setdefault(rest, []).append(row)
    return {rest: _means(group, keys) for rest, group in groups.items()}


def _means(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, float]:
    known = {key: [row[key] for row in rows if not is_missing(row.get(key))] for key in keys}
    return {key: statistics.fmean(values) for key, values in known.items() if values}


def share_explained(rows: Sequence[Row], factor: str, key: str) -> float:
    """The share of a figure's variance that lies between the values of a factor, in 0..1."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        if not is_missing(row.get(key)):
            groups.setdefault(str(row["factors"].get(factor)), []).append(float(row[key]))
    values = [value for group in groups.values() for value in group]
    whole = statistics.pvariance(values) if values else 0.0
    if not whole:
        return 0.0
    middle = statistics.fmean(values)
    between = sum(len(g) * (statistics.fmean(g) - middle) ** 2 for g in groups.values())
    return between / len(values) / whole


def sweep_csv(found: Sweep) -> str:
    """Every architecture with its factors and figures, as CSV."""
    lines = []
    for row in found.rows:
        factors = {f"factor.{name}": value for name, value in row["factors"].items()}
        flat = {key: value for key, value in row.items() if not isinstance(value, (dict, list))}
        line = {"candidate": row["candidate"], **factors, **flat}
        lines.append({key: harmless(value) for key, value in line.items()})
    return records_csv(lines)


def records_csv(lines: Sequence[Mapping[str, Any]]) -> str:
    """Lines of plain values as CSV."""
    import pandas as pd

    return str(pd.DataFrame(lines).to_csv(index=False, lineterminator="\n"))


def protocol(found: Sweep) -> tuple[str, ...]:
    """How the figures were taken, in a sentence each."""
    first = found.rows[0]
    lines = [
        f"Counted at {first['cost_size']} by {first['cost_tool']}: one multiply-add = 1, deployed "
        "graph (no auxiliary heads, batch norm folded)."
    ]
    timed = next((row for row in found.rows if row.get("latency_device")), None)
    if timed:
        lines.append(
            f"Timed on {timed['latency_device']}, CPU threads: {timed['latency_threads']}, batch "
            f"{timed['latency_batch']}, medians of {timed['latency_rounds']} rounds; the CSV has "
            "their 95 % intervals, and the ratio to the first, which holds between groups."
        )
    if any(row.get("latency_contended") for row in found.rows):
        lines.append(
            "Other work used this machine's CPUs meanwhile: trust latency_ratio in the CSV, not "
            "milliseconds."
        )
    return tuple(lines)
