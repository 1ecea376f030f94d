"""Names beside marks: none on another, none out of bounds."""

import itertools
import random

import numpy as np
import pytest

from reports.geometry import boxes_along
from reports.labels import Box, Ground, Label, place

BOUNDS = Box(0, 0, 600, 400)


def _scatter(number: int, luck: int) -> list[Label]:
    dice = random.Random(luck)
    return [
        Label(
            x=dice.uniform(30, 570), y=dice.uniform(30, 370), width=dice.uniform(20, 120), height=12
        )
        for _ in range(number)
    ]


def _placed(labels, **ground):
    points = [(each.x, each.y) for each in labels]
    return place(labels, Ground(bounds=BOUNDS, points=points, radius=4, gap=5, **ground))


@pytest.mark.parametrize("luck", range(5))
@pytest.mark.parametrize("number", [1, 12, 60])
def test_no_label_covers_another_or_a_mark_or_leaves_the_bounds(number, luck):
    labels = _scatter(number, luck)
    marks = [Box(each.x - 4, each.y - 4, each.x + 4, each.y + 4) for each in labels]
    boxes = [found.box for found in _placed(labels) if found]
    assert boxes
    assert all(box.inside(BOUNDS) for box in boxes)
    assert not any(a.overlap(b) for a, b in itertools.combinations(boxes, 2))
    assert not any(box.overlap(mark) for box in boxes for mark in marks)


def test_a_dozen_labels_all_find_room():
    labels = _scatter(12, luck=1)
    assert None not in _placed(labels)


def test_a_free_label_stands_right_beside_its_point():
    (found,) = _placed([Label(x=100, y=100, width=40, height=10)])
    assert found.box == Box(105, 95, 145, 105)
    assert found.lead is None


def test_lines_are_kept_clear_where_another_place_is_as_near():
    line = boxes_along(np.array([[100, 100, 300, 100]]), 3)
    (found,) = _placed([Label(x=100, y=100, width=40, height=10)], soft=line)
    assert not any(found.box.overlap(Box(*each)) for each in line)


def test_a_label_without_room_is_left_out():
    crowd = [Box(0, 0, 600, 400)]
    assert _placed(_scatter(1, 0), hard=crowd) == [None]


def test_a_label_that_could_be_taken_for_another_points_has_a_lead_from_its_own():
    left, right = (Label(x=x, y=100, width=60, height=10) for x in (100, 112))
    ground = Ground(bounds=BOUNDS, points=[(100, 100), (112, 100)], radius=4, gap=5)
    (found,) = place([Label(x=106, y=100, width=60, height=10)], ground)
    assert found.lead is not None
    alone = place([left, right], ground)
    assert [each.lead for each in alone] == [None, None]
    assert alone[0].box.right <= 95 and alone[1].box.left >= 117


def test_a_label_has_no_place_that_costs_more_than_it_has_patience_for():
    lines = boxes_along(np.array([[0, y, 600, y] for y in range(0, 400, 8)]), 3)
    label = {"x": 300, "y": 200, "width": 60, "height": 10}
    assert _placed([Label(**label)], soft=lines, thick=3)[0] is not None
    assert _placed([Label(**label, patience=20)], soft=lines, thick=3) == [None]
