"""What a seed does to each candidate by itself, where candidates differ in that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.statistics import Noise, Scores, fit, table_of, within

Floats = NDArray[np.float64]

FEW = 8
"""Up to so many candidates each has its own spread alone; how far they are alike shows in more."""

LEAST = 1 / 16
"""The least variance of a candidate, as a share of the study's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnNoise:
    """Standard deviations of candidates over seeds (candidates,), and their degrees of freedom."""

    sds: Floats
    dfs: Floats


def own_noise(scores: Scores, noise: Noise) -> OwnNoise:
    """The noise of each candidate beyond what a seed does to all alike.

    By Grubbs (1948): a residual also holds a share of what the seed did to the others, which is
    taken off. Of more than ``FEW`` candidates the variances are drawn together, the more so the
    more they are alike (Smyth, 2004). The study's ``noise`` stands for candidates of one seed, and
    for both of two, which cannot be told apart.
    """
    return own_noise_of(table_of(scores), noise)


def own_noise_of(table: Floats, noise: Noise) -> OwnNoise:
    """The same of a table (candidates, seeds), NaN where there is no score."""
    num = (~np.isnan(table)).sum(axis=1)
    k, usual, dfs = len(table), noise.sd**2, np.maximum(num - 1.0, 1.0)
    if k < 3:
        return OwnNoise(sds=np.full(k, noise.sd), dfs=dfs)
    own = (_squares(table) / dfs - usual / k) * k / (k - 2)
    own = np.where(num > 1, np.maximum(own, LEAST * usual), usual)
    if k > FEW:
        return _drawn_together(own, dfs, noise)
    return OwnNoise(sds=np.sqrt(own), dfs=dfs)


def _squares(table: Floats) -> Floats:
    """The sum of each candidate's squared residuals of a fit score = candidate + seed."""
    has = ~np.isnan(table)
    who, when = np.nonzero(has[:, has.any(axis=0)])
    if has.all():
        left = within(within(table[has][:, None], who), when)[:, 0]
    else:  # one after the other, means would leave what seeds did to those that lack some
        left = fit(table[:, has.any(axis=0)])[2]
    squares = left**2
    return np.asarray(np.bincount(who, squares, minlength=len(table)), dtype=float)


def _drawn_together(own: Floats, dfs: Floats, noise: Noise) -> OwnNoise:
    """Variances as the mean of their own and the common one, by Smyth's degrees of freedom."""
    from scipy import special  # late: it takes a tenth of a second

    logs = np.log(own) - special.digamma(dfs / 2) + np.log(dfs / 2)
    excess = float(logs.var(ddof=1) - special.polygamma(1, dfs / 2).mean())
    prior = _inverse_trigamma(excess)
    if prior is None:
        return OwnNoise(sds=np.full(len(own), noise.sd), dfs=np.full(len(own), float(noise.df)))
    common = np.exp(logs.mean() + special.digamma(prior) - np.log(prior))
    both = (2 * prior * common + dfs * own) / (2 * prior + dfs)
    return OwnNoise(sds=np.sqrt(both), dfs=2 * prior + dfs)


def _inverse_trigamma(value: float) -> float | None:
    """Where the trigamma function has a value; None where that is 0 or nearly so: far out."""
    if value < 1e-3:
        return None
    from scipy import optimize, special

    return float(optimize.brentq(lambda x: special.polygamma(1, x) - value, 1e-3, 2e3))
