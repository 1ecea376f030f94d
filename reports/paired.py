"""What differences paired by seed say: their mean, two intervals, two tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from reports.statistics import CONFIDENCE, NO_SPREAD

FEWEST_FOR_BCA = 3
"""Of two values a bootstrap draws three means, which are no interval."""

RESAMPLES = 9999

MOST_EXACT = 14
"""Up to so many seeds all 2^n flips of signs are tried; beyond, as many drawn at random.

So many that Holm over the longest table of effects, 120 lines, can be passed by them.
"""

Interval = tuple[float, float]
Word = Literal["resolved", "resolved if noise is normal", "not resolved", "no spread known"]


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The mean of n paired differences with its 95 % interval, and how likely chance gives as much.

    The interval is Student's; ``bca_intervals`` has another. ``p`` is Student's; ``exact_p`` that
    of flipping signs, which needs no more than that noise is as likely up as down, and
    ``least_p`` the smallest that n seeds can reach. All None where one seed, or seeds that change
    nothing, leave no spread to judge by. ``each`` are the differences.
    """

    value: float
    n: int
    each: tuple[float, ...] = ()
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    exact_p: float | None = None

    @property
    def least_p(self) -> float:
        """The smallest two-sided p that flipping the signs of n differences can give."""
        return least_p(self.n)


def paired(differences: Sequence[float]) -> Paired:
    """What some differences say, one a seed; ValueError for none."""
    values = np.asarray(differences, dtype=float)
    if not len(values):
        raise ValueError("no differences: nothing was paired")
    middle, n, each = float(values.mean()), len(values), tuple(values.tolist())
    sd = float(values.std(ddof=1)) if n > 1 else 0.0
    if sd < NO_SPREAD:
        return Paired(value=middle, n=n, each=each)
    from scipy import stats  # late, as in reports.statistics

    found = stats.ttest_1samp(values, 0.0)
    low, high = found.confidence_interval(CONFIDENCE)
    return Paired(
        value=middle,
        n=n,
        each=each,
        sd=sd,
        low=float(low),
        high=float(high),
        p=float(found.pvalue),
        exact_p=_sign_flips(each),
    )


def bca_intervals(found: Sequence[Paired]) -> tuple[Interval | None, ...]:
    """The 95 % intervals of means by the BCa bootstrap; None with two seeds or without spread.

    Of a mean it holds too seldom with few seeds: 70 % of the time with 3, 85 % with 5, 90 % with
    12, 92 % with 20 (normal noise, simulated), where Student's holds 95 % from 2 on.
    """
    some = [r for r, e in enumerate(found) if e.sd is not None and e.n >= FEWEST_FOR_BCA]
    known: list[Interval | None] = [None] * len(found)
    for n in {found[rank].n for rank in some}:  # those of as many seeds are drawn at once
        ranks = [rank for rank in some if found[rank].n == n]
        for rank, ends in zip(ranks, _bca([found[rank].each for rank in ranks]), strict=True):
            known[rank] = ends
    return tuple(known)


def _bca(lines: Sequence[Sequence[float]]) -> list[Interval | None]:
    from scipy import stats

    values = np.array(lines)
    found = stats.bootstrap(
        (values,), np.mean, axis=1, confidence_level=CONFIDENCE, n_resamples=RESAMPLES,
        batch=RESAMPLES // len(values) + 1, rng=0, method="BCa",
    ).confidence_interval  # fmt: skip
    ends = zip(found.low.tolist(), found.high.tolist(), strict=True)
    return [(low, high) if low < high else None for low, high in ends]


@lru_cache(maxsize=4096)
def _sign_flips(values: tuple[float, ...]) -> float:
    from scipy import stats

    exact = 2**MOST_EXACT
    found = stats.permutation_test(
        (np.array(values),),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=exact,
        rng=0,
    )
    return float(found.pvalue)


def holm(chances: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's adjusted p of the rows of one table, in their order; rows without one do not count."""
    known = sorted((p, place) for place, p in enumerate(chances) if p is not None)
    adjusted: list[float | None] = [None] * len(chances)
    most = 0.0
    for rank, (p, place) in enumerate(known):
        most = max(most, min(1.0, (len(known) - rank) * p))
        adjusted[place] = most
    return tuple(adjusted)


def word(p: float | None, exact_p: float | None) -> Word:
    """What two adjusted p, Student's and that of flipping signs, allow to be said."""
    if p is None or exact_p is None:
        return "no spread known"
    if p > 1 - CONFIDENCE:
        return "not resolved"
    return "resolved" if exact_p <= 1 - CONFIDENCE else "resolved if noise is normal"


def least_p(num_seeds: int) -> float:
    """The smallest two-sided p that flipping signs can give, all of them or those drawn."""
    return 2.0 ** (1 - num_seeds) if num_seeds <= MOST_EXACT else 2 / (2**MOST_EXACT + 1)


def least_seeds(num_rows: int) -> int:
    """How many seeds the exact test needs before Holm over so many rows can be passed at all."""
    return 1 + math.ceil(math.log2(num_rows / (1 - CONFIDENCE)))
