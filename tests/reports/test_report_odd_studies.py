"""Studies at the edge: nothing scored, one candidate, one seed, tiny counts, names with commas."""

import pytest
from made_up import noisy, row, study_of, timed

from reports.answer import answer
from reports.columns import FIGURES, quoted
from reports.front import fronts
from reports.front_table import front_caption, front_lines, front_table
from reports.notes import notes
from reports.pareto_chart import pareto_chart
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return study, judge(study, frame(study, rows))


def failed(name, seed):
    return row(name, seed, None, state="failed", reason="ValueError: no")


def test_where_all_have_failed_nothing_is_said_of_seeds_and_the_axes_stay():
    _, verdict = judged([failed(name, seed) for name in "ab" for seed in (0, 1)])
    assert "one seed" not in " ".join(notes(verdict))
    assert pareto_chart(verdict).y.key == "miou"


def test_a_candidate_alone_is_told_as_such_without_milliseconds_taken_beside_other_work():
    _, verdict = judged([row("a")])
    quiet = "There is one candidate (mIoU 40.0\N{NO-BREAK SPACE}%, latency 10.00"
    assert answer(verdict).startswith(quiet)
    _, verdict = judged([row("a", latency_contended=True)])
    assert answer(verdict) == (
        "There is one candidate (mIoU 40.0\N{NO-BREAK SPACE}%), so nothing can be compared."
    )


def test_where_no_latency_is_known_nothing_warns(recwarn):
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=3)
    for each in rows:
        each |= dict.fromkeys(("latency_ms", "latency_rounds_ns"))
    study, verdict = judged(rows)
    assert answer(verdict) == "No candidate can be judged (2 not measured in full)."
    assert [each.cost for each in fronts(study, verdict)] == ["gmacs", "params"]
    assert not recwarn.list


def test_where_no_spread_is_known_the_share_of_fronts_is_called_too_sure():
    study, verdict = judged([row("a", 0, 0.3, **timed(8)), row("b", 0, 0.4, **timed(9))])
    assert front_caption(fronts(study, verdict)).endswith("they are too sure.")
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=3, a=8, b=10)
    study, verdict = judged(rows)
    assert "too sure" not in front_caption(fronts(study, verdict))


def test_names_with_commas_stand_in_quotation_marks_in_sentences():
    one, other = "fusion=sum, width=8", "fusion=bga, width=8"
    assert quoted(one) == f"“{one}”" and quoted("sum") == "sum"
    rows = [
        {**each, "latency_contended": True}
        for each in noisy({one: 0.3, other: 0.4}, seeds=3, **{one: 8, other: 10})
    ]
    study, verdict = judged(rows)
    found = fronts(study, verdict)
    lines = " ".join([*front_lines(verdict, found), pareto_chart(verdict).caption, *notes(verdict)])
    assert lines.replace(f"“{one}”", "").replace(f"“{other}”", "").count(", width=8") == 0
    cells = [cell for line in front_table(verdict, found).lines for cell in line.cells[1:]]
    assert f"dominated by “{other}”, < 1 %" in cells
    assert "beside other work on the machine. All" in lines, "not each name where it is all of them"


@pytest.mark.parametrize(
    ("gmacs", "text"), [(17.8, "17.800"), (0.044, "0.044"), (0.00207, "0.00207"), (0.0, "0.000")]
)
def test_small_counts_keep_three_digits(gmacs, text):
    assert FIGURES["gmacs"].text(gmacs) == text


def test_small_differences_of_counts_are_not_called_zero():
    assert FIGURES["gmacs"].difference(0.00012) == "+0.000120"
    assert FIGURES["params"].difference(-2056) == "\N{MINUS SIGN}0.00206"
    assert FIGURES["miou"].difference(0.0001) == "0.0", "what has noise is not written finer"
