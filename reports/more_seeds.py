"""How many seeds would resolve a difference, as far as the noise that was seen can tell."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reports.paired import Paired, least_seeds
from reports.phrases import count
from reports.statistics import (
    CONFIDENCE,
    NO_SPREAD,
    POWER,
    Difference,
    Noise,
)

Floats = NDArray[np.float64]

LIKELY = 0.8
"""How often the true noise lies within what is reckoned with."""

FEWEST_TO_TELL = 3
"""Two seeds know neither a difference nor its noise well enough to promise a number."""

MOST_SEEDS = 200
MOST_SEEDS_OF_PAIRS = 50
SEEDS_TO_TRY = (3, 4, 5, 6, 8, 10, 12, 15, 20, 30, MOST_SEEDS_OF_PAIRS)
"""The numbers that "at most" is rounded up to, to be on the safe side; "at least" is exact."""

SeedRange = tuple[int, int | None]
"""At least so many seeds, and at most so many; None where there is no saying."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A standard deviation over seeds, and the degrees of freedom by which it is known."""

    sd: float
    df: float

    @property
    def likely(self) -> tuple[float, float]:
        """The ends between which the truth is four times out of five."""
        from scipy import stats  # late, as in reports.statistics

        squares = stats.chi2.isf([(1 - LIKELY) / 2, (1 + LIKELY) / 2], self.df)
        low, high = self.sd * np.sqrt(self.df / squares)
        return float(low), float(high)


def pooled(noise: Noise) -> Spread:
    """The noise of a study; known the less, the more candidates differ in theirs."""
    return Spread(sd=noise.sd, df=max(1.0, _alike(noise) * noise.df))


def _alike(noise: Noise) -> float:
    """What Greenhouse and Geisser leave, as a share of what they leave of noise alike in all."""
    return min(1.0, noise.safe_df / _usual_df(noise.num_candidates, noise.num_seeds))


def _usual_df(num_candidates: int, num_seeds: int) -> float:
    """About the degrees of freedom that are left of noise alike in all, from Wishart's moments."""
    k, n = num_candidates, num_seeds
    return (k - 1) * (n - 1) ** 2 / (k + n - 1) if k > 2 else n - 1


def seeds_to_resolve(found: Paired, num_rows: int, noise: Spread | None = None) -> SeedRange | None:
    """How many seeds resolve a difference of this size, by both tests, four times out of five.

    Each end allows for what is not known of the noise, and holds nine times out of ten. ``noise``
    is what all candidates say of such a difference; its own is reckoned with too, since candidates
    may differ in theirs. At the strictest of Holm's ``num_rows`` levels. None without a spread, or
    where it takes more than 200 seeds.
    """
    if found.sd is None:
        return None
    if found.n < FEWEST_TO_TELL:
        return least_seeds(num_rows), None
    own = Spread(sd=found.sd, df=found.n - 1)
    usual = noise or own
    low = min(own.likely[0], usual.likely[0])
    high = usual.likely[1] * max(1.0, own.sd / usual.sd)
    least = _fewest(abs(found.value) / low, num_rows)
    return None if least is None else (least, _fewest(abs(found.value) / high, num_rows))


def _fewest(size: float, num_rows: int) -> int | None:
    """The seeds that resolve a difference of so many standard deviations; None for over 200."""
    enough = np.flatnonzero(_sizes(num_rows) <= size)
    return least_seeds(num_rows) + int(enough[0]) if len(enough) else None


@lru_cache(maxsize=64)
def _sizes(num_rows: int) -> Floats:
    """The smallest differences, in standard deviations, that seeds resolve, from the fewest on.

    By the power of Student's test (noncentral t). For about the same power flipping signs needs
    one seed more (simulated), and of its fewest seeds all must point one way.
    """
    from scipy import special, stats

    ns = np.arange(least_seeds(num_rows), MOST_SEEDS + 1)
    reach = stats.t.isf((1 - CONFIDENCE) / num_rows / 2, ns - 2)
    sizes = special.nctdtrinc(ns - 2, 1 - POWER, reach) / np.sqrt(ns - 1)
    sizes[0] = max(sizes[0], special.ndtri(POWER ** (1 / ns[0])))
    return np.asarray(sizes)


def seeds_needed(found: Difference, noise: Noise | None) -> SeedRange | None:
    """How many seeds resolve a difference of this size among all pairs, four times out of five.

    None where the noise is not known well enough, or where more than 50 would be needed.
    """
    if noise is None or abs(found.value) < NO_SPREAD or found.n < FEWEST_TO_TELL:
        return None
    low, high = pooled(noise).likely
    wide = (found.sd or noise.sd) / noise.sd
    every = range(found.n + 1, MOST_SEEDS_OF_PAIRS + 1)
    least = _fewest_of_pairs(found, noise, low, every)
    if least is None:
        return None
    some = [n for n in SEEDS_TO_TRY if n > found.n]
    return least, _fewest_of_pairs(found, noise, high * wide, some)


def _fewest_of_pairs(found: Difference, noise: Noise, sd: float, more: Sequence[int]) -> int | None:
    from scipy import stats

    alike = _alike(noise)

    def is_enough(n: int) -> bool:
        df = max(1, int(alike * _usual_df(noise.num_candidates, n)))
        margin = float(stats.t.ppf(POWER, df)) * sd * math.sqrt(2 / n)
        most = (abs(found.value) - margin) / sd * math.sqrt(n)
        # Whether a quantile is below it, by the chance at that place: one integral, not twenty.
        return most > 0 and stats.studentized_range.cdf(most, noise.num_candidates, df) > CONFIDENCE

    first = bisect_left(more, True, key=is_enough)  # integrals take their time
    return more[first] if first < len(more) else None


def more_seeds(found: SeedRange | None, num: int) -> str:
    """How many more seeds than there are, in words."""
    if found is None:
        return f"over {MOST_SEEDS} seeds"
    low, high = _more(found, num)
    if high is None:
        return f"at least {count(low, 'more seed')}"
    return f"{low} to {high} more seeds" if low != high else f"about {count(high, 'more seed')}"


def more_seeds_brief(found: SeedRange | None, num: int) -> str:
    """The same in few characters."""
    if found is None:
        return f"> {MOST_SEEDS} seeds"
    low, high = _more(found, num)
    ends = f"{low}+" if high is None else f"{low}\N{EN DASH}{high}" if low != high else str(low)
    return f"{ends} more {'seed' if ends == '1' else 'seeds'}"


def _more(found: SeedRange, num: int) -> SeedRange:
    """A spread that was seen may promise fewer than there are: then one more."""
    low, high = found
    return max(low - num, 1), None if high is None else max(high - num, 1)
