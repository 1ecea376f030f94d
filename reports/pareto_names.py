"""Writes the candidates' names into the speed-accuracy chart, or numbers that a key explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from reports.geometry import Floats, boxes_along
from reports.labels import XY, Box, Ground, Label, Place, place
from reports.pareto_chart import Kind, Mark, ParetoChart, on_paper
from reports.style import INK, MUTED, PAPER, PLUM, SMALL

LONGEST_NAME = 30
"""The letters of a name from which a number stands for it."""

BAND = 0.1
"""The part of the axes' height that belongs to candidates never trained, where there are any."""

RADIUS, GAP, LINE, AIR = 3.2, 3.5, 2.2, 2.0
"""Points: of a mark from its middle, from there to a name's box, of a line, and beside a name."""

PATIENCE = 40.0
"""What a name's place may cost, in points, before a number is put there."""

LEAD = "_lead to "
"""How a line from a mark to its name is called among the chart's lines."""

MOST_KEYED = 16
"""So many lines of a key explain numbers; published figures beyond it are in their table."""

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
    room: float = 1.0


def write_names(axes: Axes, chart: ParetoChart) -> list[str]:
    """Writes names beside marks, and gives those that only a number stands for, in its order.

    The baseline and the front choose first, published ones last. A number stands for a name that
    is long, or would not be seen to belong to its mark; numbers go up with the cost.
    """
    names = _names(axes, chart)
    places, numbered = _placed(axes, names, _ground(axes, chart))
    keyed = sorted(sorted(numbered & places.keys())[:MOST_KEYED], key=lambda i: names[i].at)
    texts = {index: names[index].text for index in places.keys() - numbered}
    texts |= {index: str(number) for number, index in enumerate(keyed, 1)}
    for index, text in sorted(texts.items()):
        _write(axes, replace(names[index], text=text), places[index])
    return [names[index].text for index in keyed]


def _placed(
    axes: Axes, names: Sequence[_Name], ground: Ground
) -> tuple[dict[int, Place], set[int]]:
    """Where names stand, by their places in the row, and those of them that are numbers there."""
    number = _size(axes, "8" * len(str(len(names))))
    numbered = {index for index, name in enumerate(names) if len(name.text) > LONGEST_NAME}
    # A name that is itself a number would be looked for in the key of the others.
    numbers = {index for index, name in enumerate(names) if name.text.isdecimal()}
    numbered |= numbers if numbered else set()
    sizes = [number if i in numbered else _size(axes, n.text, n.room) for i, n in enumerate(names)]
    while True:
        labels = [
            _label(axes, name.at, size, np.inf if index in numbered else PATIENCE)
            for index, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
        found = dict(enumerate(place(labels, ground)))
        lost = {index for index, each in found.items() if each is None}
        # Where a number finds no place either, all become numbers.
        fresh = (lost - numbered) or (found.keys() - numbered if lost else set())
        if not fresh:
            return {index: each for index, each in found.items() if each}, numbered
        numbered |= fresh | numbers
        sizes = [number if index in numbered else size for index, size in enumerate(sizes)]


def _names(axes: Axes, chart: ParetoChart) -> list[_Name]:
    """What is to be written, in the order in which it chooses."""
    marks = sorted(on_paper(chart.marks), key=lambda m: (not m.baseline, _RANK[m.kind]))
    found = [_Name(text=m.label, at=_pixel(axes, m), colour=_ink(m)) for m in marks]
    for each in chart.published.marks:
        at = _at(axes, each.x, each.y)
        # Small letters are wider in print than on the screen they are measured for.
        found.append(_Name(text=each.label, at=at, colour=PLUM, room=1.08))
    return found


def _size(axes: Axes, text: str, room: float = 1.0) -> XY:
    """How wide and high a text is, with the air beside it."""
    drawn = axes.text(0, 0, text, fontsize=SMALL)
    size = drawn.get_window_extent()
    drawn.remove()
    return room * size.width + 2 * AIR * _point(axes), size.height


def _label(axes: Axes, at: XY, size: XY, patience: float) -> Label:
    (x, y), (wide, high) = at, size
    return Label(x=x, y=y, width=wide, height=high, patience=patience * _point(axes))


def _point(axes: Axes) -> float:
    """The pixels of a point."""
    return axes.figure.dpi / 72


def _ground(axes: Axes, chart: ParetoChart) -> Ground:
    marks, point = [_pixel(axes, mark) for mark in chart.marks], _point(axes)
    written = [Box(*text.get_window_extent().extents) for text in axes.texts if text.get_text()]
    return Ground(
        bounds=Box(*axes.get_window_extent().extents),
        points=[*marks, *(_at(axes, each.x, each.y) for each in chart.published.marks)],
        radius=RADIUS * point,
        gap=GAP * point,
        hard=written,
        soft=_clutter(axes, chart, LINE * point),
        thick=LINE * point,
    )


def _clutter(axes: Axes, chart: ParetoChart, thick: float) -> Floats:
    """The lines, bars and dots that a name had better not cover."""
    steps = steps_of(chart.front)
    lines = [*pairwise(steps), *((dot, dot) for mark in chart.marks for dot in mark.seeds)]
    for mark in chart.marks:
        if mark.y is not None and mark.sd is not None:
            lines.append(((mark.x, mark.y - mark.sd), (mark.x, mark.y + mark.sd)))
        if mark.y is not None and mark.span:
            lines.append(((mark.span[0], mark.y), (mark.span[1], mark.y)))
    ends = axes.transData.transform(np.array(lines, dtype=float).reshape(-1, 2))
    return boxes_along(ends.reshape(-1, 4), thick)


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


def _write(axes: Axes, name: _Name, found: Place) -> None:
    """Writes a name with a veil over lines behind it, and its lead."""
    here = axes.transAxes
    side, x = _side(found.box, name.at[0], AIR * _point(axes))
    across, up = here.inverted().transform((x, found.box.bottom))
    look: Any = {"fontsize": SMALL, "color": name.colour, "ha": side, "va": "bottom"}
    veil = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.3}
    axes.text(across, up, name.text, transform=here, zorder=5, bbox=veil, **look)
    if found.lead:
        line: Any = {"lw": 0.6, "label": f"{LEAD}{name.text}"}
        ends = here.inverted().transform(found.lead)
        axes.plot(*ends.T, transform=here, color=name.colour, zorder=4.5, **line)


def _side(box: Box, x: float, air: float) -> tuple[str, float]:
    """To which side of its box a text is set, which is nearer to its mark, and from where on."""
    if x < box.left:
        return "left", box.left + air
    if x > box.right:
        return "right", box.right - air
    return "center", (box.left + box.right) / 2


def steps_of(front: Sequence[XY]) -> list[XY]:
    """The corners of the line: level from each point to below the next, then up to it."""
    corners = list(front[:1])
    for (_, y0), (x1, y1) in pairwise(front):
        corners += [(x1, y0), (x1, y1)]
    return corners
