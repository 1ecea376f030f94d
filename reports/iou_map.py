"""The IoU of every class and candidate, as a record and as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.columns import MISSING, plain, shortened
from reports.style import COLUMN_INCHES, MUTED, SMALL, Drawing, house, new_figure
from reports.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, float, float]

MOST_CANDIDATES = 40
CELL_WIDTH, CELL_HEIGHT = 0.3, 0.2
LONGEST_NAME = 34

# From light to dark in one hue, so that it reads in grey and for every eye. Cells keep their
# colours on dark paper, and so do the numbers in them.
_HUES = ("#f3f7fb", "#9fc6e6", "#3b86c4", "#0a3d6b")
_STOPS = [[int(each[at : at + 2], 16) / 255 for at in (1, 3, 5)] for each in _HUES]
LEVELS = 256
"""So many colours the ramp has."""

_DARK_TEXT, _LIGHT_TEXT = "#000000", "#ffffff"
_EVEN = 0.179
"""The luminance on which black and white stand out alike (WCAG 2, 4.6 to 1)."""
STEPS = 20
"""The steps of the ramp that a page has, one for each five percent."""


@dataclass(frozen=True, kw_only=True)
class IouMap:
    """Candidates by classes, in percent; None where a class is absent from the scored images.

    ``absent`` lists those classes; ``num_left_out`` counts the candidates beyond the best 40.
    """

    candidates: tuple[str, ...]
    classes: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    absent: tuple[str, ...]
    num_left_out: int = 0

    @property
    def caption(self) -> str:
        """What the map shows, in words."""
        text = "IoU of each class in percent, mean over seeds."
        if self.absent:
            text += (
                f" Absent from the scored images, and so left out of mIoU: {_join(self.absent)}."
            )
        if self.num_left_out:
            text += f" Shown are the {len(self.candidates)} candidates of highest mIoU."
        return text


def iou_map(verdict: Verdict) -> IouMap:
    """The map of all candidates that have per-class scores, in plan order."""
    scored = [each.candidate for each in verdict.standings if each.candidate.iou]
    best = sorted(scored, key=lambda each: -(each.mean("miou") or 0))[:MOST_CANDIDATES]
    names = {each.name for each in best}
    kept = [each for each in scored if each.name in names]
    classes = tuple(dict.fromkeys(name for each in kept for name in each.iou))
    values = tuple(tuple(_percent(each.iou.get(name)) for name in classes) for each in kept)
    columns = zip(classes, zip(*values, strict=True), strict=True)
    absent = [name for name, column in columns if all(value is None for value in column)]
    return IouMap(
        candidates=tuple(plain(each.name) for each in kept),
        classes=tuple(map(plain, classes)),
        values=values,
        absent=tuple(map(plain, absent)),
        num_left_out=len(scored) - len(kept),
    )


@dataclass(frozen=True, kw_only=True)
class Shade:
    """The colours of one step of the ramp, and of a number on it."""

    paper: str
    ink: str


def shades() -> tuple[Shade, ...]:
    """The ramp from 0 to 100 %, a step at a time."""
    whole = [100 * step / STEPS for step in range(STEPS + 1)]
    return tuple(Shade(paper=_hex(_colour(each)), ink=_ink(each)) for each in whole)


def _colour(value: float) -> Colour:
    """The colour of a percentage, one of ``LEVELS``; red, green and blue from 0 to 1."""
    # Without matplotlib, which a page does not need otherwise.
    at = min(int(LEVELS * value / 100), LEVELS - 1) / (LEVELS - 1)
    places = np.linspace(0, 1, len(_HUES))
    red, green, blue = (float(np.interp(at, places, each)) for each in zip(*_STOPS, strict=True))
    return red, green, blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * each):02x}" for each in colour)


def step_of(value: float) -> int:
    """Which step of the ramp a percentage has."""
    return round(value / 100 * STEPS)


def _ink(value: float) -> str:
    """Black or white, whichever can be read on a percentage's colour."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _colour(value)]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _LIGHT_TEXT if luminance < _EVEN else _DARK_TEXT


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)


def draw_iou(record: IouMap) -> Drawing:
    """The map with its numbers; as wide as a paper's column, or wider for many classes."""
    with house():
        rows, columns = max(len(record.candidates), 1), max(len(record.classes), 1)
        figure = new_figure(COLUMN_INCHES, 1.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        _label(axes, record)
        left, top, right = _room(figure, axes)
        width = max(COLUMN_INCHES, left + columns * CELL_WIDTH + right)
        height = top + rows * CELL_HEIGHT + 0.05
        figure.set_size_inches(width, height)
        across, down = (width - left - right) / width, rows * CELL_HEIGHT / height
        axes.set_position((left / width, 0.05 / height, across, down))
        for row, values in enumerate(record.values):
            _row(axes, row, values)
        return Drawing(figure=figure)


def _label(axes: Axes, record: IouMap) -> None:
    axes.set_xlim(0, max(len(record.classes), 1))
    axes.set_ylim(max(len(record.candidates), 1), 0)
    axes.xaxis.tick_top()
    axes.set_xticks(
        [i + 0.5 for i in range(len(record.classes))],
        record.classes, rotation=40, ha="left", rotation_mode="anchor", fontsize=SMALL,
    )  # fmt: skip
    names = [shortened(each, LONGEST_NAME, tail=9) for each in record.candidates]
    axes.set_yticks([i + 0.5 for i in range(len(names))], names, fontsize=SMALL)
    axes.tick_params(length=0, pad=2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _room(figure: Figure, axes: Axes) -> tuple[float, float, float]:
    """The inches that names need at the left, and classes at the top and beyond the right."""
    names = [text.get_window_extent() for text in axes.get_yticklabels()]
    classes = [text.get_window_extent() for text in axes.get_xticklabels()]
    left = max((box.width for box in names), default=0.0) / figure.dpi
    top = max((box.height for box in classes), default=0.0) / figure.dpi
    last = classes[-1].width / figure.dpi if classes else 0.0
    return left + 0.14, top + 0.1, max(last - CELL_WIDTH / 2, 0.0) + 0.06


def _row(axes: Axes, row: int, values: Sequence[float | None]) -> None:
    known = [(column, value) for column, value in enumerate(values) if value is not None]
    # One shape a row: one a cell takes longer to draw than all else in a report.
    spans = [(column + 0.03, 0.94) for column, _ in known]
    fills = [_colour(value) for _, value in known]
    axes.broken_barh(spans, (row + 0.04, 0.92), facecolors=fills, lw=0)
    for column, value in enumerate(values):
        text, colour = (MISSING, MUTED) if value is None else (f"{value:.1f}", _ink(value))
        axes.text(
            column + 0.5, row + 0.52, text,
            color=colour, ha="center", va="center", fontsize=SMALL,
        )  # fmt: skip
