"""How many seeds it takes: what is promised reaches the power it is said to, in simulation."""

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reports.more_seeds import (
    MOST_SEEDS,
    Spread,
    more_seeds,
    more_seeds_brief,
    pooled,
    seeds_needed,
    seeds_to_resolve,
)
from reports.paired import least_seeds, paired
from reports.statistics import Difference, difference, seed_noise

KNOWN = 100_000
"""Degrees of freedom from which a spread is as good as known."""


def flips(values, num_rows):
    """Which lines of differences flipping signs resolves by Holm's strictest level."""
    n = values.shape[1]
    signs = np.where((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1, -1.0, 1.0)
    sums = np.abs(values @ signs.T)
    return (sums >= sums[:, :1] - 1e-9).mean(axis=1) <= 0.05 / num_rows


def power(size, n, num_rows, reps=3000):
    """How often both tests resolve differences of a size in standard deviations."""
    values = np.random.default_rng(3).normal(size, 1.0, (reps, n))
    student = stats.ttest_1samp(values, 0, axis=1).pvalue <= 0.05 / num_rows
    return np.mean(student & flips(values, num_rows))


@pytest.mark.parametrize(("size", "rows"), [(1.9, 1), (1.3, 1), (2.0, 3), (1.3, 3), (1.6, 8)])
def test_where_noise_is_known_so_many_seeds_resolve_it_four_times_in_five(size, rows):
    seen = paired(size + np.array([-1, 0, 1.0]))
    low, high = seeds_to_resolve(seen, rows, Spread(sd=1.0, df=KNOWN))
    assert (seen.sd, low) == (pytest.approx(1.0), least_seeds(rows)), "its own may be far smaller"
    assert power(size, high, rows) > 0.785
    assert high == least_seeds(rows) or power(size, high - 2, rows) < 0.815


def test_fewer_seeds_than_flipping_signs_needs_are_never_promised():
    for rows in (1, 3, 10):
        low, high = seeds_to_resolve(paired([9.0, 9.1, 9.2]), rows)
        assert low == high == least_seeds(rows)
    assert seeds_to_resolve(paired([0.5, 0.6]), 3) == (least_seeds(3), None), "two tell no more"


UNLIKE = {"alike": (1, 1, 1, 1), "others are noisier": (1, 1, 3, 9), "one is noisy": (1, 1, 1, 5)}


@pytest.mark.parametrize("noise", UNLIKE)
@pytest.mark.parametrize("seeds", [3, 5])
def test_each_end_holds_nine_times_in_ten_for_a_change_of_the_size_that_was_seen(noise, seeds):
    """Of 4 candidates; the one number that was told before reached 60 % of power at 3 seeds."""
    dice, size, rows, wide = np.random.default_rng(seeds), 1.0, 3, np.array(UNLIKE[noise])
    sd = np.hypot(wide[0], wide[1])
    exact = paired(size * sd + sd * np.array([-1, 0, 1]))
    _, needed = seeds_to_resolve(exact, rows, Spread(sd=sd, df=KNOWN))
    held, reps = np.zeros(2), 250
    for _ in range(reps):
        values = dice.normal(0, 2, (seeds, 1)) + dice.normal(0, 1, (seeds, 4)) * wide
        study = seed_noise({f"c{i}": dict(enumerate(each)) for i, each in enumerate(values.T)})
        known = pooled(study)
        seen = replace(paired(values[:, 1] - values[:, 0]), value=size * sd)
        found = seeds_to_resolve(seen, rows, replace(known, sd=known.sd * 2**0.5))
        low, high = found or (MOST_SEEDS + 1, None)
        held += (low <= needed, high is None or high >= needed)
    error = (0.9 * 0.1 / reps) ** 0.5
    assert (held / reps >= 0.9 - 2 * error).all()


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_upper_end_reaches_its_power_where_the_change_itself_is_as_little_known(seeds):
    """The mean power of it over lines that are not resolved, 6 candidates, noise alike in all."""
    dice, rows, reached = np.random.default_rng(seeds), 5, []
    for size in np.repeat((0.8, 1.1, 1.5), 80):
        values = dice.normal(0, 2, (seeds, 1)) + dice.normal(0, 0.5**0.5, (seeds, 6))
        values[:, 1] += size
        study = seed_noise({f"c{i}": dict(enumerate(each)) for i, each in enumerate(values.T)})
        known, seen = pooled(study), paired(values[:, 1] - values[:, 0])
        found = seeds_to_resolve(seen, rows, replace(known, sd=known.sd * 2**0.5))
        if seen.p * rows > 0.05 and found and found[1]:
            reach = stats.t.isf(0.05 / rows / 2, found[1] - 1)
            reached.append(stats.nct.sf(reach, found[1] - 1, size * found[1] ** 0.5))
    assert np.mean(reached) > 0.8 and len(reached) > 100


def test_what_no_number_of_seeds_resolves_is_not_promised():
    assert seeds_to_resolve(paired([1.0, -1.0, 0.01, 0.0]), 4, Spread(sd=0.5, df=9)) is None
    assert seeds_to_resolve(paired([0.5]), 4) is None
    assert MOST_SEEDS == 200


@pytest.mark.parametrize(
    ("found", "words", "brief"),
    [
        ((8, 20), "5 to 17 more seeds", "5\N{EN DASH}17 more seeds"),
        ((8, None), "at least 5 more seeds", "5+ more seeds"),
        ((8, 8), "about 5 more seeds", "5 more seeds"),
        ((2, 3), "about 1 more seed", "1 more seed"),
        (None, "over 200 seeds", "> 200 seeds"),
    ],
)
def test_the_words_count_what_is_to_come(found, words, brief):
    assert (more_seeds(found, 3), more_seeds_brief(found, 3)) == (words, brief)


def trials(dice, means, seeds):
    shared = [dice.gauss(0, 0.5) for _ in range(seeds)]
    return {
        str(i): {s: mean + shared[s] + dice.gauss(0, 0.5) for s in range(seeds)}
        for i, mean in enumerate(means)
    }


def test_among_all_pairs_the_range_holds_what_resolves_four_times_out_of_five():
    dice = random.Random(6)
    noise = seed_noise(trials(dice, [40.0, 41.0, 40.0], seeds=4))
    noise = replace(noise, sd=0.5, safe_df=4.0)
    low, high = seeds_needed(Difference(value=1.0, half_width=None, n=4), noise)
    shares = {}
    for n in (low, high):
        hits = []
        for _ in range(200):
            again = trials(dice, [40.0, 41.0, 40.0], seeds=n)
            hits.append(difference(again, "1", "0", seed_noise(again)).resolved)
        shares[n] = statistics.fmean(hits)
    assert shares[high] > 0.8 > shares[low] - 0.1 and low < high


def test_no_number_of_seeds_is_promised_for_what_is_too_small_or_by_two_seeds():
    scores = {"a": {0: 0.4, 1: 0.5, 2: 0.3}, "b": {0: 0.401, 1: 0.45, 2: 0.351}}
    noise = seed_noise(scores)
    assert seeds_needed(difference(scores, "a", "b", noise), noise) is None
    assert seeds_needed(difference(scores, "a", "b", None), None) is None
    two = {"a": {0: 0.4, 1: 0.42}, "b": {0: 0.38, 1: 0.39}}
    noise = seed_noise(two)
    assert seeds_needed(difference(two, "a", "b", noise), noise) is None
