"""Boxes, points and line segments, many against many at once."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
"""Boxes are rows of left, bottom, right and top; segments are rows of x, y, x, y."""

Bools = np.ndarray[Any, np.dtype[np.bool_]]


def boxes_along(segments: Floats, thick: float) -> Floats:
    """Boxes that cover upright and level segments, as thick as these are drawn."""
    starts, ends = segments[:, :2], segments[:, 2:]
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    return np.hstack([low - thick / 2, high + thick / 2])


def areas_shared(boxes: Floats, others: Floats) -> Floats:
    """The area that each box shares with each other one, (boxes, others)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides: Floats = np.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


def distances(boxes: Floats, points: Floats) -> Floats:
    """How far each point is from each box, 0 within it, (boxes, points)."""
    outside = np.maximum(boxes[:, None, :2] - points, points - boxes[:, None, 2:])
    gaps = np.maximum(outside, 0.0)
    return np.hypot(gaps[..., 0], gaps[..., 1])


def segments_meet_boxes(segments: Floats, boxes: Floats) -> Bools:
    """Whether a part of each segment lies within each box, (segments, boxes); of a point, none."""
    start, way = segments[:, None, :2], (segments[:, 2:] - segments[:, :2])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (boxes[None, :, :2] - start) / way, (boxes[None, :, 2:] - start) / way
    enters = np.fmax(np.fmin(first, second).max(axis=-1), 0.0)
    leaves = np.fmin(np.fmax(first, second).min(axis=-1), 1.0)
    found: Bools = (enters < leaves) & way.any(axis=-1)
    return found


def segments_cross(segments: Floats, others: Floats) -> Bools:
    """Whether each segment crosses each other one, (segments, others)."""
    a, b, c, d = (
        segments[:, None, :2],
        segments[:, None, 2:],
        others[None, :, :2],
        others[None, :, 2:],
    )
    found: Bools = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
    return found


def _side(start: Floats, end: Floats, point: Floats) -> Floats:
    """On which side of a line a point lies, by its sign."""
    way, off = end - start, point - start
    sides: Floats = way[..., 0] * off[..., 1] - way[..., 1] * off[..., 0]
    return sides
