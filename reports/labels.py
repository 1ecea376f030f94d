"""Places labels beside points so that none covers another and each is seen to be its point's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from reports.geometry import (
    Bools,
    Floats,
    areas_shared,
    distances,
    segments_cross,
    segments_meet_boxes,
)

XY = tuple[float, float]


class Box(NamedTuple):
    """A rectangle by its corners, in pixels from the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """The area shared with another box."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(wide, 0.0) * max(high, 0.0)

    def inside(self, other: Box) -> bool:
        """Whether the box lies within another."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.bottom <= self.bottom and self.top <= other.top


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text of some size that belongs to a point, in pixels.

    ``patience`` is what a place may cost at most, in pixels of the text over a line.
    """

    x: float
    y: float
    width: float
    height: float
    patience: float = np.inf


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a label stands; ``lead`` are the ends of a line from its point to it, if it has one."""

    box: Box
    lead: tuple[XY, XY] | None = None


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is there before any label, in pixels.

    ``points`` are all that a label could be taken for, each the middle of a mark that reaches
    ``radius`` to its sides. A label lies within ``bounds`` and touches neither a mark nor what is
    ``hard``; what is ``soft`` (lines and bars so ``thick``) it covers only where it must. ``gap``
    is the distance from point to text.
    """

    bounds: Box
    points: Sequence[XY]
    radius: float
    gap: float
    hard: Sequence[Box] = ()
    soft: Floats = field(default_factory=lambda: np.empty((0, 4)))
    thick: float = 1.0


TRIES = 4
"""How often labels that found no place choose first in the next try."""

# The ways from a point to its text, the best first: beside, above and below, then in between.
_WAYS = np.array(
    [
        *((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)),
        *((1, 0.5), (-1, 0.5), (1, -0.5), (-1, -0.5), (0.5, 1), (-0.5, 1), (0.5, -1), (-0.5, -1)),
    ]
)
_TURNS = np.deg2rad([turn for turn in range(10, 360, 20) if turn % 90])
"""The ways of leads, none of them level or upright, as bars are."""

_STEEP = 0.3
"""Up to which cosine of its lead a text stands above or below its end, and not beside it."""

_FAR = np.array([3.2, 4.5, 6.5, 9.5, 14.0, 20.0])
"""How far from its point a text with a lead begins, in radii of a mark."""

# What a place costs: for each way less good, for a lead and each pixel of it, for each pixel of
# a line below the text or too near another point; for each line, mark, lead or text that a lead
# crosses.
_RANK, _LEAD, _LENGTH, _COVERED, _NEAR = 0.5, 6.0, 0.4, 1.0, 1.0
_OVER_LINE, _OVER_MARK, _OVER_LEAD, _OVER_TEXT = 3.0, 15.0, 20.0, 100.0


def place(labels: Sequence[Label], ground: Ground) -> list[Place | None]:
    """A place for each label; None where none is left that it has the patience for.

    A label stands beside its point where that is plainly the nearest to it, else further off with
    a lead. The first choose first, unless others would be left without a place.
    """
    options = [_options(label, ground) for label in labels]
    order, best = list(range(len(labels))), dict[int, Place]()
    for _ in range(TRIES):
        found = _chosen(options, order)
        best = max(best, found, key=len)
        lost = [each for each in order if each not in found]
        if not lost:
            break
        order = [*lost, *(each for each in order if each in found)]
    return [best.get(each) for each in range(len(labels))]


@dataclass(frozen=True, kw_only=True)
class _Options:
    """The places that a label could take if it were alone, with what each costs."""

    boxes: Floats
    leads: Floats
    costs: Floats
    patience: float

    def of(self, chosen: Bools) -> _Options:
        """Some of the places."""
        return replace(
            self, boxes=self.boxes[chosen], leads=self.leads[chosen], costs=self.costs[chosen]
        )


def _chosen(options: Sequence[_Options], order: Sequence[int]) -> dict[int, Place]:
    """The places that labels take one after the other, each where those before left room."""
    boxes, leads = np.empty((0, 4)), np.empty((0, 4))
    found = {}
    for index in order:
        own = options[index]
        costs = own.costs + _OVER_LEAD * segments_cross(own.leads, leads).sum(axis=1)
        costs += _OVER_TEXT * segments_meet_boxes(own.leads, boxes).sum(axis=1)
        costs += _OVER_TEXT * segments_meet_boxes(leads, own.boxes).sum(axis=0)
        met = areas_shared(own.boxes, boxes).any(axis=1)
        free = np.flatnonzero(~met & (costs <= own.patience))
        if len(free):
            at = free[costs[free].argmin()]
            found[index] = _place(own.boxes[at], own.leads[at])
            boxes, leads = np.vstack([boxes, own.boxes[at]]), np.vstack([leads, own.leads[at]])
    return found


def _place(box: Floats, lead: Floats) -> Place:
    x0, y0, x1, y1 = map(float, lead)
    return Place(
        box=Box(*map(float, box)), lead=None if (x0, y0) == (x1, y1) else ((x0, y0), (x1, y1))
    )


def _options(label: Label, ground: Ground) -> _Options:
    points, own = _rows(ground.points, 2), np.array([[label.x, label.y]])
    others = points[np.hypot(*(points - own).T) > ground.radius / 2]
    found = _places(label, ground, others)
    found = found.of(_is_free(found, ground))
    found = found.of(_is_told(found, own, others, ground.gap))
    found = found.of(found.costs <= label.patience)
    marks = _squares(others, ground.radius / 2)
    soft = ground.soft[areas_shared(_reach(found), ground.soft)[0] > 0]
    near = distances(found.boxes, others).min(axis=1, initial=np.inf)
    costs = found.costs + _NEAR * np.maximum(2 * ground.gap - near, 0.0)
    costs += _COVERED * areas_shared(found.boxes, soft).sum(axis=1) / ground.thick
    costs += _OVER_LINE * segments_meet_boxes(found.leads, soft).sum(axis=1)
    costs += _OVER_MARK * segments_meet_boxes(found.leads, marks).sum(axis=1)
    return replace(found, costs=costs).of(costs <= label.patience)


def _reach(found: _Options) -> Floats:
    """The box that all places and leads lie in."""
    ends = np.vstack([found.boxes, found.leads]).reshape(-1, 2)
    return np.array([[*ends.min(axis=0, initial=0.0), *ends.max(axis=0, initial=0.0)]])


def _is_free(found: _Options, ground: Ground) -> Bools:
    """Whether each box lies within bounds and touches no mark, nor lead and box what is hard."""
    boxes, hard, bounds = found.boxes, _rows(ground.hard, 4), ground.bounds
    marks = _squares(_rows(ground.points, 2), ground.radius)
    low, high = (bounds.left, bounds.bottom), (bounds.right, bounds.top)
    inside = np.all((boxes[:, :2] >= low) & (boxes[:, 2:] <= high), axis=1)
    met = np.any(areas_shared(boxes, np.vstack([marks, hard])), axis=1)
    free: Bools = inside & ~met & ~np.any(segments_meet_boxes(found.leads, hard), axis=1)
    return free


def _is_told(found: _Options, own: Floats, others: Floats, gap: float) -> Bools:
    """Whether each box that has no lead is plainly nearest to its own point."""
    alone: Bools = ~np.any(found.leads[:, :2] != found.leads[:, 2:], axis=1)
    near = distances(found.boxes, others).min(axis=1, initial=np.inf)
    told: Bools = ~alone | (near >= distances(found.boxes, own)[:, 0] + gap)
    return told


def _places(label: Label, ground: Ground, others: Floats) -> _Options:
    """All places for a label, those beside its point first, with what they cost on empty ground."""
    point, size = np.array([label.x, label.y]), np.array([label.width, label.height])
    beside = point + _WAYS * (size / 2 + ground.gap)
    turns, far = (each.ravel() for each in np.meshgrid(_TURNS, _FAR * ground.radius))
    way = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    starts, ends = point + way * ground.radius, point + way * far[:, None]
    # A lead begins at its mark's edge, or within where that is nearer to another.
    edges = np.hstack([starts, starts])
    hidden = distances(edges, others).min(axis=1, initial=np.inf) <= ground.radius
    starts = np.where(hidden[:, None], point, starts)
    # It ends at the middle of a side, where no other text is near.
    aside = np.abs(way[:, :1]) > _STEEP
    led = ends + np.sign(way) * np.hstack([aside, ~aside]) * size / 2
    middles, none = np.vstack([beside, led]), np.tile(point, (len(beside), 2))
    costs = _LEAD + _LENGTH * far + _OVER_MARK * hidden
    return _Options(
        boxes=np.hstack([middles - size / 2, middles + size / 2]),
        leads=np.vstack([none, np.hstack([starts, ends])]),
        costs=np.concatenate([_RANK * np.arange(len(beside)), costs]),
        patience=label.patience,
    )


def _rows(found: Sequence[Sequence[float]], wide: int) -> Floats:
    return np.array(found, dtype=float).reshape(-1, wide)


def _squares(points: Floats, half: float) -> Floats:
    return np.hstack([points - half, points + half])
