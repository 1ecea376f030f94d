"""The chart of effects: each change against the baseline with its interval, and what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from reports.columns import FIGURES, minus, plain
from reports.effects import Effect, Effects
from reports.paired import Word
from reports.shortening import shortened_apart
from reports.style import (
    BLUE,
    COLUMN_INCHES,
    FAINT,
    INK,
    LINE_INCHES,
    MUTED,
    PAPER,
    SMALL,
    Drawing,
    house,
    key_rows,
    names_of_rows,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

MOST_BARS = 40
LONGEST_NAME = 28
"""The letters from which a name is cut within; the table has it in full."""

ROW_INCHES, FOOT_INCHES, TOP_INCHES = 0.19, 0.55, 0.06
"""Of one bar, of what stands below the axis with one line of key, and of the air on top."""

FARTHEST = 4.0
"""How many times the largest effect the axis goes: two seeds give intervals of any width."""

_LOOKS: Mapping[Word, dict[str, Any]] = {
    "resolved": {"marker": "o", "mfc": BLUE, "mec": BLUE, "color": BLUE},
    "resolved if noise is normal": {"marker": "o", "mfc": PAPER, "mec": BLUE, "color": BLUE},
    "not resolved": {"marker": "s", "mfc": PAPER, "mec": MUTED, "color": MUTED},
    "no spread known": {"marker": "x", "mfc": MUTED, "mec": MUTED, "color": MUTED},
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One effect in the axis' unit; ``low`` to ``high`` is None where no spread is known."""

    name: str
    value: float
    low: float | None
    high: float | None
    word: Word


@dataclass(frozen=True, kw_only=True)
class EffectsChart:
    """All that the chart shows, top to bottom; the last ``num_interactions`` bars are such.

    ``limits`` are the ends of the axis; an interval that goes beyond ends in an arrow.
    """

    heading: str
    bars: tuple[Bar, ...]
    num_interactions: int
    limits: tuple[float, float]


def effects_chart(found: Effects) -> EffectsChart:
    """The first effects and interactions of a table, as many as a chart has room for."""
    column = FIGURES[found.key]
    rows = found.rows[:MOST_BARS]
    pairs = found.interactions[: MOST_BARS - len(rows)]
    bars = tuple(_bar(each, column.scale) for each in (*rows, *pairs))
    against = " against the baseline" if found.baseline else ""
    return EffectsChart(
        heading=f"Δ {column.label}{against} ({column.step})",
        bars=bars,
        num_interactions=len(pairs),
        limits=_limits(bars),
    )


def _bar(effect: Effect, scale: float) -> Bar:
    low, high = effect.found.low, effect.found.high
    return Bar(
        name=_name(effect),
        value=scale * effect.found.value,
        low=None if low is None else scale * low,
        high=None if high is None else scale * high,
        word=effect.word,
    )


def _name(effect: Effect) -> str:
    """What is changed, against what if not the baseline; the table says at how many settings."""
    plainly = effect.against in ("baseline", "no interaction")
    return plain(effect.change if plainly else f"{effect.change} against {effect.against}")


def _limits(bars: Sequence[Bar]) -> tuple[float, float]:
    """Zero, all effects, and their intervals unless these are many times as long."""
    far = FARTHEST * max((abs(each.value) for each in bars), default=0.0) or 1.0
    ends = [end for b in bars for end in (b.value, b.low, b.high) if end is not None]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    low, high = max(low, -far), min(high, far)
    air = 0.06 * (high - low or 1.0)
    return low - air, high + air


def draw_effects(chart: EffectsChart) -> Drawing:
    """The chart at the width of a paper's single column, a line an effect."""
    from matplotlib.lines import Line2D

    with house():
        words = [word for word in _LOOKS if any(each.word == word for each in chart.bars)]
        low = FOOT_INCHES + LINE_INCHES * (key_rows(words) - 1)
        tall = ROW_INCHES * (max(len(chart.bars), 1) + 0.3)
        height = low + tall + TOP_INCHES
        figure = new_figure(COLUMN_INCHES, height)
        axes = figure.add_axes((0.3, low / height, 0.655, tall / height))
        _frame(axes, chart)
        for place, each in enumerate(chart.bars):
            _draw_bar(axes, place, each, chart.limits)
        names = [each.name for each in chart.bars]
        names = shortened_apart(names, [LONGEST_NAME] * len(names), tail=11)
        _fit(axes, names_of_rows(axes, names, pad=3.0, at=0.0))
        handles = [Line2D([], [], label=word, **_mark(word)) for word in words]
        figure.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0.0, -0.005),
            ncols=-(-len(words) // key_rows(words)), frameon=False, fontsize=SMALL,
            handletextpad=0.1, columnspacing=1.0, borderpad=0.4,
        )  # fmt: skip
        return Drawing(figure=figure)


def _frame(axes: Axes, chart: EffectsChart) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    num = len(chart.bars)
    axes.set_xlabel(chart.heading, labelpad=2, loc="right")  # names leave little on the left
    axes.set_xlim(*chart.limits)
    axes.set_ylim(num - 0.35, -0.65)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: minus(f"{value:+g}")))
    axes.grid(True, axis="x")
    axes.axvline(0, color=INK, lw=0.7, zorder=1.5)
    if 0 < chart.num_interactions < num:
        axes.axhline(num - chart.num_interactions - 0.5, color=FAINT, lw=0.6, zorder=1)


def _mark(word: Word) -> dict[str, Any]:
    look = {key: value for key, value in _LOOKS[word].items() if key != "color"}
    return {**look, "ls": "", "ms": 4.2, "mew": 1.0}


def _draw_bar(axes: Axes, place: int, bar: Bar, limits: tuple[float, float]) -> None:
    if bar.low is not None and bar.high is not None:
        ends = max(bar.low, limits[0]), min(bar.high, limits[1])
        look: Any = {"color": _LOOKS[bar.word]["color"], "zorder": 3}
        axes.plot(ends, [place] * 2, lw=1.1, solid_capstyle="butt", **look)
        for end, shape in _arrows(bar, limits):
            axes.plot([end], [place], marker=shape, ms=3.4, mew=0, clip_on=False, **look)
    axes.plot([bar.value], [place], zorder=4, **_mark(bar.word))


def _arrows(bar: Bar, limits: tuple[float, float]) -> list[tuple[float, str]]:
    """The ends of the axis that an interval goes beyond, with the marker for each."""
    if bar.low is None or bar.high is None:
        return []
    ends = (bar.low < limits[0], bar.high > limits[1])
    return list(compress(zip(limits, "<>", strict=True), ends))


def _fit(axes: Axes, names: Sequence[Text]) -> None:
    """Moves the left edge to where the longest name fits."""
    figure, box = axes.figure, axes.get_position()
    wide = max((each.get_window_extent().width for each in names), default=0.0)
    left = wide / figure.bbox.width + 0.03
    axes.set_position((left, box.y0, box.x1 - left, box.height))


def effects_chart_caption(chart: EffectsChart, found: Effects) -> str:
    """How the chart is to be read, in a sentence or two."""
    cut = len(found.rows) + len(found.interactions) - len(chart.bars)
    arrows = any(_arrows(each, chart.limits) for each in chart.bars)
    return (
        "Each change with its 95 % interval over seeds, of that line alone. Blue is told from "
        "noise after Holm over the table, filled where flipping signs agrees; grey is not."
        + (" An arrow is an interval that goes on." if arrows else "")
        + (f" {cut} further lines are in the table only." if cut else "")
    )
