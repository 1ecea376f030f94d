"""Draws the map of classes from its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from reports.columns import MISSING, shortened
from reports.iou_map import IouMap, colour, ink
from reports.numbers_drawing import Number, Numbers
from reports.style import (
    COLUMN_INCHES,
    MUTED,
    SMALL,
    Drawing,
    house,
    names_of_rows,
    new_figure,
)

CELL_WIDTH, CELL_HEIGHT = 0.3, 0.2
LONGEST_NAME = 34

PAD = 2.0
"""Points between the cells and the names."""

BASELINE = 0.646
"""How far down in its row a number stands."""

Values = Sequence[Sequence[float | None]]


def draw_iou(record: IouMap) -> Drawing:
    """The map with its numbers; as wide as a paper's column, or wider for many classes."""
    with house():
        rows, columns = max(len(record.candidates), 1), max(len(record.classes), 1)
        figure = new_figure(COLUMN_INCHES, 1.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, columns), ylim=(rows, 0))
        axes.set_axis_off()
        names = [shortened(each, LONGEST_NAME, tail=9) for each in record.candidates]
        classes = _names_of_columns(axes, record.classes)
        left, top, right = _room(figure, names_of_rows(axes, names, pad=PAD, at=0.5), classes)
        width = max(COLUMN_INCHES, left + columns * CELL_WIDTH + right)
        height = top + rows * CELL_HEIGHT + 0.05
        figure.set_size_inches(width, height)
        across, down = (width - left - right) / width, rows * CELL_HEIGHT / height
        axes.set_position((left / width, 0.05 / height, across, down))
        _cells(axes, record.values)
        axes.add_artist(Numbers([_number(*each) for each in _places(record.values)]))
        return Drawing(figure=figure)


def _names_of_columns(axes: Axes, names: Sequence[str]) -> list[Text]:
    place, upright, _ = axes.get_xaxis_text2_transform(PAD)
    look: Any = {"transform": place, "va": upright, "ha": "left", "fontsize": SMALL}
    turn: Any = {"rotation": 40, "rotation_mode": "anchor"}
    return [axes.text(i + 0.5, 1, name, **look, **turn) for i, name in enumerate(names)]


def _room(
    figure: Figure, candidates: Sequence[Text], classes: Sequence[Text]
) -> tuple[float, float, float]:
    """The inches that names need at the left, and classes at the top and beyond the right."""
    names = [text.get_window_extent() for text in candidates]
    slanted = [text.get_window_extent() for text in classes]
    left = max((box.width for box in names), default=0.0) / figure.dpi
    top = max((box.height for box in slanted), default=0.0) / figure.dpi
    last = slanted[-1].width / figure.dpi if slanted else 0.0
    return left + 0.14, top + 0.1, max(last - CELL_WIDTH / 2, 0.0) + 0.06


def _cells(axes: Axes, values: Values) -> None:
    """All in one, with a colour for each: a shape a cell takes longer to draw than all else."""
    known = [(row, column, value) for row, column, value in _places(values) if value is not None]
    corners = [_corners(row, column) for row, column, _ in known]
    fills = [colour(value) for _, _, value in known]
    axes.add_collection(PolyCollection(corners, facecolors=fills, lw=0), autolim=False)


def _places(values: Values) -> Iterator[tuple[int, int, float | None]]:
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            yield row, column, value


def _corners(row: int, column: int) -> list[tuple[float, float]]:
    left, right, top, bottom = column + 0.03, column + 0.97, row + 0.04, row + 0.96
    return [(left, bottom), (left, top), (right, top), (right, bottom)]


def _number(row: int, column: int, value: float | None) -> Number:
    text, shade = (MISSING, MUTED) if value is None else (f"{value:.1f}", ink(value))
    return Number(text=text, colour=shade, at=(column + 0.5, row + BASELINE))
