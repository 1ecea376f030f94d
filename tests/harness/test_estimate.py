"""What is said of raw samples holds as often as it claims, whatever the machine does meanwhile."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from harness.measure.estimate import (
    Burst,
    interval,
    lag1,
    over_processes,
    quantile_bound,
    ratio,
    ratio_of_rows,
    round_values,
    summary,
)
from harness.measure.stopping import Stop, widths


def burst(*samples_ns, round=0, place=0):
    return Burst(
        arm="a", figure="t_e2e", round=round, place=place, start_ns=0, samples_ns=samples_ns
    )


def machine(dice, num, spikes=0.02, step=False):
    """By how much a busy machine slows each of some bursts, as a logarithm.

    Noise that hangs together over many bursts, a drift of 50 %, spikes with a heavy tail.
    """
    slow = np.cumsum(dice.standard_normal(num)) * 0.05
    noise = slow + np.linspace(0, 0.4, num) + 0.03 * dice.standard_normal(num)
    noise += (dice.random(num) < spikes) * dice.pareto(1.5, num)
    return noise + step * 0.7 * (np.arange(num) > num * dice.random())


def session(dice, rounds, *, arms=3, effect=1.0, **world):
    """Times of some arms by round; the second takes ``effect`` times as long as the others."""
    taken = np.empty((rounds, arms))
    noise = machine(dice, rounds * 2 * arms, **world).reshape(rounds, 2, arms)
    for at, here in enumerate(noise):
        taken[at, dice.permutation(arms)] = (here[0] + here[1][::-1]) / 2
    times = np.exp(taken) * 1e7
    times[:, 1] *= effect
    return dict(zip("abc", times.T, strict=True))


def share(answers):
    return sum(answers) / len(answers)


@pytest.mark.parametrize("rounds", [8, 12, 27])
@pytest.mark.parametrize("world", [{}, {"spikes": 0.2}, {"step": True}])
def test_equal_arms_are_called_different_at_most_one_time_in_twenty(rounds, world):
    dice = np.random.default_rng(rounds)
    told = []
    for _ in range(400):
        times = session(dice, rounds, **world)
        told.append(ratio(times["a"], times["b"]).answer != "not distinguishable")
    assert share(told) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_one_block_after_the_other_is_wrong_on_such_a_machine():
    """The simulated machine is one that a naive comparison fails on: the test above can fail."""
    dice = np.random.default_rng(0)
    blocks = (np.split(machine(dice, 48), 2) for _ in range(200))
    wrong = [stats.mannwhitneyu(first, second).pvalue < 0.05 for first, second in blocks]
    assert share(wrong) > 0.5


def run_until_enough(times, stop):
    for num in range(1, stop.most + 1):
        seen = {name: tuple(values[:num]) for name, values in times.items()}
        reason = stop.reason(seen, elapsed_s=0)
        if reason:
            return reason, seen
    raise AssertionError("never ended")


def test_the_stop_rule_leaves_false_answers_and_coverage_as_they_are():
    dice = np.random.default_rng(5)
    stop = Stop(least=8, most=60, target=0.06, limit_s=math.inf)
    false, missed, reasons = [], [], []
    for _ in range(400):
        reason, seen = run_until_enough(session(dice, 60, effect=1.0), stop)
        false.append(ratio(seen["b"], seen["a"]).answer != "not distinguishable")
        reasons.append((reason, len(seen["a"])))
        _, seen = run_until_enough(session(dice, 60, effect=1.2), stop)
        found = ratio(seen["b"], seen["a"])
        missed.append(not found.low <= 1.2 <= found.high)
    assert len(set(reasons)) > 2, "rounds end at several looks, or nothing is tried here"
    most = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)
    assert share(false) <= most
    assert share(missed) <= most


def test_a_true_difference_is_found():
    dice = np.random.default_rng(3)
    found = [
        ratio(t["b"], t["a"]).answer for t in (session(dice, 27, effect=1.2) for _ in "x" * 50)
    ]
    assert found.count("slower") >= 45
    assert "faster" not in found


@pytest.mark.parametrize("comparisons", [1, 5])
def test_the_interval_of_many_comparisons_is_wider_and_p_agrees_with_it(comparisons):
    dice = np.random.default_rng(comparisons)
    for effect in (1.0, 1.05, 1.15, 1.4):
        times = session(dice, 12, effect=effect)
        found = ratio(times["b"], times["a"], comparisons)
        assert (found.p <= 0.05 / comparisons) == (found.answer != "not distinguishable")
        assert found.low <= found.value <= found.high
        assert found.high / found.low >= ratio(times["b"], times["a"]).high / found.low
        back = ratio(times["a"], times["b"], comparisons)
        assert back.value == pytest.approx(1 / found.value)
        assert {found.answer, back.answer} in ({"not distinguishable"}, {"faster", "slower"})


def test_the_ratio_and_p_are_those_of_the_signed_rank_test():
    logs = np.array([0.3, -0.1, 0.25, 0.4, 0.05, 0.6, -0.2, 0.7, 0.15])
    found = ratio(np.exp(logs), np.ones(9))
    assert found.p == pytest.approx(stats.wilcoxon(logs, method="exact").pvalue)
    walsh = [(a + b) / 2 for i, a in enumerate(logs) for b in logs[i:]]
    assert math.log(found.value) == pytest.approx(np.median(walsh))


def test_too_few_rounds_answer_nothing_and_equal_times_are_equal():
    few = ratio([1, 1, 1, 1, 1], [9, 9, 9, 9, 9])
    assert (few.low, few.high, few.answer) == (None, None, "not distinguishable")
    same = ratio([5] * 12, [5] * 12)
    assert (same.value, same.p, same.answer) == (1, 1, "not distinguishable")
    with pytest.raises(ValueError, match="8 and 7"):
        ratio([1] * 8, [1] * 7)


def test_a_round_has_the_geometric_mean_of_its_bursts_medians():
    bursts = [burst(90, 100, 900), burst(400, place=5), burst(7, round=1)]
    assert round_values(bursts) == (200, 7)


def test_a_summary_says_all_in_ns_and_survives_json():
    bursts = [burst(10 + r, 11 + r, 40, round=r, place=p) for r in range(12) for p in (0, 1)]
    found = json.loads(json.dumps(summary(bursts)))
    assert found["num_samples"] == 72
    assert found["num_rounds"] == 12
    assert found["low_ns"] <= found["median_ns"] <= found["high_ns"]
    assert found["p90_ns"] == 40
    assert found["p99_ns"] is None
    assert json.loads(json.dumps(asdict(bursts[0])))["samples_ns"] == [10, 11, 40]
    with pytest.raises(ValueError, match="no bursts"):
        summary([])


@pytest.mark.parametrize(("share_", "fewest"), [(0.9, 64), (0.99, 662)])
def test_tails_need_as_many_samples_as_loadgen_asks(share_, fewest):
    assert quantile_bound(np.arange(fewest - 1.0), share_) is None
    assert quantile_bound(np.arange(float(fewest)), share_) == fewest - 2


def rounds_alike(dice, num, alike):
    found = [dice.standard_normal()]
    for _ in range(num - 1):
        found.append(alike * found[-1] + math.sqrt(1 - alike**2) * dice.standard_normal())
    return np.exp(0.1 * np.array(found))


@pytest.mark.parametrize("alike", [0, 0.3, 0.6])
@pytest.mark.parametrize("num", [12, 27])
def test_the_interval_of_a_median_holds_though_rounds_hang_together(alike, num):
    dice = np.random.default_rng(num)
    held = []
    for _ in range(400):
        low, high = interval(rounds_alike(dice, num, alike))
        held.append(low <= 1 <= high)
    assert share(held) >= 0.9


def test_an_interval_is_no_wider_than_it_must():
    dice = np.random.default_rng(0)
    wide = [np.subtract(*interval(rounds_alike(dice, 27, 0))[::-1]) / 2 for _ in range(100)]
    assert np.mean(wide) < 0.1, "that is one standard deviation of a round"
    assert interval([1.0] * 5) == (None, None)


def test_lag1_tells_rounds_that_hang_together():
    assert lag1([1, 1, 1]) is None
    assert lag1([1, 2, 3, 4, 5, 6, 7, 8]) > 0.5
    assert lag1([1, 2] * 4) < -0.5


def test_rounds_end_by_precision_number_or_time():
    stop = Stop(least=8, most=20, target=0.01, limit_s=10)
    exact = {"a": (100,) * 20, "b": (200,) * 20}

    def reason(num, elapsed_s=0.0, times=exact):
        return stop.reason({k: v[:num] for k, v in times.items()}, elapsed_s)

    assert [reason(num) for num in (7, 8, 9, 12)] == [None, "precise", None, "precise"]
    assert stop.looks() == (8, 12, 18)
    loose = {"a": tuple(range(100, 120)), "b": tuple(range(119, 99, -1))}
    assert [reason(num, times=loose) for num in (8, 12, 18, 20)] == [None, None, None, "rounds"]
    assert reason(7, 11, loose) is None, "the least number is taken whatever it takes"
    assert reason(9, 11, loose) == "time"
    assert list(widths({"a": (1, 1)})) == [math.inf]
    assert list(widths({"a": (5,) * 8})) == [0]


def test_processes_are_compared_each_as_one():
    dice = np.random.default_rng(2)
    told, missed = [], []
    for _ in range(400):
        layout = np.exp(0.02 * dice.standard_normal(5))  # of one process against another
        runs = [session(dice, 8) for _ in layout]
        rows = [
            {
                "latency_session": "one",
                "latency_processes_ns": [r[name] * f for r, f in zip(runs, by, strict=True)],
            }
            for name, by in (("a", layout), ("c", np.ones(5)))
        ]
        found = ratio_of_rows(*rows)
        told.append(found.answer != "not distinguishable")
        missed.append(not found.low <= 1 <= found.high)
    assert told == missed
    assert share(told) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_one_process_tells_no_spread_and_equal_ones_leave_no_doubt():
    assert over_processes([2.0]).answer == "not distinguishable"
    same = over_processes([2.0, 2.0, 2.0])
    assert (same.value, same.p, same.answer) == (pytest.approx(2), 0, "slower")
    assert over_processes([1.0, 1.0]).p == 1
    wide, narrow = over_processes([2, 2.1, 1.9], 10), over_processes([2, 2.1, 1.9])
    assert wide.high > narrow.high > 2 > narrow.low > wide.low
