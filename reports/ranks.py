"""Says how well what is counted foretells what is timed: rank correlations, device by device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.candidates import timed_by
from reports.columns import FIGURES, LATENCY, is_missing, minus, plain
from reports.latencies import pairing
from reports.trials import Trials
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
    groups: dict[tuple[object, ...], dict[str, int]] = {}
    trials = verdict.trials
    ways = zip(*(trials.column(column.key) for column in LATENCY), strict=True)
    lines = zip(trials.column("candidate"), ways, trials.column("latency_ms"), strict=True)
    last: object = None
    for place, (name, way, latency) in enumerate(lines):
        if (name, way) != last and not is_missing(latency):
            last = name, way
            groups.setdefault(way, {}).setdefault(name, place)  # all its seeds have one latency
    found = []
    for way, places in groups.items():
        latencies = _latencies(trials, places)
        for key in COUNTED:
            column = trials.column(key)
            known = ((column[places[name]], latency) for name, latency in latencies.items())
            pairs = [(cost, latency) for cost, latency in known if not is_missing(cost)]
            if rank := _rank(key, plain(way[0]), pairs):
                found.append(rank)
    return tuple(found)


def _latencies(trials: Trials, places: Mapping[str, int]) -> dict[str, float]:
    """Latencies by candidate, each at its place; those that may be ranked with the first of them.

    Beside other work ratios to the first, as milliseconds would rank by who met more of it.
    """
    latencies, busy = trials.column("latency_ms"), trials.column("latency_contended")
    known = {name: latencies[at] for name, at in places.items()}
    if not any(busy[at] for at in places.values()):
        return known
    columns, first = timed_by(trials), next(iter(places))
    timed = {n: {key: column[at] for key, column in columns.items()} for n, at in places.items()}
    found = pairing(timed, first)
    if found.by_ratio:
        return {first: 1.0} | {name: ratio.value for name, ratio in found.ratios.items()}
    return {name: latency for name, latency in known.items() if name not in found.alone}


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
