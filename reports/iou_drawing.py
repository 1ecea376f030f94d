"""Draws the map of classes from its record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from reports.columns import MISSING
from reports.iou_map import IouMap, best_of, blocks_of, colour, ink
from reports.numbers_drawing import Number, Numbers
from reports.style import COLUMN_INCHES, MUTED, SMALL, Drawing, fitted, house, new_figure, widths

CELL_LEAST, CELL_MOST, CELL_HEIGHT = 0.235, 0.3, 0.19
"""Inches: a number has room in the least, and in the most a row still holds together."""

NAME_HEIGHT, CLASS_MOST = 0.15, 1.3
"""Inches: of a name above its row, and the most of the name of a class, which is set upright."""

BESIDE, MOST_BESIDE = 0.36, 40
"""The part of the width, and the letters, that names beside rows may have; else they are above."""

PAD, EDGE, APART = 0.03, 0.03, 0.16
"""Inches: between cells and names, around the map, and between blocks of classes."""

GAP, FOOT = 0.007, 0.125
"""Inches: of paper around a cell, and from its top to the foot of its number."""

XY = tuple[float, float]


TALLEST, FEWEST = 9.0, 5
"""Inches of a page, beyond which candidates are left out, and how many are drawn all the same."""


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where things stand, in inches from the upper left.

    ``blocks`` are classes by their places, each with so much head for their names. ``above`` is
    the room for a name over its row, 0 where names stand beside.
    """

    left: float
    above: float
    cell: float
    classes: Sequence[str]
    blocks: Sequence[tuple[range, float]]

    @property
    def row(self) -> float:
        """How high a row is, with its name if that is above it."""
        return self.above + CELL_HEIGHT

    @property
    def most(self) -> int:
        """The rows that a page has room for."""
        taken = sum(head + APART for _, head in self.blocks) + 2 * EDGE
        return max(FEWEST, int((TALLEST - taken) / (len(self.blocks) * self.row)))

    def tops(self, rows: int) -> Iterator[tuple[range, list[float]]]:
        """The classes of each block with the tops of the cells of so many rows."""
        top = EDGE
        for block, head in self.blocks:
            first = top + head + self.above
            yield block, [first + row * self.row for row in range(rows)]
            top += head + rows * self.row + APART

    def height(self, rows: int, noted: bool) -> float:
        """Of the whole map, with room for a note at its foot or without."""
        last = APART if noted else EDGE
        return EDGE + sum(head + rows * self.row + APART for _, head in self.blocks) - APART + last


def draw_iou(record: IouMap) -> Drawing:
    """The map with its numbers, as wide as a paper's column; many classes are blocks of rows.

    It is no higher than a page, and says so if that leaves candidates out.
    """
    with house():
        figure = new_figure(COLUMN_INCHES, 1.0)
        layout = _layout(figure, record)
        shown = best_of(record, layout.most)
        height = layout.height(len(shown.candidates), noted=bool(shown.num_left_out))
        figure.set_size_inches(COLUMN_INCHES, height)
        whole: Any = {"xlim": (0, COLUMN_INCHES), "ylim": (height, 0)}
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), **whole)
        axes.set_axis_off()
        _write_names(figure, axes, shown, layout)
        cells = list(_cells(shown, layout))
        known = [(value, at) for value, at in cells if value is not None]
        # All in one, with a colour for each: a shape a cell takes longer to draw than all else.
        shapes = [_corners(at, layout.cell) for _, at in known]
        fills = [colour(value) for value, _ in known]
        axes.add_collection(PolyCollection(shapes, facecolors=fills, lw=0), autolim=False)
        axes.add_artist(Numbers([_number(value, at, layout.cell) for value, at in cells]))
        return Drawing(figure=figure)


def _layout(figure: Figure, record: IouMap) -> _Layout:
    longest = _longest(figure, record.candidates)
    is_beside = longest <= BESIDE * COLUMN_INCHES
    left = EDGE + (longest + PAD if is_beside else 0.0)
    room = COLUMN_INCHES - EDGE - left
    blocks = blocks_of(len(record.classes), int(room / CELL_LEAST))
    classes = fitted(figure, record.classes, CLASS_MOST * figure.dpi, tail=12)
    tall = [each / figure.dpi for each in widths(figure, classes)]
    return _Layout(
        left=left,
        above=0.0 if is_beside else NAME_HEIGHT,
        cell=min(room / max(1, *map(len, blocks)), CELL_MOST),
        classes=classes,
        blocks=[(block, PAD + max((tall[i] for i in block), default=0.0)) for block in blocks],
    )


def _longest(figure: Figure, names: Sequence[str]) -> float:
    """The inches of the longest name; infinite if one has letters that no row has beside it."""
    if any(len(name) > MOST_BESIDE for name in names):
        return math.inf
    return max(widths(figure, names), default=0.0) / figure.dpi


def _write_names(figure: Figure, axes: Axes, shown: IouMap, layout: _Layout) -> None:
    names: Sequence[str] = shown.candidates
    small: Any = {"fontsize": SMALL}
    if layout.above:
        names = fitted(figure, names, (COLUMN_INCHES - 2 * EDGE) * figure.dpi, tail=12)
    upright: Any = {"rotation": 90, "ha": "center", "va": "bottom", **small}
    for block, tops in layout.tops(len(names)):
        for place, index in enumerate(block):
            x, y = layout.left + (place + 0.5) * layout.cell, tops[0] - layout.above - PAD
            axes.text(x, y, layout.classes[index], **upright)
        for name, y in zip(names, tops, strict=True):
            if layout.above:
                axes.text(layout.left, y - GAP, name, ha="left", va="bottom", **small)
            else:
                axes.text(layout.left - PAD, y + FOOT, name, ha="right", va="baseline", **small)
    if shown.num_left_out:
        many = len(names) + shown.num_left_out
        note = f"the {len(names)} of {many:,} candidates with the highest mIoU"
        axes.text(
            EDGE,
            layout.height(len(names), noted=True) - EDGE,
            note,
            ha="left",
            va="bottom",
            color=MUTED,
            **small,
        )


def _cells(shown: IouMap, layout: _Layout) -> Iterator[tuple[float | None, XY]]:
    """Each value with the upper left corner of its cell."""
    for block, tops in layout.tops(len(shown.candidates)):
        for values, y in zip(shown.values, tops, strict=True):
            for place, index in enumerate(block):
                yield values[index], (layout.left + place * layout.cell, y)


def _corners(at: XY, wide: float) -> list[XY]:
    left, right, top, bottom = at[0] + GAP, at[0] + wide - GAP, at[1] + GAP, at[1] + CELL_HEIGHT
    return [(left, bottom - GAP), (left, top), (right, top), (right, bottom - GAP)]


def _number(value: float | None, at: XY, wide: float) -> Number:
    text, shade = (MISSING, MUTED) if value is None else (f"{value:.1f}", ink(value))
    return Number(text=text, colour=shade, at=(at[0] + wide / 2, at[1] + FOOT))
