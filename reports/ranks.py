"""Says how well what is counted foretells what is timed: rank correlations, device by device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.columns import FIGURES, LATENCY, is_missing, minus, plain
from reports.verdict import Verdict

FEWEST = 4
FEWEST_FOR_AN_INTERVAL = 8
"""With fewer the interval holds too seldom (76 % with 6 and a strong correlation, simulated)."""

COUNTED = ("gmacs", "params")


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Kendall's tau-b of a counted figure and latency over ``num`` candidates of one device.

    ``low`` to ``high`` is its 95 % interval; None for few candidates, or all in one order.
    """

    key: str
    device: str
    num: int
    tau: float
    low: float | None
    high: float | None


def ranks(verdict: Verdict) -> tuple[Rank, ...]:
    """The correlations of a study, for each way in which latencies were taken."""
    groups: dict[tuple[object, ...], dict[str, tuple[Any, ...]]] = {}
    trials = verdict.trials
    ways = zip(*(trials.column(column.key) for column in LATENCY), strict=True)
    figures = zip(*(trials.column(key) for key in ("latency_ms", *COUNTED)), strict=True)
    last: object = None
    for name, way, values in zip(trials.column("candidate"), ways, figures, strict=True):
        if (name, way) != last and not is_missing(values[0]):
            last = name, way
            groups.setdefault(way, {}).setdefault(name, values)  # all its seeds have one latency
    found = []
    for way, each in groups.items():
        for place, key in enumerate(COUNTED, 1):
            pairs = [(v[place], v[0]) for v in each.values() if not is_missing(v[place])]
            if rank := _rank(key, plain(way[0]), pairs):
                found.append(rank)
    return tuple(found)


def _rank(key: str, device: str, pairs: Sequence[tuple[float, float]]) -> Rank | None:
    if len(pairs) < FEWEST or min(len(set(side)) for side in zip(*pairs, strict=True)) < 2:
        return None
    from scipy import stats  # late, as in reports.statistics

    tau = float(stats.kendalltau(*zip(*pairs, strict=True)).statistic)
    low, high = interval(tau, len(pairs))
    return Rank(key=key, device=device, num=len(pairs), tau=tau, low=low, high=high)


def interval(tau: float, num: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a tau: Fieller's, by Fisher's z with a variance of 0.437 / (n - 4)."""
    if num < FEWEST_FOR_AN_INTERVAL or abs(tau) > 1 - 1e-9:
        return None, None
    from scipy import stats

    reach = float(stats.norm.isf(0.025)) * math.sqrt(0.437 / (num - 4))
    return math.tanh(math.atanh(tau) - reach), math.tanh(math.atanh(tau) + reach)


def sentence(found: Sequence[Rank]) -> str:
    """The correlations of one device in a sentence; "" for none."""
    if not found:
        return ""
    told = []
    for each in found:
        text = f"{FIGURES[each.key].label} {minus(f'{each.tau:.2f}')}"
        if each.low is not None and each.high is not None:
            text += f" [{minus(f'{each.low:.2f}')}, {minus(f'{each.high:.2f}')}]"
        told.append(text)
    return (
        f"Over {found[0].num} candidates on {found[0].device}, the rank correlation (Kendall) with "
        f"latency is {' and '.join(told)}."
    )
