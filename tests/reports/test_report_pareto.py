"""Who is on the front, who is not and why, and which places hold against seed noise."""

import numpy as np
import pytest
from made_up import dominates, failed, noisy, rejected, row, study_of, timed

from reports.beating import undominated
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def statuses(verdict):
    return {each.candidate.name: each.status for each in verdict.standings}


def words(verdict):
    return {each.candidate.name: each.words for each in verdict.standings}


def test_a_point_dominates_where_it_is_nowhere_worse_and_somewhere_better():
    assert dominates((1, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((1, 4), (2, 3))


@pytest.mark.parametrize("num_objectives", [1, 2, 3])
def test_the_front_found_by_sorting_is_the_one_of_the_definition(num_objectives):
    dice = np.random.default_rng(num_objectives)
    for num in (0, 1, 2, *([12] * 200)):
        points = dice.integers(0, 5, (num, num_objectives)).astype(float)
        lines = [tuple(point) for point in points]
        plain = [not any(dominates(other, one) for other in lines) for one in lines]
        assert undominated(points).tolist() == plain


def test_the_front_is_the_undominated_set_on_means():
    rows = [
        row("fast", 0, 0.30, **timed(8)),
        row("slow", 0, 0.40, **timed(12)),
        row("between", 0, 0.35, **timed(10)),
        row("worse", 0, 0.33, **timed(11)),
    ]
    found = judged(rows)
    assert [each.candidate.name for each in found.front] == ["fast", "slow", "between"]
    assert {e.candidate.name: e.rival for e in found.standings}["worse"] == "between"


def test_each_objective_counts_in_its_own_direction():
    rows = [
        row("small", 0, 0.30, **timed(12), params=1),
        row("quick", 0, 0.30, **timed(8), params=3),
        row("neither", 0, 0.30, **timed(13), params=2),
    ]
    three = judged(rows, objectives={"miou": "max", "latency_ms": "min", "params": "min"})
    assert statuses(three) == {"small": "front", "quick": "front", "neither": "dominated"}
    assert statuses(judged(rows, objectives={"params": "min"})) == {
        "small": "front",
        "quick": "dominated",
        "neither": "dominated",
    }


def test_candidates_with_equal_figures_stand_together_and_neither_is_resolved():
    rows = noisy({"a": 0.4}, seeds=3)
    twins = [{**each, "candidate": "b", "key": f"b/{each['seed']}"} for each in rows]
    found = judged([*rows, *twins, *noisy({"c": 0.2}, seeds=3, luck=9)])
    assert [e.candidate.name for e in found.front] == ["a", "b"]
    assert [e.resolved for e in found.front] == [False, False]


def test_what_cannot_be_on_the_front_is_listed_with_its_reason():
    rows = [
        row("good", 0, 0.3),
        row("heavy", 0, 0.9, gmacs=2.0),
        rejected("untrained", gmacs=None),
        failed("broken"),
        row("untimed", 0, 0.9, latency_ms=None),
    ]
    late = {"key": "x", "candidate": "late", "seed": 0, "baseline": False, "factors": {}}
    study = study_of(rows, budget={"gmacs": 1.0})
    study["plan"].append(late)
    found = judge(study, frame(study, rows))
    assert statuses(found) == {
        "good": "front",
        "heavy": "over budget",
        "untrained": "over budget",
        "broken": "failed",
        "untimed": "incomplete",
        "late": "waiting",
    }
    assert words(found)["heavy"] == "GMACs 2.000 is over the budget of 1.000"
    assert words(found)["untrained"] == "2 GMACs is over the budget of 1"
    assert words(found)["broken"] == "failed: ValueError: loss is nan"
    assert words(found)["untimed"] == "no latency was measured"


def test_a_candidate_that_failed_on_some_seeds_competes_and_says_so():
    rows = [row("a", 0, 0.4), failed("a", 1), row("b", 0, 0.3), row("b", 1, 0.3)]
    assert words(judged(rows))["a"].endswith("; 1 of 2 trials failed")


def test_a_large_difference_is_resolved():
    found = judged(noisy({"fast": 0.30, "poor": 0.10, "good": 0.40}, seeds=4, fast=8, good=12))
    assert words(found) == {
        "fast": "on the front",
        "poor": "dominated by fast",
        "good": "on the front",
    }


def test_a_difference_within_the_noise_is_not():
    found = judged(noisy({"fast": 0.300, "slow": 0.301, "other": 0.299}, seeds=3, luck=2, fast=8))
    by_name = {each.candidate.name: each for each in found.standings}
    assert by_name["fast"].words == "on the front"
    for name in ("slow", "other"):
        assert by_name[name].resolved is False
        assert "but not resolved" in by_name[name].words


@pytest.mark.parametrize("luck", range(5))
def test_identical_candidates_never_crowd_the_front_as_winners(luck):
    means = {f"c{i}": 0.35 for i in range(12)}
    costs = {f"c{i}": 8.0 + i for i in range(12)}
    found = judged(noisy(means, seeds=3, luck=luck, **costs))
    assert [each.candidate.name for each in found.front if each.resolved] == ["c0"]
    assert not [e for e in found.standings if e.status == "dominated" and e.resolved]


def test_one_lead_that_holds_is_enough_to_stay_on_the_front():
    both = {"miou": "max", "pixel_accuracy": "max"}
    rows = noisy({"a": 0.300, "b": 0.3001}, seeds=4)
    for each in rows:
        each["pixel_accuracy"] = each["miou"] + (0.5 if each["candidate"] == "a" else 0.3)
    found = {e.candidate.name: e for e in judged(rows, objectives=both).standings}
    assert (found["a"].status, found["a"].resolved) == ("front", True)
    assert not found["b"].resolved


def test_with_one_seed_no_place_is_called_resolved_but_the_cheapest_keeps_its_own():
    found = judged([row("a", 0, 0.3, **timed(8)), row("b", 0, 0.4, **timed(12))])
    assert words(found) == {"a": "on the front", "b": "on the front (seed spread unknown)"}


def test_costs_alone_need_no_seeds():
    rows = [row("a", 0, None, gmacs=0.1), row("b", 0, None, gmacs=0.2)]
    found = judged(rows, objectives={"gmacs": "min"})
    assert words(found) == {"a": "on the front", "b": "dominated by a"}


def test_an_accuracy_counts_only_from_a_trial_that_came_to_its_end():
    rows = [row("a", 0, 0.4), {**row("a", 1, 0.9), "state": "failed", "reason": "late"}]
    assert judged(rows).standings[0].candidate.mean("miou") == pytest.approx(0.4)


def test_a_lead_in_latency_that_is_noise_leaves_a_place_in_doubt():
    level = judged(noisy({"a": 0.30, "b": 0.40}, seeds=3, a=8.0, b=8.03))
    assert statuses(level) == {"a": "front", "b": "front"}
    assert words(level) == {"a": "on the front, but not resolved from b", "b": "on the front"}
    clear = judged(noisy({"a": 0.30, "b": 0.40}, seeds=3, a=8.0, b=9.0))
    assert set(words(clear).values()) == {"on the front"}


@pytest.mark.parametrize(
    ("budget", "figures", "told"),
    [
        (
            {"latency_ms": 10.0},
            timed(10.0004),
            "latency 10.0004 is over the budget of 10.0000 ms, but not told from it",
        ),
        ({"latency_ms": 10.0}, timed(11.0), "latency 11.00 is over the budget of 10.00 ms"),
        (
            {"gmacs": 0.01},
            {"gmacs": 0.0100000004},
            "0.0100000004 is over the budget of 0.0100000000",
        ),
        ({"params": 1e6}, {"params": 1_000_001}, "1.000001 is over the budget of 1.000000 M"),
    ],
)
def test_what_is_just_over_its_budget_is_seen_to_be(budget, figures, told):
    rows = [row("a", **figures), row("b", 0, 0.3, **{key: 1e-3 for key in budget})]
    study = study_of(rows, budget=budget)
    words = judge(study, frame(study, rows)).standings[0].words
    assert words.replace("\N{NO-BREAK SPACE}", " ").endswith(told)
