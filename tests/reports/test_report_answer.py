"""The one sentence: what it says, and what it must not."""

import pytest
from made_up import failed, noisy, rejected, row, study_of, timed

from reports.answer import answer
from reports.rows import frame
from reports.verdict import judge


def said(rows, plan=None, **fields):
    study = study_of(plan or rows, **fields)
    return answer(judge(study, frame(study, rows))).replace("\N{NO-BREAK SPACE}", " ")


def test_the_most_accurate_is_set_against_the_cheapest_with_its_interval():
    rows = noisy({"sum": 0.30, "ffm": 0.35, "bga": 0.40}, seeds=4, sum=8, ffm=10, bga=14)
    text = said(rows)
    assert text.startswith("bga has the highest mIoU (39.9 % at 14.00 ms), 10.2 ± 0.8 ")
    of = "95 % interval for all 3 pairs at once, 4 seeds, taking noise for normal"
    assert f"points ({of}) above sum" in text
    assert "; sum has the lowest latency (8.00 ms, ffm takes 1.24 [1.2" in text
    assert text.endswith("] times as long).")


def test_a_leader_is_named_with_whom_it_cannot_be_told_from():
    rows = noisy({"a": 0.30, "b": 0.400, "c": 0.401}, seeds=3, a=8, b=10, c=14)
    text = said(rows)
    leader, level = ("b", "c") if text.startswith("b") else ("c", "b")
    assert text.startswith(f"{leader} has the highest mIoU (")
    assert f"), but is not resolved from {level}; it is " in text
    of = "95 % interval for all 3 pairs at once, 3 seeds, taking noise for normal"
    assert f"points ({of}) above a; a has the lowest latency" in text


def test_a_lead_that_flipping_signs_tells_too_takes_nothing_for_normal():
    assert "(95 % interval, 8 seeds) above a" in said(noisy({"a": 0.30, "b": 0.40}, seeds=8))
    few = said(noisy({"a": 0.30, "b": 0.40}, seeds=3))
    assert "(95 % interval, 3 seeds, taking noise for normal) above a" in few


@pytest.mark.parametrize("luck", range(4))
def test_identical_candidates_are_not_sold_as_winners(luck):
    means = dict.fromkeys("abcdef", 0.35)
    text = said(noisy(means, seeds=3, luck=luck))
    assert text.startswith("No candidate is resolved as more accurate than another")
    assert text.endswith("no latency is distinguishable from another.")


def level(seeds, step=0.01, **means):
    """Candidates that a seed moves alike."""
    return [row(name, s, mean + step * s) for name, mean in means.items() for s in range(seeds)]


def test_equal_candidates_have_no_winner():
    text = said(level(3, a=0.4, b=0.4, c=0.4))
    assert text.startswith("All 3 candidates score the same in these 3 seeds (41.0 %); no latency")
    assert "at least" not in text, "three seeds were run"
    assert said(level(2, a=0.4, b=0.4)).endswith("run the study with at least three seeds.")
    one = said(level(1, a=0.4, b=0.4))
    assert one.startswith("One seed cannot tell an effect from noise: both candidates score the ")
    two = said(level(3, a=0.4, b=0.4, c=0.3))
    assert ": a and b score highest (41.0 %); no latency" in two and "at least" not in two


def test_of_changes_that_change_nothing_none_is_called_the_largest():
    text = said(level(3, full=0.4, a=0.4), baseline="full")
    assert text == "These seeds leave no spread to judge by: no change moves mIoU at all."
    moved = said(level(3, full=0.4, a=0.3), baseline="full")
    assert "the largest change is a" in moved and "at least three seeds" not in moved


def test_two_seeds_promise_no_number_of_seeds():
    text = said(noisy(dict.fromkeys("abc", 0.4), seeds=2))
    assert "; 2 seeds cannot say how many more it takes to resolve that; " in text
    few = said(noisy({"full": 0.40, "a": 0.401}, seeds=2), baseline="full")
    assert few.endswith("; to resolve that much takes at least 4 more seeds.")


def test_one_seed_is_said_to_tell_nothing():
    text = said([row("a", 0, 0.3, **timed(8)), row("b", 0, 0.4, **timed(12))])
    assert text.startswith("One seed cannot tell an effect from noise: b scores highest")
    assert "±" not in text
    assert text.endswith("run the study with at least three seeds.")


def test_what_is_counted_is_told_with_its_name():
    aims = {"miou": "max", "gmacs": "min"}
    text = said(noisy({"a": 0.3, "b": 0.4}, seeds=3), objectives=aims)
    assert text.startswith("b has the highest mIoU (39.6 % at 0.060 GMACs), ")
    assert text.endswith("; all have the same GMACs.")
    size = said(noisy({"a": 0.3, "b": 0.4}, seeds=3), objectives={"miou": "max", "params": "min"})
    assert "% at 0.500 M params)" in size
    rows = [row("a", gmacs=0.1), row("b", gmacs=0.1), row("c", gmacs=0.2)]
    assert said(rows, objectives={"gmacs": "min"}) == "a and b have the lowest GMACs (0.100)."


def test_an_answer_on_costs_alone_begins_like_a_sentence():
    rows = [row("no fusion"), row("no aux")]
    both = {"latency_ms": "min", "gmacs": "min"}
    text = said(rows, objectives=both)
    assert text == "No latency is distinguishable from another; all have the same GMACs."
    rows[0]["gmacs"] = 0.01
    assert said(rows, objectives={"gmacs": "min"}).startswith("no fusion has the lowest GMACs (0.0")


def test_latencies_inside_each_others_spread_are_not_ranked():
    rows = noisy({"a": 0.30, "b": 0.31, "c": 0.40}, seeds=3, a=8.00, b=8.05, c=12)
    assert "a and b have the lowest latency (about 8.00 ms, not distinguishable)" in said(rows)


def test_a_latency_is_judged_by_rounds_and_not_by_the_width_of_its_samples():
    quick, slow = timed(8.0), timed(8.0)
    slow |= {
        "latency_ms": 8.05,
        "latency_rounds_ns": [r * 1.006 for r in quick["latency_rounds_ns"]],
    }
    rows = [row(n, s, m, **t) for n, m, t in (("a", 0.3, quick), ("b", 0.4, slow)) for s in (0, 1)]
    assert "a has the lowest latency (8.00 ms, b takes 1.01 [1.01" in said(rows)
    apart = [{**each, "latency_session": each["candidate"]} for each in rows]
    assert "no latency is distinguishable" in said(apart), "the same rounds of another session"


def test_beside_other_work_ratios_are_told_and_no_milliseconds():
    rows = noisy({"a": 0.30, "b": 0.31, "c": 0.40}, seeds=3, a=8, b=12, c=16)
    busy = [{**each, "latency_contended": True} for each in rows]
    text = said(busy)
    assert " ms" not in text
    assert "c has the highest mIoU (39.9 % at 2.0" in text and "] times the latency of a)" in text
    assert "a has the lowest latency (b takes 1.49 [" in text
    assert "times the latency" not in said(rows)


def test_beside_other_work_places_follow_the_ratios_and_not_the_medians():
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=3)
    slow = [1.1 * each for each in timed(10)["latency_rounds_ns"]]
    busy = {"latency_contended": True, "latency_ratio_by": "cpu"}
    cpu = {"a": slow, "b": timed(10)["latency_rounds_ns"]}
    for each in rows:
        each |= {**busy, "latency_rounds_cpu_ns": cpu[each["candidate"]]}
        each["latency_ms"] = 10.0 if each["candidate"] == "a" else 13.0  # met more of that work
    study = study_of(rows)
    verdict = judge(study, frame(study, rows))
    first, second = (each.candidate for each in verdict.standings)
    assert first.mean("latency_ms") == 10.0
    assert second.mean("latency_ms") == pytest.approx(10 / 1.1, rel=1e-3)
    assert [each.status for each in verdict.standings] == ["dominated", "front"]
    quiet = [{**each, "latency_contended": False} for each in rows]
    assert judge(study, frame(study, quiet)).standings[1].candidate.mean("latency_ms") == 13.0


def test_a_study_with_a_baseline_tells_which_changes_matter():
    rows = noisy({"full": 0.40, "no fusion": 0.30, "no aux": 0.399}, seeds=4)
    text = said(rows, baseline="full")
    assert text.startswith("1 of 2 changes to the baseline (mIoU 39.")
    assert "moves mIoU beyond seed noise: no fusion \N{MINUS SIGN}" in text
    assert text.endswith("(95 % interval, 4 seeds, taking noise for normal); 1 not resolved.")


def test_changes_that_are_noise_are_said_to_move_nothing():
    text = said(noisy({"full": 0.40, "a": 0.401, "b": 0.399}, seeds=3), baseline="full")
    assert text.startswith("None of the 2 changes to the baseline has a resolved effect on mIoU")
    one = said(noisy({"full": 0.40, "a": 0.401}, seeds=3), baseline="full")
    assert one.startswith("The one change to the baseline has no resolved effect on mIoU")


def test_a_baseline_with_one_seed_shows_no_effect():
    text = said([row("full", 0, 0.4), row("a", 0, 0.3)], baseline="full")
    assert text.startswith("One seed cannot tell an effect from noise: the largest change is a")


def test_costs_alone_are_told_without_any_seed():
    rows = [row("a", 0, None, gmacs=0.1), row("b", 0, None, gmacs=0.2)]
    assert said(rows, objectives={"gmacs": "min"}) == "a has the lowest GMACs (0.100)."


def test_an_unfinished_study_says_how_far_it_is():
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=2)
    plan = [*rows, row("a", 2), row("b", 2)]
    assert said(rows, plan).startswith("So far, with 4 of 6 trials in: b has the highest")


def test_nothing_to_compare_is_said_and_why():
    rows = [row("a", 0, 0.3), rejected("b"), failed("c")]
    assert said(rows) == (
        "Only a can be judged (mIoU 30.0 %, latency 10.00 ms), so nothing can be compared; "
        "of the others: 1 failed, 1 over budget."
    )
    assert said([failed("c"), failed("d")]) == "No candidate can be judged (2 failed)."


def test_seeds_that_change_nothing_are_not_taken_for_certainty():
    rows = [row(name, seed, miou) for name, miou in (("a", 0.3), ("b", 0.4)) for seed in (0, 1)]
    assert said(rows).startswith("These seeds leave no spread to judge by")
