"""What raw samples say: medians with intervals, and ratios paired by round; no torch, no clock.

A round meets every arm twice, in a random order and back. What the machine does in a round it
does to all arms, so a difference between arms is judged round by round, never sample by sample:
samples of one burst hang together, and an interval that takes them for independent holds the
truth one time in six.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Answer = Literal["faster", "slower", "not distinguishable"]
Clock = Literal["wall", "cpu"]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95
TAIL_CONFIDENCE = 0.99
"""How surely a p90 or p99 is not above what is said of it; MLPerf's loadgen asks as much."""

FEWEST_FOR_AN_INTERVAL = 6
"""Of five rounds or fewer, even all on one side happen by chance one time in sixteen."""

UNLIKE_WAITS = 1.05
"""By what factor arms may have waited unlike before their ratios are taken by CPU time."""

MOST_CORRELATION = 0.9
"""Beyond it an interval spans all rounds anyway."""


DRAWN, KEPT = "drawn each round", "kept"
"""Where a network lies in memory: at another place in each round, or where it was first put."""

KEPT_SHARE = 0.003
"""By what share two copies of one network may differ that stay where they were put: 98 of 100
such pairs on a CPU differed by less (``docs/results/intervals.md``). No number of rounds sees it,
so intervals of their ratios are wider by as much."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Samples taken one after the other: of which arm and figure, when, and how long each took.

    ``place`` counts the bursts of a round from 0. ``start_ns`` is on the clock of the process
    that measured, ``samples_ns`` are whole nanoseconds, and ``cpu_ns`` is the CPU time of them all
    together; None where it is not that of one thread.
    """

    arm: str
    figure: str
    round: int
    place: int
    start_ns: int
    samples_ns: tuple[int, ...]
    cpu_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How long one arm takes against another, over the rounds (or processes) that both were in.

    ``low`` and ``high`` end the interval at ``confidence``; None where there are too few rounds
    for one. ``p`` is the chance of a difference at least as clear between two equal arms.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    num_rounds: int
    confidence: float

    @property
    def answer(self) -> Answer:
        """Whether the first arm is faster or slower than the second, if that can be told."""
        if self.low is None or self.high is None or self.low <= 1 <= self.high:
            return "not distinguishable"
        return "faster" if self.high < 1 else "slower"


def round_values(bursts: Iterable[Burst]) -> tuple[int, ...]:
    """One arm's time in each round, in ns: the geometric mean of the medians of its bursts.

    An arm's two bursts of a round lie alike to its middle, so a steady drift falls out.
    """
    rounds: dict[int, list[float]] = {}
    for burst in bursts:
        rounds.setdefault(burst.round, []).append(float(np.median(burst.samples_ns)))
    logs = (np.log(np.maximum(rounds[each], 1.0)) for each in sorted(rounds))
    return tuple(round(math.exp(each.mean())) for each in logs)


def cpu_values(bursts: Iterable[Burst]) -> tuple[int, ...] | None:
    """One arm's CPU time a call in each round, in ns; None where some burst has none."""
    means = []
    for each in bursts:
        if each.cpu_ns is None:
            return None
        means.append(replace(each, samples_ns=(each.cpu_ns // len(each.samples_ns),)))
    return round_values(means) or None


def clock_of_ratios(
    values: Iterable[tuple[Sequence[int], Sequence[int] | None]], *, contended: bool
) -> Clock:
    """By which clock ratios hold, given each arm's times and CPU times by round.

    Others that use a CPU stop long calls nearly always and short ones hardly ever, in every round
    alike: the wall clock then calls a network of 4 ms twenty times as slow as one of 0.6 ms that
    it takes seven times as long as. Where arms had to wait for unlike shares of their time, only
    CPU time is left to compare.
    """
    values = list(values)
    if not contended or not values or any(cpu is None for _, cpu in values):
        return "wall"
    waits = [float(np.median(wall) / np.median(cpu)) for wall, cpu in values if cpu is not None]
    return "cpu" if max(waits) > UNLIKE_WAITS * min(waits) else "wall"


def summary(bursts: Sequence[Burst]) -> dict[str, Any]:
    """One arm's figures, all times in ns: a median over rounds with its interval, and tails.

    ``p90_ns`` and ``p99_ns`` are conservative order statistics of all samples, None where there
    are too few; ``mad_ns`` is the median distance of a round from the median, ``lag1`` how much
    a round tells of the next. ValueError without bursts.
    """
    values = round_values(bursts)
    if not values:
        raise ValueError("no bursts: there is nothing to sum up")
    low, high = interval(values)
    samples = np.sort(np.concatenate([burst.samples_ns for burst in bursts]).astype(float))
    middle = float(np.median(values))
    return {
        "median_ns": middle,
        "low_ns": low,
        "high_ns": high,
        "p90_ns": quantile_bound(samples, 0.9),
        "p99_ns": quantile_bound(samples, 0.99),
        "mad_ns": float(np.median(np.abs(np.array(values) - middle))),
        "lag1": lag1(values),
        "num_samples": len(samples),
        "num_rounds": len(values),
    }


def interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float | None, float | None]:
    """The interval of the median of per-round values; None twice for fewer than six rounds.

    Its ends are order statistics, as far from the middle as for the number of *independent*
    rounds: a busy minute is longer than a round, so ``lag1`` says how few those are. In
    simulation it holds 93 to 99 % from 12 rounds on, up to a correlation of 0.6 between rounds;
    resampled rounds, in blocks or one by one, held 72 to 93 %.
    """
    num = len(values)
    if num < FEWEST_FOR_AN_INTERVAL:
        return None, None
    alike = min(max((lag1(values) or 0.0) * (1 + 3 / num) + 1 / num, 0.0), MOST_CORRELATION)
    independent = max(num * (1 - alike) / (1 + alike), 2.0)
    reach = float(_stats().t.ppf((1 + confidence) / 2, independent - 1))
    reach /= 2 * math.sqrt(independent)
    ends = max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)
    low, high = np.quantile(np.asarray(values, dtype=float), ends, method="hazen")
    return float(low), float(high)


def _stats() -> Any:
    """Those of scipy, which take a second to come: a process that only trains does without."""
    from scipy import stats

    return stats


def quantile_bound(ordered: Floats, share: float) -> float | None:
    """The least sample of which a quantile is, by 99 %, not above; None for too few samples.

    As MLPerf's loadgen has it, some sample must lie above: 64 samples for p90, 662 for p99.
    """
    rank = int(_stats().binom.ppf(TAIL_CONFIDENCE, len(ordered), share)) + 1
    return float(ordered[rank - 1]) if rank < len(ordered) else None


def lag1(values: Sequence[float]) -> float | None:
    """The correlation of a round with the one after it; None where all rounds are alike."""
    centred = np.asarray(values, dtype=float) - np.mean(values)
    power = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / power if power else None


def apart_of(one_stays: bool) -> float:
    """How far equal arms may be apart (in logarithms) where one stayed where it was put."""
    return KEPT_SHARE if one_stays else 0.0


def ratio(
    first: Sequence[float],
    second: Sequence[float],
    num_comparisons: int = 1,
    *,
    apart: float = 0.0,
) -> Ratio:
    """The first arm's time over the second's, from their values in the same rounds.

    Wilcoxon's signed ranks over the rounds' log ratios: the value is the Hodges-Lehmann
    estimate, interval and p are exact. Between equal arms a log ratio is as often above as below
    zero whatever the machine does, so this needs no bell curve; in simulation it held 95 % from
    8 rounds on, through drift, load and spikes, where resampled medians held 92 to 96 %, and
    where samples had spikes it was narrower than Student's t. The interval holds for
    ``num_comparisons`` at once. Its ends are moved out by ``apart``, which equal arms may differ by
    in all rounds alike, and p is the chance of what is more than that. ValueError if the rounds
    are not the same.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"rounds are paired: {len(first)} and {len(second)} are not the same")
    logs = np.log(np.asarray(first, dtype=float)) - np.log(np.asarray(second, dtype=float))
    walsh = _walsh(logs)
    outside = (1 - CONFIDENCE) / num_comparisons
    chances = _signed_rank_cdf(len(logs))
    rank = int(np.searchsorted(chances, outside / 2, side="right"))
    ends = (walsh[rank - 1], walsh[-rank]) if rank else (None, None)
    low, high = (
        None if end is None else float(math.exp(end + sign * apart))
        for end, sign in zip(ends, (-1, 1), strict=True)
    )
    middle = float(np.median(walsh))
    return Ratio(
        value=math.exp(middle),
        low=low,
        high=high,
        p=_p_value(walsh - math.copysign(min(apart, abs(middle)), middle), chances),
        num_rounds=len(logs),
        confidence=1 - outside,
    )


def over_processes(values: Sequence[float], num_comparisons: int = 1) -> Ratio:
    """What several processes say of one ratio or time, each of them once.

    Geometric mean and Student's t over the logarithms: processes are few, and what differs
    between them, such as where memory lies, hangs together within each. No interval for one.
    """
    logs = np.log(np.asarray(values, dtype=float))
    num, middle = len(logs), float(logs.mean())
    outside = (1 - CONFIDENCE) / num_comparisons
    if num < 2:
        return Ratio(
            value=math.exp(middle),
            low=None,
            high=None,
            p=1.0,
            num_rounds=num,
            confidence=1 - outside,
        )
    error = float(logs.std(ddof=1)) / math.sqrt(num)
    reach = float(_stats().t.ppf(1 - outside / 2, num - 1)) * error
    p = 2 * float(_stats().t.sf(abs(middle) / error, num - 1)) if error else float(middle == 0)
    return Ratio(
        value=math.exp(middle),
        low=math.exp(middle - reach),
        high=math.exp(middle + reach),
        p=p,
        num_rounds=num,
        confidence=1 - outside,
    )


def _walsh(values: Floats) -> Floats:
    """The means of all pairs of values, each with itself too, in order."""
    pairs = np.add.outer(values, values)[np.triu_indices(len(values))] / 2
    return np.sort(pairs)


@lru_cache(maxsize=64)
def _signed_rank_cdf(num: int) -> Floats:
    """How likely each sum of signed ranks, from 0, or a smaller one is between equal arms."""
    chances = np.ones(1)
    for rank in range(1, num + 1):
        with_it = np.zeros(len(chances) + rank)
        with_it[: len(chances)] += chances / 2
        with_it[rank:] += chances / 2
        chances = with_it
    return np.cumsum(chances)


def _p_value(walsh: Floats, chances: Floats) -> float:
    fewer = min(int((walsh >= 0).sum()), int((walsh <= 0).sum()))
    return float(min(1.0, 2 * chances[min(fewer, len(chances) - 1)]))


ROUNDS: Mapping[Clock, str] = {"wall": "latency_rounds_ns", "cpu": "latency_rounds_cpu_ns"}
"""The column with an arm's values by round, by the clock of ``latency_ratio_by``."""


def ratio_of_rows(
    first: Mapping[str, Any], second: Mapping[str, Any], num_comparisons: int = 1
) -> Ratio | None:
    """The ratio of two candidates' latencies, first to second, by their rows.

    None if they were not timed in one session: rounds of two sessions are not the same rounds.
    What was timed in several processes is compared process by process.
    """
    if not first.get("latency_session") or first["latency_session"] != second.get(
        "latency_session"
    ):
        return None
    num = max(num_comparisons, 1)
    if first.get("latency_processes_ns"):
        pairs = zip(first["latency_processes_ns"], second["latency_processes_ns"], strict=True)
        return over_processes([ratio(*pair).value for pair in pairs], num)
    key = ROUNDS[first.get("latency_ratio_by") or "wall"]
    if not first.get(key):
        return None
    stay = KEPT in (first.get("latency_place"), second.get("latency_place"))
    return ratio(first[key], second[key], num, apart=apart_of(stay))
