"""Fronts: probabilities, hypervolume, knee and budgets, against what can be reckoned by hand."""

import re

import numpy as np
import pytest
from made_up import dominates, noisy, rejected, row, study_of, timed
from scipy import stats

import reports
from reports.answer import answer
from reports.front import fronts, hypervolume, on_front
from reports.front_table import front_caption, front_lines, front_table, share
from reports.ranks import interval, ranks, sentence
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    verdict = judge(study, frame(study, rows))
    return verdict, fronts(study, verdict)


def test_who_is_on_a_front_is_as_defined():
    dice = np.random.default_rng(0)
    costs, scores = dice.integers(0, 6, (300, 7)) / 1.0, dice.integers(0, 6, (300, 7)) / 1.0
    found = on_front(costs, scores)
    for line in range(300):
        points = list(zip(costs[line], -scores[line], strict=True))
        free = [not any(dominates(other, one) for other in points) for one in points]
        assert found[line].tolist() == free


def test_one_row_of_costs_or_scores_stands_for_all_draws():
    dice = np.random.default_rng(1)
    costs, scores = dice.integers(0, 6, (1, 9)) / 1.0, dice.integers(0, 6, (200, 9)) / 1.0
    tiled = np.tile(costs, (200, 1))
    assert (on_front(costs, scores) == on_front(tiled, scores)).all()
    assert (hypervolume(costs, scores, (7.0, 0.0)) == hypervolume(tiled, scores, (7.0, 0.0))).all()
    # The same points with both axes turned round have the same front.
    mirrored = on_front(-scores, -costs)
    assert (mirrored == on_front(-scores, -tiled)).all()
    assert (mirrored == on_front(tiled, scores)).all()


def test_a_hypervolume_is_the_area_under_the_steps():
    costs, scores = np.array([[1.0, 2.0, 3.0, 9.0]]), np.array([[1.0, 3.0, 2.0, 9.0]])
    assert hypervolume(costs, scores, (4.0, 0.0))[0] == (4 - 1) * 1 + (4 - 2) * 2
    assert hypervolume(costs, scores, (4.0, 2.5))[0] == (4 - 2) * 0.5


def test_clear_candidates_are_sure_of_their_places():
    means = {"a": 0.30, "b": 0.40, "c": 0.42, "d": 0.20}
    rows = noisy(means, seeds=3, sd=0.002, a=8, b=10, c=16, d=12)
    verdict, (latency, gmacs, params) = judged(rows)
    assert [each.cost for each in (latency, gmacs, params)] == ["latency_ms", "gmacs", "params"]
    assert latency.sources == ("seeds", "rounds of latency")
    assert gmacs.sources == ("seeds",)
    assert all(latency.chance[name] > 0.99 for name in "abc")
    assert latency.chance["d"] == 0
    assert latency.steps == ((8.0, "a"), (10.0, "b"), (16.0, "c"))
    assert latency.knee == "b"
    assert latency.volume_low < latency.volume < latency.volume_high
    assert [name for _, name in gmacs.steps] == ["c"], "all cost the same"
    table = front_table(verdict, [latency, gmacs, params])
    assert [line.cells[1] for line in table.lines][3] == "dominated by b, < 1 %"
    text = front_lines(verdict, [latency])[0]
    assert (
        "a (29.9\N{NO-BREAK SPACE}%) from 8.00\N{NO-BREAK SPACE}ms on" in text
        and "The knee" in text
    )
    assert "up to 16.80\N{NO-BREAK SPACE}ms" in text, "the reference point is stated"


def test_budgets_and_the_knee_say_from_whom_they_are_not_resolved():
    means = {"a": 0.30, "b": 0.40, "c": 0.401, "d": 0.41}
    rows = noisy(means, seeds=3, sd=0.004, luck=2, a=8, b=10, c=11, d=16)
    verdict, (latency, gmacs, _) = judged(rows)
    text, exact = (
        each.replace("\N{NO-BREAK SPACE}", " ") for each in front_lines(verdict, [latency, gmacs])
    )
    assert "within a budget is a (30.2 %) from 8.00 ms on, b (40.0 %) from 10.00 ms on, " in text
    assert "c (40.2 %, not resolved from b) from 11.00 ms on, d (41.1 %) from 16.00 ms" in text
    assert (
        "farthest above the line between the ends of the front, is b (not resolved from c)." in text
    )
    assert "within a budget is d (41.1 %) from" in exact, "what costs as much is told apart"
    level = noisy(dict.fromkeys("abc", 0.4), seeds=3, luck=2)
    for line in front_lines(*judged(level)):
        assert re.search(r"%, not resolved from [abc] and [abc]\) from", line)


def test_of_very_many_a_budget_only_says_that_it_is_not_resolved(monkeypatch):
    monkeypatch.setattr("reports.front_table.MOST_LISTED", 2)
    rows = noisy({"a": 0.30, "b": 0.40, "c": 0.41}, seeds=3, sd=0.01, luck=2, a=8, b=10, c=11)
    verdict, (latency, *_) = judged(rows)
    assert latency.standing("c").resolved is False
    assert ", not resolved) from 11.00" in front_lines(verdict, [latency])[0]


def test_equal_candidates_share_a_budget_and_nothing_is_resolved_without_a_spread():
    rows = [row(name, seed, 0.4 + 0.01 * seed) for name in "abc" for seed in range(3)]
    verdict, found = judged(rows)
    for text in front_lines(verdict, found):
        assert "a, b and c (41.0\N{NO-BREAK SPACE}%) from" in text
        assert "No spread of differences over seeds is known, so none of this is resolved." in text


def test_each_cell_of_the_fronts_is_marked_by_its_own_front():
    rows = noisy({"a": 0.30, "b": 0.40, "c": 0.35}, seeds=4, sd=0.001, a=8, b=12, c=10)
    for each in rows:
        each["gmacs"] = {"a": 0.05, "b": 0.06, "c": 0.07}[each["candidate"]]
    verdict, found = judged(rows)
    lines = {line.cells[0]: line for line in front_table(verdict, found).lines}
    assert lines["a"].marks == ("", "front held", "front held", "dominated")
    assert lines["c"].marks == ("", "front held", "dominated", "dominated")
    assert lines["b"].held and not lines["a"].held, "in bold where it holds on each cost"


def test_who_is_left_out_of_one_front_is_not_greyed_on_the_others(tmp_path):
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=3, a=8, b=10)
    for each in rows:
        if each["candidate"] == "b":
            each["latency_size"] = "512x512"
    rows += noisy({"c": 0.2, "d": 0.25}, seeds=3, c=9, d=11)
    study = study_of(rows)
    verdict = judge(study, frame(study, rows))
    line = front_table(verdict, fronts(study, verdict)).lines[1]
    assert line.marks[1:3] == ("apart", "front held") and line.status == "front"
    page = reports.write(study, rows, tmp_path).page.read_text()
    assert '<td class="apart">not compared</td>' in page and '<td class="front held">front' in page


def test_the_interval_of_a_hypervolume_holds_it(tmp_path):
    for luck in range(40):
        means = {f"c{i}": 0.5 + 0.01 * i for i in range(4)}
        rows = noisy(means, 2, sd=0.02, luck=luck, **{f"c{i}": 8.0 + i for i in range(4)})
        for each in judged(rows)[1]:
            assert each.volume_low <= each.volume <= each.volume_high


def test_a_coin_toss_is_on_average_shown_as_one():
    chances = []
    for luck in range(16):
        rows = noisy({"a": 0.40, "b": 0.40}, seeds=4, luck=luck, a=8, b=10)
        _, (latency, *_) = judged(rows)
        assert latency.chance["a"] > 0.99, "the cheapest is always on it"
        chances.append(latency.chance["b"])
    assert 0.3 < np.mean(chances) < 0.7


def test_what_is_over_budget_is_on_no_front():
    rows = [*noisy({"a": 0.3, "b": 0.4}, seeds=3, a=8, b=10), rejected("heavy", **timed(20))]
    verdict, found = judged(rows)
    assert "heavy" not in found[0].chance
    cells = {line.cells[0]: line.cells[1:] for line in front_table(verdict, found).lines}
    assert set(cells["heavy"]) == {"over budget"}


def test_one_seed_leaves_only_rounds_to_draw():
    _, (latency, gmacs, _) = judged([row("a", 0, 0.3, **timed(8)), row("b", 0, 0.4, **timed(9))])
    assert latency.sources == ("rounds of latency",)
    assert gmacs.chance == {} and gmacs.volume_low is None
    assert front_caption([gmacs]).startswith("Nothing varies here")


def test_beside_other_work_budgets_are_told_as_ratios():
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=3, a=8, b=10)
    verdict, found = judged([{**each, "latency_contended": True} for each in rows])
    text = front_lines(verdict, found)[0]
    assert "from 1.24 times a's latency on" in text and "ms" not in text


def test_of_equal_candidates_a_winner_is_sold_one_time_in_twenty_at_most():
    sold = 0
    for luck in range(100):
        rows = noisy(dict.fromkeys("abcde", 0.35), seeds=3, luck=luck)
        verdict = judge(study_of(rows), frame(study_of(rows), rows))
        level = answer(verdict).startswith("No candidate is resolved as more accurate")
        sold += not level or any(each.resolved for each in verdict.front)
    assert sold <= 10, "5 of 100 and twice the standard error"


def test_no_share_is_said_to_be_certain():
    assert [share(p) for p in (0.0, 0.004, 0.5, 0.999, 1.0)] == [
        "< 1 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "> 99 %",
    ]


def test_rank_correlations_are_told_device_by_device():
    rows = [row(f"c{i}", gmacs=0.1 + i, params=9 - i, **timed(20 + i)) for i in range(9)]
    rows += [row(f"d{i}", gmacs=1.0 + i, latency_device="B", **timed(20 - i)) for i in range(4)]
    verdict = judge(study_of(rows), frame(study_of(rows), rows))
    found = {(each.device, each.key): each for each in ranks(verdict)}
    assert found["A CPU", "gmacs"].tau == 1 and found["A CPU", "params"].tau == -1
    assert found["B", "gmacs"].tau == -1 and found["B", "gmacs"].low is None
    assert ("B", "params") not in found, "all are the same size there"
    text = sentence([found["B", "gmacs"]])
    assert text == (
        "Over 4 candidates on B, the rank correlation (Kendall) with latency is GMACs "
        "\N{MINUS SIGN}1.00, without an interval, for which they are too few."
    )


def test_correlations_over_different_candidates_tell_how_many_each():
    rows = [
        row(f"c{i}", gmacs=0.1 + i if i < 4 else None, params=1e6 * (i % 5 + 1), **timed(20 + i))
        for i in range(10)
    ]
    gmacs, params = ranks(judge(study_of(rows), frame(study_of(rows), rows)))
    text = sentence([gmacs, params])
    assert text.startswith("On A CPU, the rank correlation (Kendall) with latency is GMACs 1.00 ")
    assert "GMACs 1.00 over 4 candidates and params " in text
    assert text.endswith("] over 10 candidates.")


@pytest.mark.parametrize("few", ["gmacs", "latency_ms"])
@pytest.mark.parametrize(("num_values", "has"), [(2, False), (4, False), (5, True)])
def test_a_figure_with_few_different_values_has_no_interval(few, num_values, has):
    rows = [
        row(f"c{i}", **{**timed(20 + i), "gmacs": 0.1 + i % 7, few: 1.0 + i % num_values})
        for i in range(12)
    ]
    found = ranks(judge(study_of(rows), frame(study_of(rows), rows)))
    (rank,) = [each for each in found if each.key == "gmacs"]
    assert (rank.low is not None, rank.high is not None) == (has, has)


@pytest.mark.parametrize("num", [12, 20])
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_interval_holds_nearly_as_often_with_five_values(rho, num):
    dice, ends = np.random.default_rng(num), stats.norm.ppf([0.2, 0.4, 0.6, 0.8])
    x = dice.normal(size=(400, num))
    y = rho * x + np.sqrt(1 - rho**2) * dice.normal(size=x.shape)
    costs, many = np.digitize(x, ends), dice.normal(size=4000)
    other = rho * many + np.sqrt(1 - rho**2) * dice.normal(size=4000)
    truth = stats.kendalltau(np.digitize(many, ends), other).statistic if rho else 0.0
    pairs = ((a, b) for a, b in zip(costs, y, strict=True) if len(set(a)) == 5)
    found = [interval(float(stats.kendalltau(a, b).statistic), num, 5) for a, b in pairs]
    assert 0.9 <= np.mean([low <= truth <= high for low, high in found]) <= 0.97


@pytest.mark.parametrize("num", [8, 12, 30])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_the_interval_of_a_rank_correlation_holds_the_truth(rho, num):
    dice = np.random.default_rng(num)
    x = dice.normal(size=(1500, num))
    y = rho * x + np.sqrt(1 - rho**2) * dice.normal(size=(1500, num))
    pairs = np.triu_indices(num, 1)
    alike = np.sign((x[:, pairs[0]] - x[:, pairs[1]]) * (y[:, pairs[0]] - y[:, pairs[1]]))
    taus = alike.mean(axis=1)
    assert stats.kendalltau(x[0], y[0]).statistic == pytest.approx(taus[0])
    truth = 2 / np.pi * np.arcsin(rho)
    ends = [interval(float(tau), num) for tau in taus]
    held = [low is not None and low <= truth <= high for low, high in ends]
    assert 0.92 <= np.mean(held) <= 0.97
