"""The chart of a static sweep: all architectures, coloured by what separates them best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.columns import FIGURES, Column, is_missing, minus, plain
from reports.shortening import shortened_apart
from reports.style import (
    BLUE,
    COLUMN_INCHES,
    INK,
    LINE_INCHES,
    MUTED,
    ORANGE,
    SMALL,
    Drawing,
    house,
    key_rows,
    logarithmic,
    new_figure,
    wrapped,
)
from reports.sweep import Sweep, share_explained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TALL_INCHES, FOOT_INCHES = 1.8, 0.38
LONGEST = 40
"""The letters from which a value's name is cut."""

LOG_FROM = 30.0
"""The ratio of the largest to the smallest from which an axis is logarithmic."""

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (INK, "^"), ("#3c9d72", "D"), ("#b0579c", "v"), (MUTED, "P"))
"""Colour and shape of each group: a reader who cannot tell colours has the shapes."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The architectures that share one value of the factor that colours the chart."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class SweepChart:
    """All that the chart shows; ``rank`` is Spearman's correlation of both axes, if it is known."""

    x: Column
    y: Column
    factor: str | None
    groups: tuple[Group, ...]
    rank: float | None
    subtitle: str


def sweep_chart(found: Sweep) -> SweepChart:
    """GMACs across, upwards latency if it was timed, else parameters."""
    timed = any(column.key == "latency_ms" for column in found.columns)
    x, y = FIGURES["gmacs"], FIGURES["latency_ms" if timed else "params"]
    rows = [r for r in found.rows if not (is_missing(r.get(x.key)) or is_missing(r.get(y.key)))]
    factor = _factor(rows, y.key)
    groups: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        value = plain(row["factors"].get(factor, row["candidate"])) if factor else ""
        groups.setdefault(value, []).append((x.number(row[x.key]) or 0, y.number(row[y.key]) or 0))
    labels = shortened_apart(list(groups), [LONGEST] * len(groups))
    return SweepChart(
        x=x,
        y=y,
        factor=plain(factor) if factor else None,
        groups=tuple(
            Group(label=label, points=tuple(points))
            for label, points in zip(labels, groups.values(), strict=True)
        ),
        rank=_rank([point for points in groups.values() for point in points]),
        subtitle=_subtitle(rows),
    )


def _factor(rows: Sequence[Any], key: str) -> str | None:
    """The factor of 2 to 6 values that explains most of a figure's variance."""
    names = dict.fromkeys(name for row in rows for name in row["factors"])
    few = [
        name
        for name in names
        if 2 <= len({str(row["factors"].get(name)) for row in rows}) <= len(LOOKS)
    ]
    return max(few, key=lambda name: share_explained(rows, name, key), default=None)


def _rank(points: Sequence[tuple[float, float]]) -> float | None:
    sides = list(zip(*points, strict=True))
    if len(points) < 4 or min(len(set(side)) for side in sides) < 2:
        return None
    from scipy import stats  # late, as in reports.statistics

    return float(stats.spearmanr(*sides).statistic)


def _subtitle(rows: Sequence[Any]) -> str:
    sizes = ", ".join(dict.fromkeys(str(row["cost_size"]) for row in rows))
    devices = dict.fromkeys(str(r["latency_device"]) for r in rows if r.get("latency_device"))
    timed = f"; latency on {', '.join(map(plain, devices))}" if devices else ""
    return f"{len(rows)} architectures at {sizes}{timed}"


def draw_sweep(chart: SweepChart) -> Drawing:
    """The chart at the width of a paper's single column, higher where it needs more words."""
    with house():
        rank = "" if chart.rank is None else f"; rank correlation {minus(f'{chart.rank:.2f}')}"
        lines = wrapped(f"{chart.subtitle}{rank}")
        rows = key_rows([group.label for group in chart.groups])
        head = 0.1 + LINE_INCHES * (len(lines) + (rows + 1.5 if chart.factor else 0.5))
        height = FOOT_INCHES + TALL_INCHES + head
        figure = new_figure(COLUMN_INCHES, height)
        axes = figure.add_axes((0.15, FOOT_INCHES / height, 0.82, TALL_INCHES / height))
        _dots(axes, chart)
        axes.set_xlabel(chart.x.heading, labelpad=2)
        axes.set_ylabel(chart.y.heading, labelpad=3)
        axes.grid(True)
        look: Any = {"va": "top", "linespacing": 1.35, "fontsize": SMALL, "color": MUTED}
        figure.text(0.012, 1 - 0.05 / height, "\n".join(lines), **look)
        if chart.factor:
            axes.legend(
                loc="lower left", bbox_to_anchor=(-0.17, 1.0), ncols=-(-len(chart.groups) // rows),
                title=chart.factor, frameon=False, fontsize=SMALL, title_fontsize=SMALL,
                alignment="left", handletextpad=0.1, columnspacing=1.0, borderpad=0.1,
            )  # fmt: skip
        return Drawing(figure=figure)


def _dots(axes: Axes, chart: SweepChart) -> None:
    for group, (colour, marker) in zip(chart.groups, LOOKS, strict=False):
        xs, ys = zip(*group.points, strict=True)
        axes.plot(
            xs, ys, ls="", marker=marker, ms=2.6, mew=0, alpha=0.6, color=colour, label=group.label
        )
    points = [point for group in chart.groups for point in group.points]
    xs, ys = zip(*points, strict=True)
    if max(xs) > LOG_FROM * min(xs) > 0:
        logarithmic(axes, "x")
    if max(ys) > LOG_FROM * min(ys) > 0:
        logarithmic(axes, "y")
