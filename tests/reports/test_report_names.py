"""Names in the speed-accuracy chart on paper: each is seen to belong to its own mark."""

import itertools
import math
import random
import re
from dataclasses import replace

import pytest

from reports.columns import FIGURES
from reports.labels import Box
from reports.pareto_chart import MOST_ON_PAPER, Mark, ParetoChart, on_paper
from reports.pareto_drawing import draw_pareto
from reports.pareto_names import LEAD
from reports.pareto_published import Overlay, PublishedMark

POINT = 100 / 72
"""The pixels of a point."""

LINE = re.compile(r"^\s*(\d+)  (.+)$", re.MULTILINE)
"""A line of the key."""

MARK, LEAST_LEAD = 2.2 * POINT, 5 * POINT
"""How far a mark reaches from its middle, and how long a line must be to be seen."""

FUSIONS, CONTEXTS = ("sum", "bga", "ffm", "concat"), ("none", "ce", "pyramid pooling")


def scattered(dice, number):
    """Points all over the chart."""
    return [(dice.uniform(5, 20), dice.uniform(40, 60)) for _ in range(number)]


def rising(dice, number):
    """Points on a line, as candidates that differ in width alone."""
    return [(5 + i * 15 / number, 40 + i * 20 / number) for i in range(number)]


def clustered(dice, number):
    """Most points at a few latencies, close together."""
    at = [(8, 45), (12, 50), (12, 54)]
    near = [dice.choice(at) for _ in range(number - 2)]
    points = [(x + dice.gauss(0, 0.05), y + dice.gauss(0, 0.6)) for x, y in near]
    return [*points, (5, 40), (20, 60)]


def piled(dice, number):
    """All points in one heap but one."""
    return [(10 + dice.gauss(0, 0.1), 50 + dice.gauss(0, 0.1)) for _ in range(number - 1)] + [
        (20, 60)
    ]


SHAPES = (scattered, rising, clustered, piled)


def chart_of(shape, number, luck=0, long=False, published=()):
    dice = random.Random(luck)
    points = shape(dice, number)
    front = {p for p in points if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in points)}
    names = itertools.product(CONTEXTS, FUSIONS, range(8, 64, 8))
    marks = []
    for (x, y), (context, fusion, width) in zip(points, names, strict=False):
        name = f"{fusion} · {context} · {width}"
        if long:
            name = f"semantic_branch(width={width}) · {context[:7]} · {fusion}"
        kind = "front in doubt" if (x, y) in front else "dominated in doubt"
        label = name if number <= 16 or (x, y) in front else ""
        sd, wide = dice.uniform(0.3, 1.5), dice.uniform(0.05, 0.4)
        seeds = tuple((x, y + dice.gauss(0, sd)) for _ in range(3))
        marks.append(
            Mark(
                name=name,
                label=label,
                kind=kind,
                x=x,
                y=y,
                sd=sd,
                seeds=seeds,
                span=(x - wide, x + wide),
            )
        )
    return ParetoChart(
        x=FIGURES["latency_ms"],
        y=FIGURES["miou"],
        log=False,
        marks=tuple(marks),
        front=tuple(sorted(front)),
        published=Overlay(marks=tuple(published)),
        subtitle=(),
        remarks="",
    )


def written(chart):
    """Name -> its box, or that of its number, and the line that leads to it; and all marks."""
    figure = draw_pareto(chart).figure
    figure.draw_without_rendering()
    (axes,) = figure.axes
    keyed = dict(LINE.findall("\n".join(each.get_text() for each in figure.texts)))
    leads = {each.get_label(): each.get_path().transformed(each.get_transform()).vertices
             for each in axes.lines}  # fmt: skip
    found = {}
    for text in axes.texts:
        box = Box(*text.get_window_extent().extents)
        name = keyed.get(text.get_text(), text.get_text())
        assert name not in found, "each name is there once"
        lead = leads.get(f"{LEAD}{text.get_text()}")
        assert lead is None or off(box, lead[1]) < 3 * POINT
        found[name] = (box, lead)
    places = axes.transData.transform([(mark.x, mark.y) for mark in chart.marks])
    return found, dict(zip([mark.label or mark.name for mark in chart.marks], places, strict=True))


def off(box, point):
    """How far a point is from a box."""
    across = max(box.left - point[0], 0, point[0] - box.right)
    return math.hypot(across, max(box.bottom - point[1], 0, point[1] - box.top))


def around(point):
    return Box(point[0] - MARK, point[1] - MARK, point[0] + MARK, point[1] + MARK)


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("number", [5, 12, 30, 60])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_name_is_seen_to_belong_to_its_mark(shape, number, long):
    for luck in range(3):
        chart = chart_of(shape, number, luck, long)
        found, marks = written(chart)
        assert set(found) == {mark.label for mark in on_paper(chart.marks)}
        boxes = [box for box, _ in found.values()]
        assert not any(a.overlap(b) for a, b in itertools.combinations(boxes, 2))
        assert not any(box.overlap(around(each)) for box in boxes for each in marks.values())
        for name, (box, lead) in found.items():
            # Of marks that lie on each other nobody can tell which is meant.
            own = marks[name]
            others = [each for each in marks.values() if math.dist(each, own) > MARK]
            if lead is None:
                assert off(box, own) < min(off(box, each) for each in others)
            else:
                assert math.dist(*lead) > LEAST_LEAD
                assert math.dist(lead[0], own) < min(math.dist(lead[0], each) for each in others)


def test_of_a_long_front_some_are_named_all_along_it():
    chart = chart_of(rising, 60)
    named = on_paper(chart.marks)
    assert len(named) == MOST_ON_PAPER
    assert (named[0], named[-1]) == (chart.marks[0], chart.marks[-1])
    baseline = replace(chart.marks[7], baseline=True)
    marks = [*chart.marks[:7], baseline, *chart.marks[8:]]
    assert baseline in on_paper(marks)


def test_published_names_are_told_from_each_other_too():
    near = [PublishedMark(label=f"V{i}", x=8 + i / 50, y=45.2 + i / 50) for i in range(4)]
    found, _ = written(chart_of(clustered, 12, published=near))
    assert {each.label for each in near} <= set(found)
    boxes = [box for box, _ in found.values()]
    assert not any(a.overlap(b) for a, b in itertools.combinations(boxes, 2))


@pytest.mark.parametrize("letter", ["W", "i"])
def test_the_key_of_numbers_fits_the_paper_whatever_its_letters(letter):
    chart = chart_of(rising, 12)
    marks = [replace(each, label=f"{letter * 80}{i}") for i, each in enumerate(chart.marks)]
    figure = draw_pareto(replace(chart, marks=tuple(marks))).figure
    figure.draw_without_rendering()
    *_, key = [text for text in figure.texts if text.get_text()]
    assert len(LINE.findall(key.get_text())) == 12
    box = key.get_window_extent()
    assert figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max)


def test_a_name_that_is_a_number_is_never_taken_for_one_of_the_key():
    chart = chart_of(scattered, 5)
    names = ("14", "a name so long that a number has to stand for it", "22", "2", "c")
    marks = tuple(replace(m, label=name) for m, name in zip(chart.marks, names, strict=True))
    figure = draw_pareto(replace(chart, marks=marks)).figure
    keyed = dict(LINE.findall("\n".join(each.get_text() for each in figure.texts)))
    assert sorted(keyed.values()) == sorted(names[:4])
    (axes,) = figure.axes
    assert {each.get_text() for each in axes.texts} == {"1", "2", "3", "4", "c"}
    few = replace(chart, marks=tuple(replace(m, label=str(i)) for i, m in enumerate(chart.marks)))
    (axes,) = draw_pareto(few).figure.axes
    assert {each.get_text() for each in axes.texts} == set("01234"), "without a key"


def test_names_of_marks_that_lie_on_each_other_are_both_written():
    chart = chart_of(rising, 5)
    first, second, *rest = chart.marks
    found, _ = written(replace(chart, marks=(first, replace(second, x=first.x, y=first.y), *rest)))
    (one, _), (other, _) = found[first.label], found[second.label]
    assert not one.overlap(other)
