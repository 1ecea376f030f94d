"""Draws the speed-accuracy chart from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from reports.pareto_chart import KIND_WORDS, XY, Kind, Mark, ParetoChart, extent
from reports.pareto_names import BAND, steps_of, write_names
from reports.style import (
    BLUE,
    COLUMN_INCHES,
    FAINT,
    GRID,
    INK,
    KEY_WIDTH,
    LINE_INCHES,
    MUTED,
    ORANGE,
    PAPER,
    PLUM,
    SMALL,
    Drawing,
    house,
    in_columns,
    key_rows,
    logarithmic,
    new_figure,
    wrapped,
)

TALL_INCHES, FOOT_INCHES, EDGE_INCHES = 1.8, 0.6, 0.05
"""Of the axes, of what stands below them with one line of key, and of what is left free on top."""

_LOOKS: Mapping[Kind, dict[str, Any]] = {
    "front": {"marker": "o", "markerfacecolor": BLUE, "markeredgecolor": BLUE},
    "front in doubt": {"marker": "o", "markerfacecolor": PAPER, "markeredgecolor": BLUE},
    "dominated": {"marker": "o", "markerfacecolor": MUTED, "markeredgecolor": MUTED},
    "dominated in doubt": {"marker": "o", "markerfacecolor": PAPER, "markeredgecolor": MUTED},
    "over budget": {"marker": "x", "markerfacecolor": ORANGE, "markeredgecolor": ORANGE},
}


def draw_pareto(chart: ParetoChart) -> Drawing:
    """The chart at the width of a paper's single column, higher where it needs more words."""
    with house():
        entries = _entries(chart)
        lines = [line for text in chart.subtitle for line in wrapped(text)]
        printed = wrapped(chart.published.subtitle)
        head = 2 * EDGE_INCHES + LINE_INCHES * (len(lines) + len(printed))
        figure = new_figure(COLUMN_INCHES, TALL_INCHES)
        axes = figure.add_axes((0.1, 0.0, 0.855, 1.0))
        _frame(axes, chart)
        _front(axes, chart)
        _published(axes, chart)
        _crowd(axes, chart)
        _bars(axes, chart.marks)
        # One line for marks that are alike and follow each other: one each takes twice as long.
        for _, alike in groupby(chart.marks, lambda each: (each.kind, each.baseline)):
            _marks(axes, list(alike))
        _fit_left(axes)
        columns = in_columns(figure, write_names(axes, chart))
        below = LINE_INCHES * max(map(len, columns), default=0)
        low = FOOT_INCHES + LINE_INCHES * (_key_rows(entries) - 1) + below
        # Where axes and names stand in inches stays as it is; the paper grows around them.
        height = low + TALL_INCHES + head
        figure.set_size_inches(COLUMN_INCHES, height)
        box = axes.get_position()
        axes.set_position((box.x0, low / height, box.width, TALL_INCHES / height))
        _head(figure, lines, printed)
        _key(figure, entries, below / height)
        _numbers(figure, columns, below / height)
        return Drawing(figure=figure)


def _crowd(axes: Axes, chart: ParetoChart) -> None:
    """Very many candidates, as a picture within the drawing: as shapes they would fill the page."""
    if chart.crowd:
        look: Any = {"ls": "", "marker": ".", "ms": 1.6, "mew": 0, "color": FAINT}
        axes.plot(*zip(*chart.crowd, strict=True), zorder=1.2, rasterized=True, **look)


def _head(figure: Figure, lines: Sequence[str], printed: Sequence[str]) -> None:
    """How the axes were measured, and below it in its own colour where published points are from.

    A blank line of the one stands where the other is written.
    """
    y = 1 - EDGE_INCHES / figure.get_figheight()
    look: Any = {"va": "top", "linespacing": 1.35, "fontsize": SMALL}
    figure.text(0.012, y, "\n".join(lines), color=MUTED, **look)
    if printed:
        figure.text(0.012, y, "\n".join([*("" for _ in lines), *printed]), color=PLUM, **look)


_NOTE: Mapping[str, Any] = {"fontsize": SMALL, "color": MUTED}
_PRINTED: Mapping[str, Any] = {
    "ls": "", "marker": "s", "ms": 3.6, "mew": 0.8, "mfc": PAPER, "mec": PLUM,
}  # fmt: skip


def _frame(axes: Axes, chart: ParetoChart) -> None:
    axes.set_xlabel(chart.x.heading, labelpad=2)
    axes.set_ylabel(chart.y.heading, labelpad=3)
    axes.grid(True)
    xs, ys = extent(chart.marks, chart.crowd)
    xs += [each.x for each in chart.published.marks]
    ys += [each.y for each in chart.published.marks]
    if not xs:
        middle: Any = {"ha": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "no candidate has both figures", **middle, **_NOTE)
        axes.set(xticks=[], yticks=[])
        return
    if chart.log:
        logarithmic(axes, "x")
        axes.set_xlim(min(xs) / 1.3, max(xs) * 1.5)
    else:
        axes.set_xlim(*_roomy(xs, 0.06, 0.12))
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    untrained = any(mark.y is None for mark in chart.marks)
    axes.set_ylim(*_roomy(ys, 0.3 if untrained else 0.12, 0.14))
    axes.yaxis.set_major_locator(MaxNLocator(5 if ys else 1, steps=[1, 2, 5, 10]))
    if untrained:
        _band(axes)


def _band(axes: Axes) -> None:
    """A strip at the foot for candidates that have a cost but were never trained."""
    place: Any = {"transform": axes.transAxes, "zorder": 1.5}
    axes.add_patch(Rectangle((0, 0), 1, BAND, color=GRID, lw=0, **place))
    axes.text(0.008, BAND / 2, "not trained", va="center", transform=axes.transAxes, **_NOTE)
    low, high = axes.get_ylim()
    axes.set_yticks([y for y in axes.get_yticks() if low + BAND * (high - low) < y <= high])


def _fit_left(axes: Axes) -> None:
    """Moves the left edge to where the longest number beside it fits."""
    figure, numbers = axes.figure, axes.yaxis.get_tightbbox()
    assert numbers is not None, "an axis without numbers"
    wide = axes.get_window_extent().x0 - numbers.x0
    left = (wide + 0.02 * figure.bbox.width) / figure.bbox.width
    box = axes.get_position()
    axes.set_position((left, box.y0, box.x1 - left, box.height))


def _roomy(values: Sequence[float], below: float, above: float) -> XY:
    """The limits of an axis, with some air and never without width."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    wide = (high - low) or abs(high) * 0.1 or 1.0
    return low - below * wide, high + above * wide


def _front(axes: Axes, chart: ParetoChart) -> None:
    steps = steps_of(chart.front)
    if not steps:
        return
    axes.plot(*zip(*steps, strict=True), color=BLUE, alpha=0.4, lw=1.3, zorder=2)
    # Where the front goes on without a candidate: down at the cheapest, level after the dearest.
    (x0, y0), (x1, y1) = steps[0], steps[-1]
    edges = axes.get_ylim()[0 if chart.y.direction == "max" else 1], axes.get_xlim()[1]
    for xs, ys in (((x0, x0), (y0, edges[0])), ((x1, edges[1]), (y1, y1))):
        axes.plot(xs, ys, color=BLUE, alpha=0.5, lw=0.7, ls=(0, (1, 2)), zorder=1)


def _published(axes: Axes, chart: ParetoChart) -> None:
    for each in chart.published.marks:
        axes.plot([each.x], [each.y], zorder=2.5, **_PRINTED)


def _bars(axes: Axes, marks: Sequence[Mark]) -> None:
    """The spread of each accuracy and the interval of each cost."""
    bars: list[tuple[tuple[XY, XY], str]] = []
    for mark in marks:
        colour = _LOOKS[mark.kind]["markeredgecolor"]
        if mark.y is not None and mark.sd is not None:
            bars.append((((mark.x, mark.y - mark.sd), (mark.x, mark.y + mark.sd)), colour))
        if mark.y is not None and mark.span:
            low, high = mark.span
            bars.append((((low, mark.y), (high, mark.y)), colour))
    look: Any = {"colors": [colour for _, colour in bars], "lw": 0.7, "capstyle": "butt"}
    lines = LineCollection([ends for ends, _ in bars], zorder=3, **look)
    axes.add_collection(lines, autolim=False)


def _marks(axes: Axes, alike: Sequence[Mark]) -> None:
    """Marks of one kind and shape, with the dots of their seeds."""
    kind, baseline = alike[0].kind, alike[0].baseline
    look = {**_LOOKS[kind], "ls": ""}
    untrained = [mark.x for mark in alike if mark.y is None]
    if untrained:
        place = axes.get_xaxis_transform()
        axes.plot(untrained, [BAND / 2] * len(untrained), transform=place, ms=3.6, **look)
    dots = [dot for mark in alike if mark.y is not None for dot in mark.seeds]
    if dots:
        small: Any = {"ls": "", "marker": "o", "ms": 2.4, "mew": 0.4, "mec": PAPER}
        axes.plot(*zip(*dots, strict=True), **small, mfc=look["markeredgecolor"], zorder=3.5)
    means = [(mark.x, mark.y) for mark in alike if mark.y is not None]
    if means:
        shape = {"marker": "D", "ms": 4.0} if baseline and kind != "over budget" else {"ms": 4.4}
        axes.plot(*zip(*means, strict=True), **{**look, **shape}, mew=1.0, zorder=4)


def _entries(chart: ParetoChart) -> list[Line2D]:
    kinds = [kind for kind in _LOOKS if any(mark.kind == kind for mark in chart.marks)]
    entries = [
        Line2D([], [], ls="", ms=4, mew=1.0, label=KIND_WORDS[k], **_LOOKS[k]) for k in kinds
    ]
    if any(mark.baseline for mark in chart.marks):
        entries.append(
            Line2D([], [], ls="", marker="D", ms=3.6, mfc=PAPER, mec=INK, label="baseline")
        )
    if chart.published.marks:
        entries.append(Line2D([], [], label="published", **_PRINTED))
    return entries


def _key_rows(entries: Sequence[Line2D]) -> int:
    return key_rows([str(each.get_label()) for each in entries])


def _numbers(figure: Figure, columns: Sequence[Sequence[str]], top: float) -> None:
    """What the numbers in the chart stand for, at the foot of the paper."""
    look: Any = {"va": "top", "linespacing": 1.35, "fontsize": SMALL, "color": INK}
    for place, lines in enumerate(columns):
        x = 0.025 + KEY_WIDTH * place / len(columns)
        figure.text(x, top, "\n".join(lines), **look)


def _key(figure: Figure, entries: Sequence[Line2D], low: float) -> None:
    if entries:
        figure.legend(
            handles=entries, loc="lower left", bbox_to_anchor=(0.0, low - 0.01),
            ncols=-(-len(entries) // _key_rows(entries)), frameon=False, fontsize=SMALL,
            handletextpad=0.1, columnspacing=1.0, borderpad=0.4,
        )  # fmt: skip
