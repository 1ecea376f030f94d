"""The charts' records; of the drawings only that they are made and stay the same."""

import pytest
from made_up import failed, noisy, rejected, row, study_of, timed

from reports.curves import curves
from reports.iou_drawing import draw_iou
from reports.iou_map import iou_map
from reports.pareto_chart import MOST_NAMED, pareto_chart
from reports.pareto_drawing import draw_pareto
from reports.pareto_names import steps_of
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def chart_of(rows, **fields):
    return pareto_chart(judged(rows, **fields))


def test_marks_are_in_the_units_of_the_axes():
    rows = [row("a", 0, 0.30, **timed(10)), row("a", 1, 0.32, **timed(10))]
    chart = chart_of(rows)
    (mark,) = chart.marks
    assert (chart.x.heading, chart.y.heading) == ("latency (ms)", "mIoU (%)")
    assert (mark.x, mark.y) == (10, pytest.approx(31))
    assert mark.sd == pytest.approx(2**0.5)
    assert mark.span == (pytest.approx(9.9), pytest.approx(10.1))
    assert mark.seeds == ((10, pytest.approx(30)), (10, pytest.approx(32)))


def test_the_front_climbs_in_steps_and_leaves_the_others_out():
    rows = noisy({"b": 0.4, "a": 0.2, "bad": 0.1}, seeds=3, b=12, a=8)
    chart = chart_of(rows)
    assert [x for x, _ in chart.front] == [8, 12]
    assert steps_of(((1, 10), (2, 20))) == [(1, 10), (2, 10), (2, 20)]
    assert steps_of(()) == []


def test_a_front_of_three_objectives_is_not_drawn_as_a_line():
    rows = noisy({"a": 0.2, "b": 0.4}, seeds=2, b=12)
    three = {"miou": "max", "latency_ms": "min", "params": "min"}
    assert chart_of(rows, objectives=three).front == ()


def test_what_was_never_trained_stands_apart_and_what_has_no_cost_is_only_listed():
    rows = [row("a", 0, 0.3), rejected("heavy", **timed(20)), failed("broken")]
    chart = chart_of(rows)
    assert [(m.name, m.kind, m.y) for m in chart.marks[1:]] == [("heavy", "over budget", None)]
    assert "Not drawn: broken." in chart.caption


def test_figures_of_another_protocol_are_not_drawn():
    rows = [row("a"), row("b"), row("odd", latency_device="H100")]
    chart = chart_of(rows)
    assert [mark.name for mark in chart.marks] == ["a", "b"]
    assert not any("H100" in line for line in chart.subtitle)


def test_the_subtitle_carries_both_protocols():
    first, second, third = chart_of([row("a")]).subtitle
    assert first == "latency at 96x192, batch 1, float32, to labels_full"
    assert second == "on A CPU, CPU threads: 2"
    assert third == "mIoU on streets, labels streets-10, at 96x192, 20 images"


def test_the_caption_says_what_the_bars_are():
    assert "±1 sd" in chart_of(noisy({"a": 0.3}, seeds=3)).caption
    assert "One seed: no spread is known." in chart_of([row("a")]).caption


def test_studies_of_costs_have_axes_too():
    chart = chart_of([row("a", 0, None)], objectives={"gmacs": "min", "latency_ms": "min"})
    assert (chart.x.key, chart.y.key) == ("gmacs", "latency_ms")


def test_several_factors_name_a_mark_by_their_values():
    rows = [row("fusion=sum, aux=v2"), row("fusion=bga, aux=v2")]
    study = study_of(rows)
    for entry, fusion in zip(study["plan"], ("sum", "bga"), strict=True):
        entry["factors"] = {"fusion": fusion, "aux": "v2"}
    chart = pareto_chart(judge(study, frame(study, rows)))
    assert [mark.label for mark in chart.marks] == ["sum · v2", "bga · v2"]
    assert "named by fusion · aux" in chart.caption


def test_in_a_crowd_only_the_front_is_named():
    rows = [row(f"c{i}", 0, 0.3 - i / 100, **timed(10 + i)) for i in range(MOST_NAMED + 1)]
    chart = chart_of(rows)
    assert [mark.label for mark in chart.marks if mark.label] == ["c0"]
    assert "Only the front is named." in chart.caption


def test_the_map_has_percents_and_keeps_absent_classes_empty():
    rows = [
        row("a", 0, iou={"road": 0.2, "pole": None}),
        row("a", 1, iou={"road": 0.4, "pole": None}),
        failed("b"),
    ]
    found = iou_map(judged(rows))
    assert (found.candidates, found.classes) == (("a",), ("road", "pole"))
    assert found.values == ((pytest.approx(30), None),)
    assert found.absent == ("pole",)
    assert "left out of mIoU: pole" in found.caption


def test_the_map_of_a_large_search_shows_the_best():
    rows = [row(f"c{i}", 0, i / 100) for i in range(45)]
    found = iou_map(judged(rows))
    assert (found.candidates[0], len(found.candidates), found.num_left_out) == ("c5", 40, 5)


def test_curves_share_their_axes_and_skip_what_is_not_finite():
    rows = [
        row("a", 0, history=[[0, 4.0, 0.1], [50, float("nan"), 0.1], [100, 1.0, 0.0]]),
        row("b", 0, history=[[0, 2.0, 0.1], [50, 1.0, 0.0]]),
        failed("c"),
    ]
    found = curves(judged(rows))
    assert (found.num_steps, found.top) == (100, 4.0)
    assert [panel.candidate for panel in found.panels] == ["a", "b"]
    assert found.panels[0].curves[0].points == ((0, 1), (1, 0.25))
    assert found.panels[1].curves[0].points == ((0, 0.5), (0.5, 0.25))


@pytest.mark.parametrize(
    "rows",
    [
        [failed("a")],
        [rejected("a")],
        [row("a $\\nothing$ 日本 --> <script>", 0, 0.3)],
        [row("n" * 200, s, 0.3 + s / 100, **timed(10)) for s in range(2)],
        [row("a", 0, 0.3, **timed(1)), row("b", 0, 0.4, **timed(1000))],
        [row("a", 0, 0.0), row("b", 0, 0.0)],
    ],
    ids=["failed", "rejected", "odd name", "long name", "wide range", "equal points"],
)
def test_every_record_can_be_drawn(rows):
    verdict = judged(rows)
    for drawing in (draw_pareto(pareto_chart(verdict)), draw_iou(iou_map(verdict))):
        assert drawing.png.startswith(b"\x89PNG")
        assert "<svg" in drawing.svg


def test_a_record_is_drawn_to_the_same_bytes_each_time():
    chart = chart_of(noisy({"a": 0.3, "b": 0.4}, seeds=2, b=12))
    first, second = draw_pareto(chart), draw_pareto(chart)
    in_order, backwards = ("png", "svg", "pdf"), ("pdf", "svg", "png")
    made = {kind: getattr(first, kind) for kind in in_order}
    assert made == {kind: getattr(second, kind) for kind in backwards}, "in whatever order"


def test_marks_that_are_drawn_together_are_not_joined():
    rows = [*noisy({"a": 0.3, "b": 0.4, "c": 0.2}, seeds=2, b=12), rejected("heavy", **timed(20))]
    chart = chart_of(rows)
    (axes,) = draw_pareto(chart).figure.axes
    marked = [line for line in axes.lines if line.get_marker() != "None"]
    assert all(line.get_linestyle() == "None" for line in marked)
    at = {(x, y) for line in marked if line.get_zorder() == 4 for x, y in line.get_xydata()}
    assert at == {(mark.x, mark.y) for mark in chart.marks if mark.y is not None}
    (bars,) = [each for each in axes.collections if len(each.get_paths()) == 6]
    assert len(bars.get_colors()) == 6, "the spread and the interval of three"


def test_a_pdf_holds_its_letters_as_truetype_fonts():
    pdf = draw_pareto(chart_of([row("a")])).pdf
    assert pdf.startswith(b"%PDF") and b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
