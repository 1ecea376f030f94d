"""Candidates that have not the same seeds: since some failed, or a run still goes on."""

import random

import numpy as np
import pytest
from made_up import failed, noisy, row, study_of, timed

from reports.answer import answer
from reports.beating import field_of
from reports.effects import effects
from reports.rows import frame
from reports.statistics import difference, noise_of
from reports.tables import candidates_table
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def said(rows, **fields):
    return answer(judged(rows, **fields)).replace("\N{NO-BREAK SPACE}", " ")


SEEDS = (0, 0.001, -0.0005, -0.2, -0.2)
OWN = (0.001, -0.001, 0.0005, 0, 0.0007)


def one_missed_the_bad_seeds(lucky_ms=10.0, better_ms=12.0):
    """``better`` is above ``lucky`` in each seed that both have, and below it in the mean."""
    rows = []
    for seed, (shift, own) in enumerate(zip(SEEDS, OWN, strict=True)):
        lucky = row("lucky", seed, 0.5 + shift, **timed(lucky_ms))
        rows += [lucky if seed < 3 else failed("lucky", seed)]
        rows += [row("better", seed, 0.55 + shift + own, **timed(better_ms))]
        rows += [row("worst", seed, 0.3 + shift + own / 2, **timed(20.0))]
    return sorted(rows, key=lambda each: each["candidate"])


@pytest.mark.parametrize("costs", [(10.0, 12.0), (12.0, 10.0)])
def test_nobody_is_resolved_above_one_that_beats_it_in_every_seed_they_share(costs):
    rows = one_missed_the_bad_seeds(*costs)
    verdict = judged(rows)
    found = {each.candidate.name: each for each in verdict.standings}
    assert found["lucky"].candidate.mean("miou") > found["better"].candidate.mean("miou")
    # Who is the cheapest of all is on the front for sure; by accuracy it is not.
    assert found["lucky"].resolved == (costs[0] < costs[1])
    assert found["better"].resolved == (costs[1] < costs[0])
    text = said(rows)
    assert "points above better" not in text and "\N{MINUS SIGN}" not in text
    assert "2 of its 5 trials failed" in text, "the highest mean is of other seeds"


def test_a_gap_below_zero_is_never_told_as_above():
    rows = [*noisy({"lucky": 0.50, "other": 0.499}, 2, sd=0.01), row("other", 2, 0.2)]
    rows = [each for each in rows if each["candidate"] == "other" or each["seed"] < 2]
    for each in rows:
        if each["seed"] < 2 and each["candidate"] == "other":
            each["miou"] = 0.51
    assert "\N{MINUS SIGN}" not in said(rows)


def told_apart(noise_times, have, seeds=5, num=4):
    """In how many of 200 studies one of four equal candidates with few seeds is told apart."""
    dice, wrong = np.random.default_rng(5), 0
    for _ in range(200):
        table = dice.normal(size=seeds) + dice.normal(size=(num, seeds))
        table[-1] += dice.normal(0, noise_times, seeds)
        table[-1, have:] = np.nan
        noise = noise_of(table)
        scores = {
            str(n): {s: float(v) for s, v in enumerate(line) if v == v}
            for n, line in enumerate(table)
        }
        gaps = [difference(scores, str(num - 1), str(n), noise) for n in range(num - 1)]
        wrong += any(gap.resolved for gap in gaps)
    return wrong


@pytest.mark.parametrize("have", [1, 2, 3])
def test_one_with_few_seeds_and_much_noise_is_not_told_apart(have):
    # Binomially at most 17 of 200 where the chance is 5 %; up to 130 of 200 without this.
    assert told_apart(10, have) <= 17


def test_one_shared_seed_of_several_says_nothing_and_one_of_one_is_no_doubt():
    scores = {"a": {0: 1.0, 1: 1.1, 2: 0.9}, "b": {0: 2.0, 1: 2.2, 2: 1.9}, "c": {0: 5.0}}
    noise = noise_of(np.array([[1, 1.1, 0.9], [2, 2.2, 1.9], [5, np.nan, np.nan]]))
    assert difference(scores, "c", "a", noise).resolved is None
    assert difference(scores, "b", "a", noise).half_width is not None


@pytest.mark.parametrize("way", ["max", "min"])
def test_pairs_as_arrays_are_judged_as_they_are_one_by_one(way):
    dice = random.Random(2)
    names = "abcdef"
    rows = []
    for place, name in enumerate(names):
        for seed in range(6):
            if dice.random() < 0.7 or seed < 2:
                score = 0.4 + 0.02 * place + dice.gauss(0, 0.01)
                rows.append(row(name, seed, score, **timed(10.0 + place)))
            else:
                rows.append(failed(name, seed))
    verdict = judged(rows, objectives={"miou": way, "latency_ms": "min"})
    field = field_of(verdict.measured, np.arange(len(names)), verdict.objectives, verdict.noises)
    everyone = np.arange(len(names))
    held, known = field.leads("miou", everyone)
    sign = 1 if way == "max" else -1
    for i in everyone:
        for j in everyone[everyone != i]:
            one, other = field.candidate(i), field.candidate(j)
            gap = verdict.difference("miou", one, other)
            ahead = sign * (one.mean("miou") - other.mean("miou")) > 0
            assert known[i, j] == (gap is not None and gap.resolved is not None)
            assert held[i, j] == bool(ahead and gap and gap.resolved and sign * gap.value > 0)


def test_a_baseline_that_failed_leaves_no_differences_to_it():
    rows = [*(failed("sum", seed) for seed in range(3)), *noisy({"cat": 0.4, "ffm": 0.45}, 3)]
    verdict = judged(rows, baseline="sum")
    table = candidates_table(verdict, effects(verdict))
    places = [n for n, each in enumerate(table.headings) if each.startswith("Δ")]
    assert all(line.cells[n] in ("baseline", "\N{EN DASH}") for line in table.lines for n in places)


def test_two_others_that_differ_are_not_denied():
    rows = [row("best", s, 0.52 + d) for s, d in enumerate((0.1, -0.08, 0.05, -0.1, 0.03))]
    quiet = {f"q{i}": 0.5 for i in range(6)} | {"low": 0.39}
    rows += noisy(quiet, 5, sd=0.0005)
    text = said(rows)
    assert text.startswith("best has the highest mIoU")
    assert ", but no other is resolved as less accurate: best is " in text


def test_a_change_that_is_the_same_in_every_seed_is_not_denied():
    rows = noisy({"base": 0.4, "other": 0.4}, 8, sd=0.01)
    base = [each for each in rows if each["candidate"] == "base"]
    rows += [row("plus", each["seed"], each["miou"] + 0.1) for each in base]
    text = said(rows, baseline="base")
    assert "no spread is known of plus +10.0 points" in text
    assert text.startswith("The one tested change to") and "; it is other" in text


def test_changes_that_were_not_tested_are_counted_apart():
    means = {"base": 0.4, **{f"c{i:03}": 0.4 for i in range(100)}}
    text = said(noisy(means, 3), baseline="base")
    assert text.startswith(
        "None of the first 60 changes to the baseline has a resolved effect on mIoU"
    )
    assert text.endswith("; 40 more were not tested.")
    means["c001"] = 0.6
    text = said(noisy(means, 3), baseline="base")
    assert text.startswith("1 of 100 changes") and "; 59 not resolved; 40 not tested" in text


def test_changes_with_more_or_fewer_seeds_say_how_many():
    rows = noisy({"base": 0.4, "b": 0.5, "c": 0.45}, 8, sd=0.001)
    rows = [each for each in rows if each["candidate"] != "b" or each["seed"] < 5]
    assert "(95 % intervals, 5 to 8 seeds" in said(rows, baseline="base")
    assert said(rows, baseline="base").startswith("Both changes to the baseline")
