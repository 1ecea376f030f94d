"""What is set against what in a comparison, and of what no difference is told."""

import pytest
from made_up import noisy, row, study_of, timed

from reports.columns import MISSING
from reports.compare import (
    compare_candidates,
    compare_studies,
    comparison_records,
    comparison_section,
)
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def of(found, key):
    """One figure of a comparison: as a record, and as the cells of its line."""
    section = comparison_section(found)
    pairs = zip(comparison_records(found), section.table.lines, strict=True)
    return next((record, line.cells) for record, line in pairs if record["figure"] == key)


@pytest.mark.parametrize(
    ("key", "odd", "told"),
    [
        ("miou", {"label_map": "other-map"}, "label map is streets-10 and other-map"),
        ("miou", {"size": "10x10"}, "scored at (HxW) is 96x192 and 10x10"),
        ("miou", {"initial_weights": "imagenet"}, "initial weights is scratch and imagenet"),
        ("gmacs", {"cost_size": "10x10"}, "counted at (HxW) is 96x192 and 10x10"),
        ("latency_ms", {"latency_device": "B"}, "latency device is A CPU and B"),
    ],
)
def test_what_is_not_comparable_keeps_both_figures_and_has_no_difference(key, odd, told):
    first = [row("a", seed, 0.30 + seed / 100) for seed in range(3)]
    figures = {"gmacs": 0.08, **timed(20.0), **odd}
    second = [row("b", seed, 0.34 + seed / 100, **figures) for seed in range(3)]
    fields = {"objectives": {key: "min"}}
    alone = [{**each, "candidate": "a"} for each in second]
    for found in (
        compare_candidates(judged([*first, *second], **fields), "a", "b"),
        compare_studies(judged(first, **fields), judged(alone, name="other", **fields)),
    ):
        record, cells = of(found, key)
        assert record["difference"] is record["low"] is record["p"] is record["ratio"] is None
        assert record["a"] < record["b"] and record["why_not"] == f"not comparable: {told}"
        assert cells[-4:-1] == (MISSING, MISSING, MISSING) and MISSING not in cells[:-4]


def test_figures_of_seeds_that_differ_keep_their_difference():
    rows = [row("a", 0, 0.3), row("b", 1, 0.34)]
    record, cells = of(compare_candidates(judged(rows), "a", "b"), "miou")
    assert record["difference"] == pytest.approx(0.04) and "+4.0" in cells


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0)])
def test_a_trial_that_was_left_out_does_not_say_how_figures_were_measured(order):
    rows = noisy({"a": 0.3, "b": 0.34}, seeds=4)
    rows[0]["label_map"] = "other-map"
    rows = [*(rows[place] for place in order), *rows[4:]]
    verdict = judged(rows)
    assert [each.key for each in verdict.left_out] == ["a/0"]
    record, _ = of(compare_candidates(verdict, "a", "b"), "miou")
    assert (record["why_not"], record["num_seeds"]) == (None, 3)


def test_a_candidate_whose_first_trial_alone_is_like_another_study_is_not_compared_with_it():
    here = noisy({"a": 0.3}, seeds=4)
    there = [{**each, "label_map": "other-map"} for each in here]
    mixed = [here[0], *there[1:]]
    found = compare_studies(judged(here), judged(mixed, name="mixed"))
    record, _ = of(found, "miou")
    assert record["why_not"] == "not comparable: label map is streets-10 and other-map"
    assert of(compare_studies(judged(there), judged(mixed, name="m")), "miou")[0]["num_seeds"] == 3


def test_a_candidate_of_which_no_trial_was_kept_is_told_by_its_own():
    rows = noisy({"a": 0.3, "b": 0.34, "c": 0.32}, seeds=2)
    rows[2:4] = ({**each, "label_map": "other-map"} for each in rows[2:4])
    record, _ = of(compare_candidates(judged(rows), "a", "b"), "miou")
    assert record["why_not"] == "not comparable: label map is streets-10 and other-map"
    assert record["b"] == pytest.approx(0.34, abs=0.02)


def test_trials_that_two_studies_share_are_told_to_be_the_same():
    rows = noisy({"a": 0.4}, 3)
    found = compare_studies(judged(rows), judged(rows, name="other"))
    assert of(found, "miou")[1][-1] == "the same in 3 seeds"
