"""Writes the candidates' names into the speed-accuracy chart, where there is room for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.text import Text

from reports.columns import shortened
from reports.labels import Box, Label, boxes_along, place
from reports.pareto_chart import XY, Kind, Mark, ParetoChart
from reports.style import FAINT, INK, MUTED, PLUM, SMALL

LONGEST_NAME = 30
BAND = 0.1
"""The part of the axes' height that belongs to candidates never trained, where there are any."""

_RANK: Mapping[Kind, int] = {
    "front": 0,
    "front in doubt": 1,
    "dominated in doubt": 2,
    "dominated": 3,
    "over budget": 4,
}


@dataclass(frozen=True, kw_only=True)
class _Name:
    """A text and the place in pixels that it belongs to, with the room it takes to its width."""

    text: str
    at: XY
    colour: str
    size: float = SMALL
    room: float = 1.0


def write_names(axes: Axes, chart: ParetoChart) -> None:
    """Writes names beside marks; the baseline and the front choose first, published ones last.

    A name that no place is left for is not written: the tables have it.
    """
    point = axes.figure.dpi / 72
    names = _names(axes, chart)
    hard = [_around(*name.at, 3.2 * point) for name in names]
    named = [name for name in names if name.text]
    texts = [
        axes.text(0, 0, shortened(n.text, LONGEST_NAME, tail=8), fontsize=n.size, color=n.colour)
        for n in named
    ]
    labels = [_label(text, name) for text, name in zip(texts, named, strict=True)]
    bounds = Box(*axes.get_window_extent().extents)
    boxes = place(labels, bounds=bounds, hard=hard, soft=_clutter(axes, chart), gap=4 * point)
    for text, box, name in zip(texts, boxes, named, strict=True):
        _settle(axes, text, box, name.at)


def _names(axes: Axes, chart: ParetoChart) -> list[_Name]:
    """All marks in the order in which they choose, those without a name too."""
    marks = sorted(chart.marks, key=lambda m: (not m.baseline, _RANK[m.kind]))
    found = [_Name(text=m.label, at=_pixel(axes, m), colour=_ink(m)) for m in marks]
    for each in chart.published.marks:
        at = _at(axes, each.x, each.y)
        # Small letters are wider in print than on the screen they are measured for.
        found.append(_Name(text=each.label, at=at, colour=PLUM, size=SMALL, room=1.08))
    return found


def _label(text: Text, name: _Name) -> Label:
    size = text.get_window_extent()
    return Label(x=name.at[0], y=name.at[1], width=name.room * size.width, height=size.height)


def _settle(axes: Axes, text: Text, box: Box | None, at: XY) -> None:
    if box is None:
        text.remove()
        return
    _write(axes, text, box)
    if _distance(box, *at) > 6 * axes.figure.dpi / 72:
        _lead(axes, box, *at)


def _ink(mark: Mark) -> str:
    return INK if mark.kind.startswith("front") or mark.baseline else MUTED


def _pixel(axes: Axes, mark: Mark) -> XY:
    if mark.y is not None:
        return _at(axes, mark.x, mark.y)
    x, y = axes.get_xaxis_transform().transform((mark.x, BAND / 2))
    return float(x), float(y)


def _at(axes: Axes, x: float, y: float) -> XY:
    across, up = axes.transData.transform((x, y))
    return float(across), float(up)


def _around(x: float, y: float, half: float) -> Box:
    return Box(x - half, y - half, x + half, y + half)


def _clutter(axes: Axes, chart: ParetoChart) -> list[Box]:
    """The lines, bars and dots that a name had better not cover."""
    lines = [steps_of(chart.front)]
    for mark in chart.marks:
        if mark.y is not None and mark.sd is not None:
            lines.append([(mark.x, mark.y - mark.sd), (mark.x, mark.y + mark.sd)])
        if mark.y is not None and mark.span:
            lines.append([(x, mark.y) for x in mark.span])
    found = []
    for line in lines:
        pixels = [tuple(map(float, axes.transData.transform(corner))) for corner in line]
        found += boxes_along([(x, y) for x, y in pixels], 3.0)
    dots = [axes.transData.transform(dot) for mark in chart.marks for dot in mark.seeds]
    return found + [_around(float(x), float(y), 3.0) for x, y in dots]


def _write(axes: Axes, text: Any, box: Box) -> None:
    x, y = axes.transAxes.inverted().transform(((box.left + box.right) / 2, box.bottom))
    text.set(x=x, y=y, transform=axes.transAxes, ha="center", va="bottom", zorder=5)


def _distance(box: Box, x: float, y: float) -> float:
    near_x, near_y = _nearest(box, x, y)
    return float(((near_x - x) ** 2 + (near_y - y) ** 2) ** 0.5)


def _nearest(box: Box, x: float, y: float) -> XY:
    return min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)


def _lead(axes: Axes, box: Box, x: float, y: float) -> None:
    """A hair from a mark to a name that found room only further away."""
    ends = [axes.transAxes.inverted().transform(end) for end in (_nearest(box, x, y), (x, y))]
    axes.plot(*zip(*ends, strict=True), transform=axes.transAxes, color=FAINT, lw=0.6, zorder=1)


def steps_of(front: Sequence[XY]) -> list[XY]:
    """The corners of the line: level from each point to below the next, then up to it."""
    corners = list(front[:1])
    for (_, y0), (x1, y1) in pairwise(front):
        corners += [(x1, y0), (x1, y1)]
    return corners
