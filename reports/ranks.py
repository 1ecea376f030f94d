"""Says how well what is counted foretells what is timed: rank correlations, device by device."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.candidates import timed_by
from reports.columns import FIGURES, LATENCY, is_missing, minus, plain
from reports.latencies import all_level, level, pairing
from reports.trials import Trials
from reports.verdict import Verdict

FEWEST = 4
FEWEST_FOR_AN_INTERVAL = 8
"""With fewer the interval holds too seldom (76 % with 6 and a strong correlation, simulated)."""

FEWEST_VALUES = 5
"""With fewer different costs or latencies it holds too seldom, since ties are not in its variance.

Of 12 or 20 candidates 69 to 85 % of the time where costs and latencies have two values each, and
85 to 90 % with three or four; where costs have five and no two latencies are alike, 92 to 94 %
(1000 simulations each, correlations of 0 and 0.8). Brown and Benedetti's variance (1977) knows
ties, and with two values held 75 to 98 %, through Fisher's z 83 to 97 %.
"""

LUCK = "; no two of these latencies are told apart, so their order may be luck"

COUNTED = ("gmacs", "params")


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Kendall's tau-b of a counted figure and latency over ``num`` candidates of one device.

    ``low`` to ``high`` is its 95 % interval; None for few candidates, few different costs or
    latencies, or all in one order. ``is_luck`` is whether no two of the latencies are told apart.
    """

    key: str
    device: str
    num: int
    tau: float
    low: float | None
    high: float | None
    is_luck: bool = False


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
        latencies = _of_networks(trials, places, _latencies(trials, places))
        is_luck = _is_luck(verdict, latencies)
        for key in COUNTED:
            column = trials.column(key)
            known = ((column[places[name]], latency) for name, latency in latencies.items())
            pairs = [(cost, latency) for cost, latency in known if not is_missing(cost)]
            if rank := _rank(key, plain(way[0]), pairs):
                found.append(replace(rank, is_luck=is_luck))
    return tuple(found)


def _of_networks(
    trials: Trials, places: Mapping[str, int], latencies: Mapping[str, float]
) -> dict[str, float]:
    """The latencies of different networks: one that was trained by several recipes counts once."""
    costs = [trials.column(key) for key in COUNTED]
    rounds = trials.column("latency_rounds_ns")
    first: dict[object, str] = {}
    for name in latencies:
        at = places[name]
        first.setdefault((*(each[at] for each in costs), tuple(rounds[at] or (name,))), name)
    return {name: latencies[name] for name in first.values()}


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


def _is_luck(verdict: Verdict, ranked: Collection[str]) -> bool:
    """Whether no two latencies are told apart, so that their order tells nothing."""
    found = [each for each in verdict.measured.candidates if each.name in ranked and each.timed]
    first, others = found[0], found[1:]
    return all(level(first, each, len(others)) for each in others) and all_level(found)


def _rank(key: str, device: str, pairs: Sequence[tuple[float, float]]) -> Rank | None:
    num_values = min((len(set(side)) for side in zip(*pairs, strict=True)), default=0)
    if len(pairs) < FEWEST or num_values < 2:
        return None
    from scipy import stats  # late, as in reports.statistics

    tau = float(stats.kendalltau(*zip(*pairs, strict=True)).statistic)
    low, high = interval(tau, len(pairs), num_values)
    return Rank(key=key, device=device, num=len(pairs), tau=tau, low=low, high=high)


def interval(
    tau: float, num: int, num_values: int | None = None
) -> tuple[float | None, float | None]:
    """The 95 % interval of a tau: Fieller's, by Fisher's z with a variance of 0.437 / (n - 4).

    ``num_values`` are the different values of the side that has fewer; as many as ``num`` if None.
    """
    num_values = num if num_values is None else num_values
    is_few = num < FEWEST_FOR_AN_INTERVAL or num_values < FEWEST_VALUES
    if is_few or abs(tau) > 1 - 1e-9:
        return None, None
    from scipy import stats

    reach = float(stats.norm.isf(0.025)) * math.sqrt(0.437 / (num - 4))
    return math.tanh(math.atanh(tau) - reach), math.tanh(math.atanh(tau) + reach)


def sentence(found: Sequence[Rank]) -> str:
    """The correlations of one device in a sentence; "" for none."""
    if not found:
        return ""
    nums = {each.num for each in found}
    told = [_told(each, with_num=len(nums) > 1) for each in found]
    over = f"Over {found[0].num} candidates on" if len(nums) == 1 else "On"
    return (
        f"{over} {found[0].device}, the rank correlation (Kendall) with latency is "
        f"{' and '.join(told)}{_few(found)}{LUCK if found[0].is_luck else ''}."
    )


def _few(found: Sequence[Rank]) -> str:
    """Why no correlation has an interval, where that is for lack of candidates."""
    if any(each.num >= FEWEST_FOR_AN_INTERVAL for each in found):
        return ""
    return ", without an interval, for which they are too few"


def _told(one: Rank, with_num: bool) -> str:
    text = f"{FIGURES[one.key].label} {minus(f'{one.tau:.2f}')}"
    if one.low is not None and one.high is not None:
        text += f" [{minus(f'{one.low:.2f}')}, {minus(f'{one.high:.2f}')}]"
    return f"{text} over {one.num} candidates" if with_num else text
