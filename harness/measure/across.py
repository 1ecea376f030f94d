"""Compares latencies of two sessions over a network that was timed again in each; no torch.

Milliseconds of two sessions tell who met more of others' work. A ratio to one network, each taken
within its own session, does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

from harness.measure.estimate import Ratio, ratio_of_rows

Row = Mapping[str, Any]

REFERENCE = "latency_reference"
"""The column that names the network: rows that name the same one can be compared."""

TAKEN = {
    each: each.replace("latency", REFERENCE)
    for each in ("latency_rounds_ns", "latency_rounds_cpu_ns", "latency_processes_ns")
}
"""How long a candidate took, and the column with how long the reference took meanwhile."""

UNLIKE = 0.1
"""By what share (one standard deviation) the logarithm of a ratio differs from session to session
of a busy machine, beyond what rounds show: what others do to caches meets unlike networks unlike.
A network of 1.6 times the reference's time took 1.47 to 1.71 times as long, while those as long as
the reference stayed within their intervals (``docs/measurement.md``)."""


def referred(rows: Mapping[str, Row], name: str, network: str) -> dict[str, dict[str, Any]]:
    """Rows of a session, each with how long the one of that name took, and which network it is."""
    taken = {theirs: rows[name].get(own) for own, theirs in TAKEN.items()}
    return {each: {**row, REFERENCE: network, **taken} for each, row in rows.items()}


def ratio_between(first: Row, second: Row, num_comparisons: int = 1) -> Ratio | None:
    """The ratio of two candidates' latencies by their rows, of one session or over a reference.

    None if neither way is open.
    """
    found = ratio_of_rows(first, second, num_comparisons)
    if found or not first.get(REFERENCE) or first[REFERENCE] != second.get(REFERENCE):
        return found
    ours, theirs = (ratio_of_rows(each, _taken(each), num_comparisons) for each in (first, second))
    unlike = 0.0 if _is_reference(first) or _is_reference(second) else UNLIKE
    return _quotient(ours, theirs, unlike) if ours and theirs else None


def _is_reference(row: Row) -> bool:
    """Whether a row is the reference's own, to which there are ratios within other sessions."""
    return all(row.get(own) == row.get(theirs) for own, theirs in TAKEN.items())


def _taken(row: Row) -> Row:
    """The reference's row in a candidate's session, as far as ratios need it."""
    return {**row, **{own: row.get(theirs) for own, theirs in TAKEN.items()}}


def _quotient(first: Ratio, second: Ratio, unlike: float) -> Ratio:
    """The quotient of two ratios that sessions of their own gave.

    The ends of its interval are made of theirs by squares (MOVER: Zou and Donner, 2008), with what
    ``unlike`` adds. From 6 to 18 rounds, with heavy tails and with unlike noise, it held the truth
    95 to 98 % of the time in simulation. ``p`` follows from how wide it is.
    """
    middle = math.log(first.value / second.value)
    quantile = NormalDist().inv_cdf((1 + first.confidence) / 2)
    between = quantile * unlike * math.hypot(math.log(first.value), math.log(second.value))
    down, up = (_reach(*pair, between) for pair in ((first, second), (second, first)))
    found = replace(first, value=math.exp(middle), low=None, high=None, p=1.0)
    found = replace(found, num_rounds=min(first.num_rounds, second.num_rounds))
    if down is None or up is None:
        return found
    return replace(
        found,
        low=math.exp(middle - down),
        high=math.exp(middle + up),
        p=2 * NormalDist().cdf(-abs(middle) * quantile / (down if middle > 0 else up))
        if middle
        else 1.0,
    )


def _reach(over: Ratio, under: Ratio, between: float) -> float | None:
    """How far below ``over / under`` its interval reaches, in logarithms."""
    if over.low is None or under.high is None:
        return None
    return math.hypot(math.log(over.value / over.low), math.log(under.high / under.value), between)
