"""Charts as a paper prints them: as wide as its column, letters of 7 points, nothing cut off."""

import pytest
from made_up import noisy, rejected, study_of, timed
from matplotlib.text import Text

from harness.papers import Published
from reports import effects_chart, iou_drawing, iou_map, pareto_drawing, sweep_chart
from reports.columns import FIGURES
from reports.effects import effects
from reports.numbers_drawing import Numbers
from reports.pareto_chart import pareto_chart
from reports.rows import frame
from reports.style import COLUMN_INCHES, LINE_LETTERS, key_rows
from reports.verdict import judge

MEANS = {"baseline": 0.70, "fusion=sum": 0.66, "aux_heads=none": 0.69, "detail only": 0.6}
MS = {"baseline": 10.0, "fusion=sum": 8.6, "aux_heads=none": 10.0, "detail only": 5.0}
PRINTED = Published(
    label="BiSeNet V2",
    source="V2, Table 2, with a long line of words about how its figures were taken by its authors",
    dataset="Cityscapes val",
    size=(1024, 2048),
    device="GTX 1080 Ti",
    figures={"miou": 0.68, "fps": 110.0},
)
GROUPS = ("bga", "guided_aggregation(width=128)", "concat", "ffm", "sum", "none")


def judged():
    rows = [*noisy(MEANS, seeds=3, **MS), rejected("heavy", **timed(20))]
    study = study_of(rows, baseline="baseline")
    return judge(study, frame(study, rows))


def draw_pareto():
    return pareto_drawing.draw_pareto(pareto_chart(judged(), [PRINTED]))


def draw_iou():
    return iou_drawing.draw_iou(iou_map.iou_map(judged()))


def draw_effects():
    chart = effects_chart.effects_chart(effects(judged()))
    return effects_chart.draw_effects(chart)


def draw_sweep():
    chart = sweep_chart.SweepChart(
        x=FIGURES["gmacs"],
        y=FIGURES["latency_ms"],
        factor="fusion",
        groups=tuple(
            sweep_chart.Group(label=name, points=((1 + i, 2 + i),)) for i, name in enumerate(GROUPS)
        ),
        rank=0.7,
        subtitle="1296 architectures at 512x1024; latency on AMD EPYC 7B13 64-Core Processor",
    )
    return sweep_chart.draw_sweep(chart)


@pytest.mark.parametrize("chart", [draw_pareto, draw_iou, draw_effects, draw_sweep])
def test_all_letters_are_7_points_at_least_and_on_the_paper(chart):
    figure = chart().figure
    figure.draw_without_rendering()
    assert figure.get_figwidth() == pytest.approx(COLUMN_INCHES) == 3.3
    texts = [each for each in figure.findobj(Text) if each.get_visible() and each.get_text()]
    many = figure.findobj(Numbers)
    assert len(texts) + sum(len(each.numbers) for each in many) > 8
    assert min(each.get_fontsize() for each in texts) >= 7
    assert all(each.font.get_size_in_points() >= 7 for each in many)
    paper = figure.bbox.padded(1)
    ticks = {
        id(t) for axes in figure.axes for t in (*axes.get_xticklabels(), *axes.get_yticklabels())
    }
    for each in texts:
        box = each.get_window_extent()
        inside = paper.contains(*box.min) and paper.contains(*box.max)
        assert inside or id(each) in ticks, f"{each} is cut off"  # ticks off the axis are not drawn


def test_a_key_takes_as_few_lines_as_its_columns_allow():
    assert key_rows(["front", "dominated"]) == 1
    assert key_rows(["n" * 30, "n" * 30]) == 2
    assert key_rows(["a", "n" * 40, "b", "c"]) == 2
    assert key_rows(["n" * LINE_LETTERS] * 3) == 3
    assert key_rows([]) == 1
