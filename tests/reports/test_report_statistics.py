"""Spreads and intervals against textbook values, and the rate of false findings."""

import random

import pytest
from scipy import stats

from reports.statistics import (
    Noise,
    difference,
    pooled_sd,
    seed_noise,
    spread,
    width_factor,
)


def test_spread_divides_by_n_minus_one():
    found = spread([1.0, 2.0, 6.0])
    assert (found.mean, found.n) == (3.0, 3)
    assert found.sd == pytest.approx(7**0.5)


def test_one_value_has_no_spread_and_none_has_no_mean():
    assert spread([0.4]).sd is None
    assert spread([]) is None


def test_pooled_sd_weighs_by_degrees_of_freedom():
    # Squares 2 with 1 degree of freedom and 8 with 2: sqrt(10 / 3).
    assert pooled_sd([[1, 3], [0, 2, 4], [9]]) == pytest.approx((10 / 3) ** 0.5)
    assert pooled_sd([[1], [2]]) is None


def test_with_two_candidates_the_interval_is_the_paired_t_interval():
    scores = {"a": {0: 0.40, 1: 0.43, 2: 0.39, 3: 0.42}, "b": {0: 0.38, 1: 0.42, 2: 0.36, 3: 0.39}}
    gap = difference(scores, "a", "b", seed_noise(scores))
    test = stats.ttest_rel(list(scores["a"].values()), list(scores["b"].values()))
    low, high = test.confidence_interval(0.95)
    assert gap.value - gap.half_width == pytest.approx(low, rel=1e-4)
    assert gap.value + gap.half_width == pytest.approx(high, rel=1e-4)


def test_what_a_seed_does_to_all_alike_is_no_noise():
    alone = {"a": {0: 0.40, 1: 0.42, 2: 0.41}, "b": {0: 0.38, 1: 0.37, 2: 0.40}}
    shift = {0: 0.0, 1: 0.1, 2: -0.1}
    moved = {name: {s: v + shift[s] for s, v in by.items()} for name, by in alone.items()}
    assert seed_noise(moved).sd == pytest.approx(seed_noise(alone).sd)


def test_a_missing_trial_costs_a_degree_of_freedom_and_its_pair():
    scores = {"a": {0: 1.0, 1: 2.0, 2: 3.5}, "b": {0: 1.5, 1: 2.0}, "c": {0: 0.0, 1: 1.5, 2: 2.0}}
    noise = seed_noise(scores)
    assert noise.df == 8 - (3 + 3 - 1)
    assert difference(scores, "a", "b", noise).n == 2
    assert difference(scores, "a", "b", noise).value == pytest.approx(-0.25)


@pytest.mark.parametrize(
    "scores",
    [
        {"a": {0: 0.4}, "b": {0: 0.5}},
        {"a": {0: 0.4, 1: 0.41, 2: 0.39}},
        {"a": {0: 0.4, 1: 0.4}, "b": {0: 0.5, 1: 0.5}},
        {"a": {0: 0.4, 1: 0.41}, "b": {2: 0.5, 3: 0.53}, "c": {4: 0.1}},
    ],
    ids=["one seed", "one candidate", "seeds that change nothing", "too few degrees"],
)
def test_without_grounds_for_a_spread_nothing_is_resolved(scores):
    assert seed_noise(scores) is None
    first, *_, last = [*scores, *scores]
    gap = difference(scores, first, last, None)
    assert gap is None or (gap.half_width, gap.resolved) == (None, None)


def test_candidates_without_a_shared_seed_are_not_compared():
    scores = {"a": {0: 0.4}, "b": {1: 0.5}}
    assert difference(scores, "a", "b", None) is None


def _trial(dice: random.Random, means: list[float], seeds: int) -> dict[str, dict[int, float]]:
    shared = [dice.gauss(0, 0.5) for _ in range(seeds)]
    return {
        str(i): {s: mean + shared[s] + dice.gauss(0, 0.5) for s in range(seeds)}
        for i, mean in enumerate(means)
    }


def test_noise_alike_in_all_keeps_more_degrees_of_freedom_than_one_noisy_candidate():
    dice = random.Random(5)
    alike, unlike = _trial(dice, [40.0] * 6, seeds=5), _trial(dice, [40.0] * 6, seeds=5)
    unlike["0"] = {seed: 40 + 100 * (value - 40) for seed, value in unlike["0"].items()}
    assert seed_noise(alike).df == seed_noise(unlike).df == 20
    assert 6 < seed_noise(alike).safe_df < 20
    assert seed_noise(unlike).safe_df == pytest.approx(4, abs=0.1), "those of one candidate"


def test_a_pair_noisier_than_the_study_has_a_wider_interval():
    scores = _trial(random.Random(7), [40.0] * 6, seeds=3)
    scores["0"] = {0: 30.0, 1: 50.0, 2: 41.0}
    noise = seed_noise(scores)
    quiet, noisy = (difference(scores, *pair, noise) for pair in (("1", "2"), ("0", "1")))
    assert noisy.half_width > 1.2 * quiet.half_width
    assert quiet.half_width == pytest.approx(width_factor(noise) * noise.sd / 3**0.5)


@pytest.mark.parametrize(("num", "df"), [(3, 2.5), (10, 4.5)])
def test_the_studentized_range_between_whole_degrees_is_never_too_small(num, df):
    exact = stats.studentized_range.ppf(0.95, num, df)
    noise = Noise(sd=1.0, df=9, safe_df=df, num_candidates=num, num_seeds=3, usual_seeds=3)
    assert exact <= width_factor(noise) <= 1.01 * exact


@pytest.mark.parametrize(("num", "df"), [(2, 1), (3, 4), (40, 2), (200, 1000.5), (5000, 30_000)])
def test_the_studentized_range_is_that_of_scipy(num, df):
    noise = Noise(sd=1.0, df=9, safe_df=df, num_candidates=num, num_seeds=3, usual_seeds=3)
    exact = stats.studentized_range.ppf(0.95, num, df)
    assert exact <= width_factor(noise) <= exact * (1 + 1e-5)
