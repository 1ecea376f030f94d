"""A winner on fresh seeds: both figures, the optimism between them, and nothing that was seen."""

import numpy as np
import pytest
from made_up import noisy, rejected, row, study_of
from scipy import stats

import reports
from reports.confirmation import (
    confirmation,
    confirmation_sentence,
    confirmation_table,
    winner,
)
from reports.rows import frame
from reports.verdict import judge

SEARCH = {"trials": 3, "sampler": "tpe", "seed": 0}


def searched(rows):
    study = study_of(rows, search=SEARCH, command="twopath run my/hunt.py")
    return study, judge(study, frame(study, rows))


def confirmed(rows, again):
    study, verdict = searched(rows)
    return study, verdict, confirmation(verdict, study_of(again), again)


def test_the_winner_is_the_most_accurate_that_may_be_on_the_front():
    rows = [row("a", 0, 0.3), row("b", 0, 0.5), rejected("c", miou=0.9)]
    assert winner(study_of(rows), rows) == "b"
    with pytest.raises(ValueError, match="no winner to confirm"):
        winner(study_of(rows, objectives={"gmacs": "min"}), rows)


def test_both_figures_stand_side_by_side_with_the_optimism_between():
    before, fresh = (0.41, 0.43), (0.38, 0.40, 0.39)
    rows = [row("a", s, v) for s, v in enumerate(before)] + [row("b", 0, 0.3), row("b", 1, 0.3)]
    again = [row("a", 2 + s, v) for s, v in enumerate(fresh)]
    study, verdict, found = confirmed(rows, again)
    (line,) = found.lines
    assert (line.before, line.num_before) == (pytest.approx(0.42), 2)
    assert (line.fresh, line.num_fresh) == (pytest.approx(0.39), 3)
    student = stats.ttest_ind(before, fresh).confidence_interval(0.95)
    assert line.optimism - line.half_width == pytest.approx(student.low)
    table = confirmation_table(found)
    assert table.headings[1:] == (
        "mIoU in the study (%)",
        "on fresh seeds (%) ± CI",
        "optimism (points) ± CI",
    )
    assert table.brief[2:] == ("on fresh seeds ± CI", "optimism ± CI")
    assert "± CI is the half-width of a 95 % interval" in table.note
    text = confirmation_sentence(study, verdict, found).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(" On 3 fresh seeds a has mIoU 39.0 %, where the study had 42.0 %: ")
    assert "an optimism of +3.0 ± 3.4 points." in text


def test_a_search_without_a_confirmation_says_how_to_get_one():
    study, verdict, found = confirmed(noisy({"a": 0.4, "b": 0.3}, seeds=2), [])
    assert found is None
    text = confirmation_sentence(study, verdict, None)
    assert "a is the best of 2 that a search tried" in text
    assert "twopath confirm my/hunt.py runs it again" in text
    plain = {**study, "search": None}
    assert confirmation_sentence(plain, verdict, None) == ""


def test_seeds_that_the_study_has_used_or_another_way_of_scoring_confirm_nothing():
    rows = noisy({"a": 0.4, "b": 0.3}, seeds=2)
    again = [row("a", 0, 0.9), row("a", 1, 0.9), row("a", 2, 0.38)]
    _, _, found = confirmed(rows, again)
    assert [(each.num_fresh, each.fresh) for each in found.lines] == [(1, 0.38)]
    _, _, other = confirmed(rows, [row("a", 2, 0.38, label_map="streets-5")])
    assert other is None


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_fresh_trial_without_the_figure_is_left_out(nothing):
    rows = noisy({"a": 0.4, "b": 0.3}, seeds=2)
    again = [row("a", 2, 0.38), {**row("a", 3), "miou": nothing}, {**row("b", 2), "miou": nothing}]
    study, verdict, found = confirmed(rows, again)
    assert [(each.name, each.num_fresh, each.fresh) for each in found.lines] == [("a", 1, 0.38)]
    assert " On 1 fresh seed a has mIoU" in confirmation_sentence(study, verdict, found)


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("search", [SEARCH, None])
def test_fresh_trials_of_which_none_has_the_figure_confirm_nothing_and_say_so(
    tmp_path, nothing, search
):
    rows = noisy({"a": 0.4, "b": 0.3}, seeds=2)
    again = [{**row("a", seed), "miou": nothing} for seed in (2, 3)]
    study = study_of(rows, search=search)
    found = reports.write(study, rows, tmp_path, again=(study_of(again), again))
    assert found.answer.endswith(" On fresh seeds no mIoU was measured: nothing is confirmed.")
    assert "On fresh seeds no mIoU" in found.page.read_text()
    assert "confirmation.md" not in found.files


def test_the_best_of_several_equals_is_too_good_by_what_the_table_shows():
    dice, gaps = np.random.default_rng(0), []
    for _ in range(40):
        scores = dice.normal(0.4, 0.01, (10, 1))
        rows = [row(f"c{i}", 0, float(v[0])) for i, v in enumerate(scores)]
        best = winner(study_of(rows), rows)
        again = [row(best, s, float(dice.normal(0.4, 0.01))) for s in range(1, 6)]
        gaps.append(confirmed(rows, again)[2].lines[0].optimism)
    assert 0.011 < np.mean(gaps) < 0.020, "1.54 standard deviations for the best of ten"


def test_the_page_shows_a_confirmation(tmp_path):
    rows = noisy({"a": 0.4, "b": 0.3}, seeds=2)
    study, _ = searched(rows)
    again = [row("a", 2, 0.38), row("a", 3, 0.39)]
    found = reports.write(study, rows, tmp_path, again=(study_of(again), again))
    assert "On fresh seeds" in found.page.read_text()
    assert "On 2 fresh seeds" in found.answer
    assert "38.5" in found.files["confirmation.md"].read_text()
