"""Names beside marks: none on another, none out of bounds."""

import itertools
import random

import pytest

from reports.labels import Box, Label, boxes_along, place

BOUNDS = Box(0, 0, 600, 400)


def _scatter(number: int, luck: int) -> list[Label]:
    dice = random.Random(luck)
    return [
        Label(
            x=dice.uniform(30, 570), y=dice.uniform(30, 370), width=dice.uniform(20, 120), height=12
        )
        for _ in range(number)
    ]


@pytest.mark.parametrize("luck", range(5))
@pytest.mark.parametrize("number", [1, 12, 60])
def test_no_label_covers_another_or_a_mark_or_leaves_the_bounds(number, luck):
    labels = _scatter(number, luck)
    marks = [Box(each.x - 4, each.y - 4, each.x + 4, each.y + 4) for each in labels]
    boxes = [b for b in place(labels, bounds=BOUNDS, hard=marks, soft=[], gap=5) if b]
    assert boxes
    assert all(box.inside(BOUNDS) for box in boxes)
    assert not any(a.overlap(b) for a, b in itertools.combinations(boxes, 2))
    assert not any(box.overlap(mark) for box in boxes for mark in marks)


def test_a_dozen_labels_all_find_room():
    labels = _scatter(12, luck=1)
    assert None not in place(labels, bounds=BOUNDS, hard=[], soft=[], gap=5)


def test_a_free_label_stands_right_beside_its_point():
    (box,) = place(
        [Label(x=100, y=100, width=40, height=10)], bounds=BOUNDS, hard=[], soft=[], gap=5
    )
    assert box == Box(105, 95, 145, 105)


def test_lines_are_kept_clear_where_another_place_is_as_near():
    line = boxes_along([(100, 100), (300, 100)], 3)
    (box,) = place(
        [Label(x=100, y=100, width=40, height=10)], bounds=BOUNDS, hard=[], soft=line, gap=5
    )
    assert not any(box.overlap(each) for each in line)


def test_a_label_without_room_is_left_out():
    crowd = [Box(0, 0, 600, 400)]
    assert place(_scatter(1, 0), bounds=BOUNDS, hard=crowd, soft=[], gap=5) == [None]
