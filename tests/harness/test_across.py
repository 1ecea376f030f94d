"""Latencies of two sessions are compared over a network that was timed in both."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tiny import BOTH, rows, run, tiny, with_heads

from harness import Part, Search, choice, figures
from harness.measure.across import REFERENCE, TAKEN, UNLIKE, ratio_between, referred
from harness.measure.estimate import ROUNDS, ratio_of_rows
from harness.runners.local import InProcess

TAKES = {"reference": 5e6, "a": 5.5e6, "b": 8e6}


def session(name, dice, load=1.0, network="bga", reference="reference", **takes):
    """The rows of candidates that took turns on a machine that others use."""
    machine = load * np.exp(0.1 * dice.standard_normal(12))
    rows = {}
    for each, ns in {**TAKES, **takes}.items():
        rounds = ns * machine * np.exp(0.01 * dice.standard_normal(12))
        rows[each] = {
            "latency_session": name,
            "latency_contended": True,
            "latency_rounds_ns": [round(ns) for ns in rounds],
        }
    return referred(rows, reference, network)


def test_ratios_between_sessions_do_not_tell_who_met_more_of_others_work():
    dice = np.random.default_rng(0)
    quick, slow = session("one", dice), session("two", dice, load=3)
    found = ratio_between(slow["b"], quick["a"])
    assert found.low < 8 / 5.5 < found.high < 2
    assert found.answer == "slower" and found.p < 0.05
    back = ratio_between(quick["a"], slow["b"])
    assert (back.value, back.low) == (pytest.approx(1 / found.value), pytest.approx(1 / found.high))
    assert back.p == pytest.approx(found.p)


def test_a_ratio_to_the_network_itself_is_that_of_its_own_session():
    dice = np.random.default_rng(1)
    first, second = session("one", dice), session("two", dice, load=3)
    found = ratio_between(second["b"], first["reference"])
    inside = ratio_of_rows(second["b"], second["reference"])
    assert (found.value, found.low, found.high) == pytest.approx(
        (inside.value, inside.low, inside.high)
    )
    assert ratio_between(first["reference"], second["reference"]).p == 1


def test_one_session_is_compared_as_it_was():
    rows = session("one", np.random.default_rng(2))
    assert ratio_between(rows["a"], rows["b"], 3) == ratio_of_rows(rows["a"], rows["b"], 3)


def test_sessions_without_a_network_in_common_are_not_compared():
    dice = np.random.default_rng(3)
    first, other = session("one", dice), session("two", dice, network="sum")
    bare = {k: v for k, v in first["a"].items() if not k.startswith(REFERENCE)}
    assert ratio_between(first["a"], other["b"]) is None
    assert ratio_between(bare, session("two", dice)["b"]) is None
    assert ratio_between({**bare, "latency_session": "two"}, bare) is None
    none = {**first["a"], "latency_rounds_ns": None}
    assert ratio_between(none, session("two", dice)["b"]) is None


def test_equal_candidates_of_two_sessions_are_called_different_in_one_case_of_twenty_at_most():
    dice, told = np.random.default_rng(4), []
    for _ in range(400):
        # What others do to caches meets a network that is unlike the reference unlike.
        takes = [
            {"b": 5e6 * math.exp(math.log(1.6) * (1 + UNLIKE * dice.standard_normal()))}
            for _ in range(2)
        ]
        first, second = (session(n, dice, **t) for n, t in zip("xy", takes, strict=True))
        told += [ratio_between(first[each], second[each]).answer for each in "ab"]
    different = np.mean([each != "not distinguishable" for each in told])
    assert different <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(told))


def test_few_rounds_give_a_ratio_without_an_interval():
    dice = np.random.default_rng(5)
    rows = [session(name, dice)["b"] for name in "xy"]
    short = [
        {k: v[:4] if k.endswith("rounds_ns") and v else v for k, v in each.items()} for each in rows
    ]
    found = ratio_between(*short)
    assert (found.low, found.high, found.p) == (None, None, 1)


def test_processes_are_compared_each_as_one():
    dice, made = np.random.default_rng(6), []
    for name in "xy":
        runs = [session(name, dice) for _ in range(5)]
        rows = {
            each: {
                "latency_session": name,
                "latency_processes_ns": [one[each]["latency_rounds_ns"] for one in runs],
            }
            for each in TAKES
        }
        made.append(referred(rows, "reference", "bga"))
    found = ratio_between(made[0]["b"], made[1]["a"])
    assert found.low < 8 / 5.5 < found.high and found.num_rounds == 5


class Timer(InProcess):
    """A runner that notes which networks are timed together."""

    def __init__(self):
        self.timed = []

    def call(self, function, *arguments):
        if function.__name__ == "latencies_of":
            self.timed.append(list(arguments[0].given.values()))
        return super().call(function, *arguments)


SPACE = replace(
    BOTH, fusion=choice("sum", "concat", "ffm"), context=choice("none", "context_embedding")
)


def test_a_search_times_its_first_candidate_again_with_each_group(tmp_path):
    runner = Timer()
    study = tiny(space=SPACE, search=Search(trials=5, sampler="random"))
    run(study, tmp_path, runner=runner)
    assert list(map(len, runner.timed)) == [4, 2], "the fifth, and the first again"
    assert runner.timed[1][0] == runner.timed[0][0]
    found = list(rows(tmp_path).values())
    assert len({row["latency_session"] for row in found}) == 2
    assert len({row[REFERENCE] for row in found}) == 1
    first, last = found[0], found[-1]
    assert first["latency_reference_rounds_ns"] == first["latency_rounds_ns"]
    taken = ROUNDS[last["latency_ratio_by"]]
    within = last[taken][0] / last[TAKEN[taken]][0]
    assert ratio_between(last, first).value == pytest.approx(within)


def test_a_search_that_goes_on_times_its_first_candidate_with_what_is_new(tmp_path):
    study = tiny(space=SPACE, search=Search(trials=4, sampler="random"))
    first, later = Timer(), Timer()
    run(study, tmp_path, runner=first)
    known = rows(tmp_path)
    run(replace(study, search=Search(trials=5, sampler="random")), tmp_path, runner=later)
    assert list(map(len, later.timed)) == [2]
    assert later.timed[0][0] == first.timed[0][0]
    found = rows(tmp_path)
    assert {each: found[each] for each in known} == known, "what was timed keeps its rows"
    *_, old, new = found.values()
    assert ratio_between(new, old) is not None


def test_of_more_than_a_session_takes_the_first_is_in_each(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "MAX_TOGETHER", 3)
    runner = Timer()
    study = tiny(space=with_heads(*(Part("seg", width=width) for width in (3, 4, 5, 6, 7, 8))))
    run(study, tmp_path, runner=runner)
    assert list(map(len, runner.timed)) == [3, 3, 2]
    assert len({each[0] for each in runner.timed}) == 1
    found = list(rows(tmp_path).values())
    assert all(ratio_between(one, other) for one in found for other in found)


def test_one_that_cannot_be_timed_is_no_reference(tmp_path, odd, monkeypatch):
    monkeypatch.setattr(figures, "MAX_TOGETHER", 2)
    heads = (Part("odd", act="unbounded"), *(Part("seg", width=width) for width in (3, 4, 5)))
    runner = Timer()
    run(tiny(space=with_heads(*heads)), tmp_path, runner=runner)
    assert list(map(len, runner.timed)) == [2, 2, 2]
    sound = [row for row in rows(tmp_path).values() if row["state"] == "done"]
    assert len(sound) == 3 and len({row[REFERENCE] for row in sound}) == 1
