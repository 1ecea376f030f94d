"""Intervals of a ratio that take samples for independent, as is common."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

Interval = tuple[float, float]

CONFIDENCE = 0.95


def of_means(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Welch's t over the logarithms of samples: first over second."""
    found = stats.ttest_ind(np.log(first), np.log(second), equal_var=False)
    low, high = found.confidence_interval(CONFIDENCE)
    return math.exp(low), math.exp(high)


def of_medians(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Order statistics around each median, put together as Donner and Zou (2012) do it."""
    (one, one_low, one_high), (two, two_low, two_high) = (_median(each) for each in (first, second))
    below = math.hypot(one - one_low, two_high - two)
    above = math.hypot(one_high - one, two - two_low)
    return math.exp(one - two - below), math.exp(one - two + above)


def _median(samples: Sequence[float]) -> tuple[float, float, float]:
    """The median of the logarithms, and the ends of its exact interval."""
    ordered = np.sort(np.log(samples))
    rank = int(stats.binom.ppf((1 - CONFIDENCE) / 2, len(ordered), 0.5))
    rank = max(rank, 1)
    return float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[-rank])
