"""Says how far figures spread over seeds, and which differences stand out of that spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scores = Mapping[str, Mapping[int, float]]
"""One figure of all candidates: candidate -> seed -> value."""

CONFIDENCE = 0.95
POWER = 0.8
NO_SPREAD = 1e-9
MANY_DF = 1_000
"""From so many degrees of freedom on one more changes a quantile by less than one in 10,000."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean and standard deviation (n - 1) of one candidate's figure over its seeds."""

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of some values; without a standard deviation for one value, None for none."""
    if not values:
        return None
    middle = statistics.fmean(values)
    sd = math.sqrt(_variance(values, middle)) if len(values) > 1 else None
    return Spread(mean=middle, sd=sd, n=len(values))


def _variance(values: Sequence[float], middle: float) -> float:
    """The variance (n - 1); the statistics module's own is exact, and thirty times as slow."""
    return math.fsum([(value - middle) ** 2 for value in values]) / (len(values) - 1)


def pooled_sd(groups: Iterable[Sequence[float]]) -> float | None:
    """The standard deviation within groups, pooled; None if no group has two values."""
    several = [group for group in groups if len(group) > 1]
    if not several:
        return None
    squares = sum((len(each) - 1) * _variance(each, statistics.fmean(each)) for each in several)
    return math.sqrt(squares / sum(len(group) - 1 for group in several))


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What a seed does to one score after what it does to all candidates alike is taken out.

    ``sd`` is the residual standard deviation with ``df`` degrees of freedom, of a fit over
    ``num_candidates`` candidates and ``num_seeds`` seeds. ``safe_df`` is what is left of ``df``
    where some candidates are noisier than others (Greenhouse and Geisser, 1959). ``usual_seeds``
    is how many seeds at least half of the candidates have.
    """

    sd: float
    df: int
    safe_df: float
    num_candidates: int
    num_seeds: int
    usual_seeds: int


def seed_noise(scores: Scores) -> Noise | None:
    """Fits score = candidate + seed; None where the seeds leave nothing to judge the noise by.

    That is so with one seed, and with seeds that change nothing at all.
    """
    return noise_of(table_of(scores))


def table_of(scores: Scores) -> Floats:
    """Scores as a table (candidates, seeds), NaN where there is none."""
    places = {seed: place for place, seed in enumerate(sorted(set().union(*scores.values())))}
    found = np.full((len(scores), len(places)), np.nan)
    for line, values in zip(found, scores.values(), strict=True):
        line[[places[seed] for seed in values]] = list(values.values())
    return found


def noise_of(table: Floats) -> Noise | None:
    """The same of a table (candidates, seeds), NaN where there is no score."""
    has = ~np.isnan(table)
    table = table[has.any(axis=1)][:, has.any(axis=0)]
    num_candidates, num_seeds = table.shape
    if num_candidates < 2 or num_seeds < 2:
        return None
    who, when = np.nonzero(~np.isnan(table))
    _, rank, residuals = fit(table)
    df = len(residuals) - num_candidates - rank
    squares = float((residuals**2).sum())
    if df < 1 or math.sqrt(squares / df) < NO_SPREAD:
        return None
    by_seed = np.zeros((num_seeds, num_candidates))
    by_seed[when, who] = residuals
    return Noise(
        sd=math.sqrt(squares / df),
        df=df,
        safe_df=max(1.0, _sphericity(by_seed) * df),
        num_candidates=num_candidates,
        num_seeds=num_seeds,
        usual_seeds=int(np.sort(np.bincount(who))[num_candidates // 2]),
    )


def fit(table: Floats) -> tuple[Floats, int, Floats]:
    """The fit score = candidate + seed: what each seed does, of which rank, and what is left over.

    What is left is of each score in turn, line by line.
    """
    who, when = np.nonzero(~np.isnan(table))
    # Candidates are taken out first (Frisch, Waugh and Lovell): they may be thousands.
    design = within(np.eye(table.shape[1])[when], who)
    values = within(table[who, when][:, None], who)[:, 0]
    effects, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    return np.asarray(effects, dtype=float), int(rank), values - design @ effects


def fitted_means(table: Floats) -> Floats:
    """Means of candidates (candidates,) as if all had all seeds of a table (candidates, seeds).

    What a seed does to all, by the fit score = candidate + seed, is taken out of the means of those
    that lack some. Each candidate must have a score.
    """
    table = table[:, ~np.isnan(table).all(axis=0)]
    means, has = np.nanmean(table, axis=1), ~np.isnan(table)
    if has.all():
        return np.asarray(means)
    effects = fit(table)[0]
    return np.asarray(means - has @ effects / has.sum(axis=1) + effects.mean())


def num_apart(table: Floats) -> int:
    """Into how many groups candidates (candidates, seeds) fall that share no seed.

    Not even by way of others. Each candidate must have a score.
    """
    has = ~np.isnan(table[:, ~np.isnan(table).all(axis=0)])
    return int(has.shape[1]) - fit(np.where(has, 0.0, np.nan))[1]


def num_pairs(noise: Noise | None) -> int:
    """How many pairs of candidates are judged at once."""
    return noise.num_candidates * (noise.num_candidates - 1) // 2 if noise else 1


def _sphericity(residuals: Floats) -> float:
    """Greenhouse and Geisser's epsilon of residuals (seeds, candidates): 1 for noise alike in all.

    A missing trial counts as a residual of 0.
    """
    # Squares of seeds by seeds have the same traces as those of candidates by candidates.
    squares = residuals @ residuals.T
    most = residuals.shape[1] - 1
    return float(np.trace(squares) ** 2 / (most * (squares**2).sum()))


def within(values: Floats, who: NDArray[np.int64]) -> Floats:
    """Columns of values (trials, n) less the mean of each group of lines."""
    sums = np.stack([np.bincount(who, weights=column) for column in values.T], axis=1)
    return np.asarray(values - (sums / np.bincount(who)[:, None])[who])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A mean difference over the seeds two candidates share, first minus second.

    ``half_width`` is that of a 95 % interval which holds for all pairs of the study at once;
    None where the spread is not known. ``sd`` is the noise of one score that it was made by.
    """

    value: float
    half_width: float | None
    n: int
    sd: float | None = None

    @property
    def resolved(self) -> bool | None:
        """Whether the interval leaves out zero; None where the spread is not known."""
        return None if self.half_width is None else abs(self.value) > self.half_width


def difference(scores: Scores, first: str, second: str, noise: Noise | None) -> Difference | None:
    """Compares two candidates seed by seed; None if they share no seed.

    The interval is Tukey's over the fit of ``seed_noise``: with two candidates it is the t
    interval of the paired differences, with more it allows for having compared every pair. Where
    candidates differ in noise it is wider twice over, by fewer degrees of freedom and by the
    spread of the pair's own differences if that is above the study's; without both, the noisier
    of identical candidates are told apart in up to a third of studies.

    A pair with fewer seeds than most candidates have may be noisier than the study's residuals can
    show. It must pass Student's test of its own differences too, at Bonferroni's level for one
    candidate among the others; by one such seed alone nothing is known. Without that, one of four
    identical candidates with ten times the noise and one seed of five was told apart in 62 % of
    simulated studies.
    """
    others = scores[second]
    gaps = [value - others[seed] for seed, value in scores[first].items() if seed in others]
    if not gaps:
        return None
    middle, n = statistics.fmean(gaps), len(gaps)
    if noise is None or n < min(noise.usual_seeds, 2):
        return Difference(value=middle, half_width=None, n=n)
    own = math.sqrt(_variance(gaps, middle) / 2) if n > 1 else 0.0
    sd = max(noise.sd, own)
    width = max(width_factor(noise) * sd, own_factors(noise)[n] * own) / math.sqrt(n)
    return Difference(value=middle, half_width=width, n=n, sd=sd)


def width_factor(noise: Noise) -> float:
    """By how many standard errors of one mean two of a study must differ."""
    return _studentized(noise.num_candidates, noise.safe_df)


@lru_cache(maxsize=64)
def own_factors(noise: Noise) -> Floats:
    """The same of a pair's own noise, by how many seeds it shares; 0 for as many as is usual."""
    from scipy import stats  # late, as below

    few = np.arange(noise.num_seeds + 1)
    level = (1 - CONFIDENCE) / 2 / max(noise.num_candidates - 1, 1)
    factors = stats.t.isf(level, np.maximum(few - 1, 1)) * math.sqrt(2)
    return np.where(few < noise.usual_seeds, factors, 0.0)


@lru_cache(maxsize=1024)
def _studentized(num_candidates: int, df: float) -> float:
    """The studentized range's quantile; between whole degrees of freedom at most 2 % above it.

    Its logarithm is close to linear in 1 / df. Of many degrees the fraction does not matter.
    """
    if df > MANY_DF:
        return _studentized_exactly(num_candidates, math.floor(df))
    low, high = (_studentized_exactly(num_candidates, each(df)) for each in (math.floor, math.ceil))
    if low == high:
        return low
    below, above = 1 / math.floor(df), 1 / math.ceil(df)
    share = (1 / df - above) / (below - above)
    return math.exp(share * math.log(low) + (1 - share) * math.log(high))


@lru_cache(maxsize=1024)
def _studentized_exactly(num_candidates: int, df: int) -> float:
    """The quantile, by at most a few billionths above it.

    Of scipy's own chance, whose logarithm is nearly linear in that of the range: scipy's quantile
    takes three times as many integrals. It lies between those of two candidates and of Bonferroni.
    """
    from scipy import optimize, stats  # half a second that a process which tests nothing saves

    def excess(log_range: float) -> float:
        chance = stats.studentized_range.sf(math.exp(log_range), num_candidates, df)
        return math.log(max(float(chance), 1e-300)) - math.log(1 - CONFIDENCE)

    pairs = num_candidates * (num_candidates - 1) / 2
    low, high = stats.t.isf((1 - CONFIDENCE) / 2 / np.array([1, pairs]), df) * math.sqrt(2)
    ends = math.log(low) - 1e-6, math.log(high) + 1e-6  # the same for two candidates
    return math.exp(optimize.brentq(excess, *ends, xtol=1e-9) + 2e-9)
