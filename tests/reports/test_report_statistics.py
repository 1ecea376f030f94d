"""Spreads and intervals against textbook values, and the rate of false findings."""

import itertools
import random
import statistics

import pytest
from scipy import stats

from reports.statistics import difference, pooled_sd, seed_noise, seeds_needed, spread


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


def test_identical_candidates_are_told_apart_in_about_one_study_of_twenty():
    dice, false = random.Random(5), 0
    for _ in range(400):
        scores = _trial(dice, [40.0] * 6, seeds=3)
        noise = seed_noise(scores)
        pairs = itertools.combinations(scores, 2)
        false += any(difference(scores, a, b, noise).resolved for a, b in pairs)
    assert 0.02 < false / 400 < 0.09  # pairwise t intervals would give 0.4


def test_the_seeds_said_to_be_needed_resolve_four_times_out_of_five():
    dice = random.Random(6)
    scores = _trial(dice, [40.0, 41.0, 40.0], seeds=3)
    truth = {"0": {0: 40.0}, "1": {0: 41.0}}
    gap = difference(truth, "1", "0", None)
    noise = seed_noise(scores)
    noise = type(noise)(sd=0.5, df=noise.df, num_candidates=3, num_seeds=3)
    n = seeds_needed(gap, noise)
    hits = []
    for _ in range(200):
        again = _trial(dice, [40.0, 41.0, 40.0], seeds=n)
        hits.append(difference(again, "1", "0", seed_noise(again)).resolved)
    assert 0.75 < statistics.fmean(hits) < 0.97


def test_no_number_of_seeds_is_promised_for_what_is_too_small():
    scores = {"a": {0: 0.4, 1: 0.5, 2: 0.3}, "b": {0: 0.401, 1: 0.45, 2: 0.351}}
    noise = seed_noise(scores)
    assert seeds_needed(difference(scores, "a", "b", noise), noise) is None
    assert seeds_needed(difference(scores, "a", "b", None), None) is None
