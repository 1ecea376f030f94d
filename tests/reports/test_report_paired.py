"""Paired differences: closed forms, coverage in simulation, Holm, and how many seeds it takes."""

import itertools

import numpy as np
import pytest
from scipy import stats

from reports.paired import (
    MOST_SEEDS,
    holm,
    least_seeds,
    paired,
    seeds_to_resolve,
    word,
)


def test_the_interval_is_students_of_the_differences():
    found = paired([1.0, 2.0, 4.0])
    mean, sd = 7 / 3, np.std([1, 2, 4], ddof=1)
    reach = stats.t.ppf(0.975, 2) * sd / np.sqrt(3)
    assert (found.value, found.sd, found.n) == pytest.approx((mean, sd, 3))
    assert (found.low, found.high) == pytest.approx((mean - reach, mean + reach))


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_the_exact_p_counts_all_flips_of_signs(n):
    values = np.random.default_rng(n).normal(0.7, 1, n)
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=n)]
    share = np.mean(np.array(sums) >= abs(values.sum()) - 1e-12)
    assert paired(values).exact_p == pytest.approx(share)
    lone_sign = paired(np.arange(1.0, n + 1))
    assert lone_sign.exact_p == pytest.approx(lone_sign.least_p) == pytest.approx(2.0 ** (1 - n))


def test_one_seed_or_seeds_without_spread_say_nothing():
    for values in ([0.3], [0.3, 0.3, 0.3]):
        found = paired(values)
        assert found.value == pytest.approx(0.3)
        assert found.low is found.p is found.exact_p is None
    with pytest.raises(ValueError, match="nothing was paired"):
        paired([])


def test_bca_is_told_only_where_it_holds():
    dice = np.random.default_rng(0)
    assert paired(dice.normal(size=39)).bca is None
    found = paired(dice.normal(size=40))
    assert found.bca == pytest.approx((found.low, found.high), abs=0.1)


NOISES = {
    "normal": lambda dice, shape: dice.normal(size=shape),
    "a lognormal less another": lambda dice, shape: (
        dice.lognormal(0, 0.4, shape) - dice.lognormal(0, 0.4, shape)
    ),
}


@pytest.mark.parametrize("n", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("noise", list(NOISES))
def test_the_interval_holds_the_truth_19_times_in_20(n, noise):
    values = NOISES[noise](np.random.default_rng(n), (4000, n))
    span = stats.ttest_1samp(values, 0.0, axis=1).confidence_interval(0.95)
    # The vectorised form of what paired() does, which is held against it here.
    assert (paired(values[0]).low, paired(values[0]).high) == pytest.approx(
        (span.low[0], span.high[0])
    )
    assert 0.93 <= np.mean((span.low <= 0) & (span.high >= 0)) <= 0.97


@pytest.mark.parametrize("n", [3, 8])
def test_bca_would_not_hold_with_so_few_seeds(n):
    values = np.random.default_rng(1).normal(size=(300, n))
    found = stats.bootstrap((values,), np.mean, axis=1, n_resamples=499, rng=1, method="BCa")
    low, high = found.confidence_interval
    assert np.mean((low <= 0) & (high >= 0)) < 0.93


def test_holm_is_as_in_his_paper_and_leaves_gaps_alone():
    assert holm([0.01, 0.04, None, 0.03]) == pytest.approx((0.03, 0.06, None, 0.06), nan_ok=True)
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()


def test_of_rows_that_are_all_noise_one_table_in_twenty_resolves_something():
    dice, rows, tables = np.random.default_rng(5), 8, 3000
    baseline = dice.normal(size=(tables, 1, 5))
    ps = stats.ttest_1samp(dice.normal(size=(tables, rows, 5)) - baseline, 0, axis=2).pvalue
    sold = [any(word(p, 0.0) == "resolved" for p in holm(table)) for table in ps.tolist()]
    assert np.mean(sold) <= 0.055
    assert np.mean((ps <= 0.05).any(axis=1)) > 0.15, "what Holm is for"


def test_words_need_both_tests():
    assert word(0.01, 0.01) == "resolved"
    assert word(0.01, 0.25) == "resolved if noise is normal"
    assert word(0.2, 0.01) == "not resolved"
    assert word(None, None) == "no spread known"


@pytest.mark.parametrize("rows", [1, 4, 10])
def test_the_exact_test_can_pass_holm_from_so_many_seeds_on(rows):
    n = least_seeds(rows)
    assert rows * 2.0 ** (1 - n) <= 0.05 < rows * 2.0 ** (2 - n)


@pytest.mark.parametrize("effect", [0.8, 1.5])
def test_so_many_seeds_resolve_it_four_times_in_five(effect):
    dice = np.random.default_rng(3)
    seen = paired(np.array([-1, 0, 1.0]) + effect)
    n = seeds_to_resolve(seen, 3)
    power = {}
    for num in (n - 1, n):
        values = dice.normal(effect, 1.0, (8000, num))
        power[num] = np.mean(stats.ttest_1samp(values, 0, axis=1).pvalue <= 0.05 / 3)
    assert power[n] > 0.785 and power[n - 1] < 0.815


def test_what_no_number_of_seeds_resolves_is_not_promised():
    assert seeds_to_resolve(paired([1.0, -1.0, 0.01]), 4) is None
    assert seeds_to_resolve(paired([0.5]), 4) is None
    assert MOST_SEEDS == 200
