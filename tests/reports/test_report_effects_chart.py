"""The chart of effects: what its record holds, and that it says what the table says."""

import pytest
from made_up import noisy, row, study_of

from reports.effects import effects
from reports.effects_chart import MOST_BARS, draw_effects, effects_chart, effects_chart_caption
from reports.rows import frame
from reports.sections import sections_of
from reports.verdict import judge

CHANGES = {"full": 0.40, "no fusion": 0.30, "no aux": 0.399}


def judged(rows, baseline="full"):
    study = study_of(rows, baseline=baseline)
    return judge(study, frame(study, rows))


def test_bars_are_the_lines_of_the_table_in_points():
    found = effects(judged(noisy(CHANGES, seeds=7)))
    chart = effects_chart(found)
    assert chart.heading == "Δ mIoU against the baseline (points)"
    assert [(each.name, each.word) for each in chart.bars] == [
        ("no fusion", "resolved"),
        ("no aux", "not resolved"),
    ]
    for bar, each in zip(chart.bars, found.rows, strict=True):
        assert bar.value == pytest.approx(100 * each.found.value)
        assert (bar.low, bar.high) == pytest.approx((100 * each.found.low, 100 * each.found.high))
    assert chart.limits[0] < chart.bars[0].low and chart.limits[1] > 0


def test_an_interval_of_any_width_leaves_the_effects_to_be_seen():
    rows = [
        row(n, s, m + s * d) for n, m, d in (("full", 0.4, 0), ("a", 0.41, 0.02)) for s in (0, 1)
    ]
    found = effects(judged(rows))
    chart = effects_chart(found)
    (bar,) = chart.bars
    assert bar.high > 1.5 * chart.limits[1], "Student's with one degree of freedom"
    assert chart.limits[1] < 5 * bar.value
    assert "An arrow" in effects_chart_caption(chart, found)


def test_one_seed_gives_marks_without_intervals():
    chart = effects_chart(effects(judged([row("full", 0, 0.4), row("a", 0, 0.3)])))
    assert [(e.low, e.high, e.word) for e in chart.bars] == [(None, None, "no spread known")]
    assert draw_effects(chart).svg.count("<svg") == 1


def test_of_very_many_changes_the_first_are_drawn_and_the_rest_counted():
    found = effects(judged([row("full", 0, 0.4), *(row(f"c{i}", 0, 0.3) for i in range(50))]))
    chart = effects_chart(found)
    assert len(chart.bars) == MOST_BARS
    assert "10 further lines" in effects_chart_caption(chart, found)


def test_the_same_effects_give_the_same_bytes():
    chart = effects_chart(effects(judged(noisy(CHANGES, seeds=3))))
    assert draw_effects(chart).svg == draw_effects(chart).svg


def test_the_page_has_the_chart_and_the_ablation_in_a_papers_layout():
    verdict = judged(noisy({"<b>full": 0.4, "a & b": 0.3}, seeds=3, a=8), baseline="<b>full")
    found = effects(verdict)
    charts = {"effects": draw_effects(effects_chart(found))}
    sections = sections_of(verdict, found, None, (), None, lambda: charts)
    told = {each.name: each for each in sections}
    assert told["effects"].svg.startswith("<svg") and "a & b" not in told["effects"].svg
    assert told["ablation"].is_repeat and told["ablation"].csv
    assert any(
        "\N{CHECK MARK}" in cell for line in told["ablation"].table.lines for cell in line.cells
    )
