"""What one part of a report says, no other may deny: sentence, tables, fronts, notes."""

import random

import numpy as np
import pytest
from made_up import failed, noisy, row, stopped, study_of, timed

import reports
from harness.papers import Published
from reports.ablation import ablation_table
from reports.answer import answer
from reports.confirmation import confirmation, confirmation_sentence
from reports.effects import effects
from reports.front import fronts
from reports.front_table import front_caption, front_lines, front_table
from reports.notes import notes
from reports.pareto_chart import pareto_chart
from reports.ranks import ranks, sentence
from reports.rows import frame
from reports.statistics import fitted_means
from reports.verdict import judge

SEARCH = {"trials": 120, "sampler": "tpe", "seed": 0}


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return study, judge(study, frame(study, rows))


def spaced(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def said(rows, **fields):
    return spaced(answer(judged(rows, **fields)[1]))


@pytest.mark.parametrize("num_scored", [2, 10, 40])
def test_a_search_of_which_few_were_trained_to_the_end_has_a_report(tmp_path, num_scored):
    rows = [
        row(f"c{i:03}", 0, 0.4 + 0.001 * i, **timed(10 + 0.1 * i))
        if i < num_scored
        else stopped(f"c{i:03}")
        for i in range(120)
    ]
    found = reports.write(study_of(rows, search=SEARCH), rows, tmp_path, formats=("md",))
    told = f"the best of 120 that a search tried, {num_scored} of which can be judged"
    assert told in found.answer
    assert (tmp_path / "ablation.md").read_text().count("\n| ") == num_scored + 1


SHARED = (0, 0.001, -0.0005, -0.2, -0.2)


def missed_the_bad_seeds():
    """``b`` is behind ``base`` in each seed that both have, dearer, and above it in the mean."""
    rows = []
    for seed, shift in enumerate(SHARED):
        rows.append(row("base", seed, 0.55 + shift))
        b = row("b", seed, 0.53 + shift + 0.0003 * seed, **timed(12.0))
        rows.append(b if seed < 3 else failed("b", seed))
        rows.append(row("c", seed, 0.50 + shift + 0.0004 * (seed % 3), **timed(14.0)))
    return sorted(rows, key=lambda each: each["candidate"])


def test_one_that_missed_the_bad_seeds_is_not_sold_by_budget_nor_by_its_share_of_fronts():
    study, verdict = judged(missed_the_bad_seeds())
    found = fronts(study, verdict)
    for line in front_lines(verdict, found):
        assert "b (53.0 %, but behind base in the seeds that both have) from" in spaced(line)
    for front in found:
        assert front.chance["b"] < 0.05 and front.chance["base"] > 0.95
    assert "seen, of those that lack seeds as if they had them, so" in front_caption(found)


def test_an_ablation_says_that_means_are_of_other_seeds():
    verdict = judged(missed_the_bad_seeds(), baseline="base")[1]
    assert "a mean is over its own, a difference over" in (
        ablation_table(verdict, effects(verdict)).note
    )
    whole = judged(noisy({"base": 0.4, "b": 0.5}, 3), baseline="base")[1]
    assert "over its own" not in ablation_table(whole, effects(whole)).note


def test_fitted_means_are_those_that_all_seeds_would_have_given():
    dice = np.random.default_rng(3)
    own, shared = dice.normal(size=5), dice.normal(size=6)
    whole = own[:, None] + shared
    table = whole.copy()
    table[1, :3] = table[2, 4:] = table[4, 1:] = np.nan
    assert fitted_means(table) == pytest.approx(own + shared.mean())
    assert fitted_means(whole) == pytest.approx(whole.mean(axis=1))


def test_the_highest_is_not_told_without_those_above_it_that_do_not_compete():
    rows = noisy({"a": 0.4, "b": 0.45, "c": 0.47}, 3, a=8, b=10, c=14)
    assert said(rows, budget={"latency_ms": 12.0}).endswith("; c is over budget.")
    gone = {key: None for key in rows[0] if key.startswith("latency")}
    rows = [{**each, **gone} if each["candidate"] == "c" else each for each in rows]
    assert said(rows).endswith("; c is not measured in full.")


def test_a_baseline_over_budget_is_still_what_changes_are_set_against():
    rows = noisy({"a": 0.4, "b": 0.45, "c": 0.47}, 3, a=8, b=10, c=14)
    text = said(rows, baseline="c", budget={"latency_ms": 12.0})
    assert text.startswith("Both changes to the baseline (mIoU 46.9 %) move mIoU")
    assert text.endswith("; c is over budget.")


def test_what_a_front_knows_of_noise_is_that_of_its_own_candidates():
    means = {"a": 0.30, "b": 0.398, "c": 0.45}
    rows = [
        {**each, "latency_device": each["candidate"], "gmacs": means[each["candidate"]]}
        for each in noisy(means, 3)
    ]
    study, verdict = judged(rows)
    found = fronts(study, verdict)
    assert [each.cost for each in found] == ["gmacs", "params"] and not verdict.noises["miou"]
    for line in front_lines(verdict, found):
        assert "No spread" not in line
    table = front_table(verdict, found)
    assert "not resolved" not in " ".join(cell for line in table.lines for cell in line.cells)


def test_a_change_that_shares_no_seed_with_the_baseline_is_not_said_to_do_nothing():
    made = noisy({"base": 0.4, "b": 0.45, "c": 0.41}, 4)
    rows = [e for e in made if e["candidate"] == "c" or (e["candidate"] == "b") == (e["seed"] < 2)]
    text = said(rows, baseline="base")
    assert text.startswith("The one tested change to the baseline has no resolved effect on mIoU")
    assert "; 1 more was not tested, sharing no seed with the baseline" in text


def test_an_interval_that_leaves_out_zero_in_vain_says_what_stands_against_it():
    text = said(noisy({"a": 0.4, "b": 0.45, "c": 0.47}, 2), baseline="c")
    assert text.startswith("None of the 2 changes")
    assert "2 seeds, of this change alone; by Holm over all of the table p is 0." in text
    assert "of this change alone" not in said(noisy({"a": 0.4, "b": 0.4}, 3), baseline="a")


def test_a_difference_without_an_interval_is_not_said_to_have_one():
    made = noisy({"a": 0.4, "b": 0.45, "c": 0.47}, 3, a=8, b=10, c=14)
    rows = [each for each in made if each["candidate"] != "c" or not each["seed"]]
    text = spaced(answer(judge(study_of(made), frame(study_of(made), rows))))
    assert "interval" not in text.partition("6.9 points (")[2].partition(")")[0]


def test_a_seed_that_gave_no_accuracy_is_told_beside_the_highest():
    rows = noisy({"a": 0.4, "b": 0.47}, 3)
    rows[-1]["miou"] = float("nan")
    assert "; 1 of its 3 trials gave no mIoU)" in said(rows)


def confirmed(again):
    rows = noisy({"a": 0.41, "b": 0.43}, 2, sd=0.01)
    study, verdict = judged(rows, search=SEARCH, command="twopath run hunt.py")
    return confirmation_sentence(study, verdict, confirmation(verdict, study_of(again), again))


def test_a_confirmation_that_failed_is_not_said_not_to_have_been_run():
    text = confirmed([failed("b", 10 + seed) for seed in range(3)])
    assert text == " On fresh seeds no mIoU was measured: nothing is confirmed."


def test_an_optimism_without_an_interval_says_so():
    rows = [row("a", 0, 0.41), row("b", 0, 0.43)]
    study, verdict = judged(rows, search=SEARCH)
    again = [row("b", 10, 0.40)]
    found = confirmation(verdict, study_of(again), again)
    text = confirmation_sentence(study, verdict, found)
    assert text.endswith("an optimism of +3.0 points, of too few seeds for an interval.")


def test_a_latency_that_may_be_within_its_budget_is_not_flatly_over_it():
    rows = noisy({"a": 0.4, "b": 0.45}, 3, a=8, b=12.004)
    budget = {"latency_ms": 12.0}
    words = judged(rows, budget=budget)[1].standings[1].words
    assert words.endswith("ms, but not told from it")
    busy = [{**each, "latency_contended": True} for each in rows]
    words = judged(busy, budget=budget)[1].standings[1].words
    assert words.endswith("ms, but was timed beside other work, which makes it longer")


def test_milliseconds_of_papers_do_not_stand_on_an_axis_of_ratios():
    printed = Published(
        label="V2", source="a paper", dataset="Cityscapes val", figures={"miou": 0.5, "fps": 100.0}
    )
    rows = noisy({"sum": 0.50, "bga": 0.60}, 3, sum=8, bga=12)
    assert pareto_chart(judged(rows)[1], [printed]).published.marks
    busy = judged([{**each, "latency_contended": True} for each in rows])[1]
    chart = pareto_chart(busy, [printed])
    assert not chart.published.marks and "no place among ratios" in chart.remarks
    assert "Published" not in pareto_chart(busy).remarks


def ranked(rows):
    return ranks(judged(rows)[1])


def test_an_order_of_latencies_that_are_not_told_apart_is_not_sold_as_a_correlation():
    dice = random.Random(1)
    alike = {f"c{i}": 10 + 0.0005 * dice.random() for i in range(9)}
    apart = {name: 10.0 + place for place, name in enumerate(alike)}
    for ms, is_luck in ((alike, True), (apart, False)):
        rows = [
            {**each, "gmacs": 0.1 + n}
            for n, each in enumerate(noisy(dict.fromkeys(ms, 0.4), 1, **ms))
        ]
        (found,) = ranked(rows)
        assert found.is_luck == is_luck
        assert sentence([found]).endswith("may be luck.") == is_luck


def test_a_network_trained_by_several_recipes_is_ranked_once():
    rows = [row(f"c{i}", gmacs=0.1 + i, **timed(10 + (i * 3) % 7)) for i in range(5)]
    (once,) = ranked(rows)
    twin = {**rows[2], "candidate": "c2, lr=0.1", "key": "twin/0"}
    (again,) = ranked([*rows, twin, {**twin, "candidate": "c2, lr=0.2", "key": "other/0"}])
    assert (again.num, again.tau) == (once.num, once.tau) == (5, once.tau)


def test_who_was_trained_for_longer_is_told():
    rows = noisy({"a": 0.4, "b": 0.45}, 2)
    assert "trained for as long" not in " ".join(notes(judged(rows)[1]))
    rows = [{**each, "steps": 1000 if each["candidate"] == "b" else 100} for each in rows]
    assert "in their differences: 100 steps: a; 1000 steps: b." in " ".join(notes(judged(rows)[1]))


def test_of_two_accuracies_a_front_says_which_it_is_of():
    rows = [{**each, "pixel_accuracy": 1 - each["miou"]} for each in noisy({"a": 0.4, "b": 0.5}, 3)]
    aims = {"pixel_accuracy": "max", "miou": "max", "latency_ms": "min"}
    study, verdict = judged(rows, objectives=aims)
    assert front_lines(verdict, fronts(study, verdict))[0].startswith("pixel accuracy by latency:")


def test_counts_that_differ_are_not_printed_alike():
    rows = [{**e, "gmacs": 0.011 + 0.00003 * (e["candidate"] == "b")} for e in
            noisy({"a": 0.4, "b": 0.5}, 3)]  # fmt: skip
    study, verdict = judged(rows)
    line = spaced(front_lines(verdict, fronts(study, verdict))[1])
    assert "from 0.01100 GMACs on" in line and "from 0.01103 GMACs on" in line


def luckier(*others):
    """``b`` is 2 points behind ``a`` in the seeds that both have, and lacks the two bad ones."""
    dice = random.Random(1)
    shared = (0, 0.001, -0.0005, 0.0007, -0.2, -0.2)
    rows = []
    for name, mean, ms, num in (("a", 0.55, 10, 6), ("b", 0.53, 9, 4), *others):
        for seed, shift in enumerate(shared):
            score = mean + shift + dice.gauss(0, 0.0003)
            rows.append(row(name, seed, score, **timed(ms)) if seed < num else failed(name, seed))
    return rows


def test_the_highest_mean_of_luckier_seeds_is_told_to_be_behind():
    text = said(luckier())
    assert text.startswith("b has the highest mIoU (53.0 % at 9.00 ms; 2 of its 6 trials failed), ")
    assert "but is behind in the seeds that it shares with a: it is 2.0 ± 0.1 points (95 %" in text
    assert "4 seeds) below a" in text and "No candidate" not in text
    text = said(luckier(("c", 0.5501, 9.5, 6), ("e", 0.40, 8, 6)))
    assert "behind in the seeds that it shares with c and a: it is " in text
    assert "not resolved from" not in text


def test_a_budget_names_the_dearer_one_that_is_above_in_the_seeds_both_have():
    study, verdict = judged(luckier())
    for line in front_lines(verdict, fronts(study, verdict)):
        assert "but behind a in the seeds that both have) from" in spaced(line)


def test_shares_of_candidates_that_share_no_seed_are_said_to_be_too_sure():
    dice = random.Random(2)
    rows = [row("a", seed, 0.5 + dice.gauss(0, 0.004)) for seed in range(3)]
    rows += [row("a2", seed, 0.49 + dice.gauss(0, 0.004)) for seed in range(3)]
    rows += [row("b", seed, 0.4 + dice.gauss(0, 0.004)) for seed in range(3, 6)]
    rows += [row("b2", seed, 0.39 + dice.gauss(0, 0.004)) for seed in range(3, 6)]
    assert "Some share no seed, not even by way" in front_caption(fronts(*judged(rows)))
    rows += [row("b2", 0, 0.39)]
    caption = front_caption(fronts(*judged(rows)))
    assert "Some share no seed" not in caption and "as if they had them" in caption


def test_a_caption_speaks_of_seeds_that_are_lacked_on_any_front_and_not_without_noise():
    rows = noisy({"a": 0.40, "b": 0.45, "c": 0.47}, 4)
    gone = {key: None for key in rows[0] if key.startswith("latency")}
    rows = [{**each, **gone} if each["candidate"] == "c" else each for each in rows]
    rows = [each for each in rows if each["candidate"] != "c" or each["seed"] < 2]
    study, verdict = judged(rows)
    found = fronts(study, verdict)
    assert [each.lacks_seeds for each in found] == [False, True, True]
    assert "as if they had them" in front_caption(found)
    lone = [row("a", 0, 0.40), row("a", 1, 0.20), row("b", 1, 0.15), row("b", 2, 0.50)]
    study, verdict = judged(lone)
    assert "as if they had them" not in front_caption(fronts(study, verdict))
    assert "b scores highest (32.5 % at 10.00 ms, each over seeds of its own)" in said(lone)


def test_of_very_many_candidates_it_is_said_how_often_was_drawn():
    rows = noisy({f"c{i}": 0.3 + 0.0001 * i for i in range(1200)}, 2, sd=0.2)
    found = fronts(*judged(rows))
    assert found[0].num_draws < 1000
    assert f"({found[0].num_draws} times, each" in front_caption(found)


def test_candidates_of_one_score_and_different_seeds_are_not_said_to_share_these():
    text = said([row("a", 0, 0.4), row("b", 1, 0.4)])
    assert "both candidates score the same (40.0 %, each over seeds of its own)" in text
    same = said([row(name, seed, 0.4) for name in "ab" for seed in (0, 1)])
    assert same.startswith("Both candidates score the same in these 2 seeds (40.0 %)")


def test_a_winner_whose_fresh_trials_failed_is_not_confirmed():
    again = [failed("b", 10), failed("b", 11), row("a", 10, 0.4), row("a", 11, 0.41)]
    assert confirmed(again) == " The fresh trials of b failed: it is not confirmed."


def test_counts_that_differ_are_not_alike_in_the_sentence():
    rows = noisy({"a": 0.4, "b": 0.5}, 3)
    rows = [{**each, "gmacs": 0.011 + 0.00003 * (each["candidate"] == "b")} for each in rows]
    text = said(rows, objectives={"miou": "max", "gmacs": "min"})
    assert "at 0.01103 GMACs" in text and "a has the lowest GMACs (0.01100)" in text
