"""Which published figures the speed-accuracy chart can bear, and what it says of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.papers import Published
from reports.columns import Column, plain
from reports.phrases import MOST_NAMED, count, listed
from reports.published import figure_of, size_text

REACH = 1.0
"""How far beyond what was measured, as a share of its range, a published point may lie.

The measured points keep half of an axis if published ones lie on one side of them.
"""


@dataclass(frozen=True, kw_only=True)
class PublishedMark:
    """One published row on the chart, in the units of the axes."""

    label: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Field:
    """The measured values along one axis, in its units, and how the axis is spaced.

    ``lone`` is whether they are of one candidate, whose range there is no need to keep wide.
    """

    column: Column
    values: Sequence[float]
    log: bool = False
    lone: bool = False

    def bears(self, value: float) -> bool:
        """Whether the axis can hold a value too and the measured ones stay apart."""
        low, high = self._spaced(min(self.values)), self._spaced(max(self.values))
        reach = abs(high) / 2 if self.lone or high == low else REACH * (high - low)
        return low - reach <= self._spaced(value) <= high + reach

    def _spaced(self, value: float) -> float:
        if not self.log:
            return value
        return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """The published points of a chart, and what its head and its caption say of them."""

    marks: tuple[PublishedMark, ...] = ()
    subtitle: str = ""
    caption: tuple[str, ...] = ()


def overlay(rows: Sequence[Published], x: Field, y: Field) -> Overlay:
    """The rows that have both figures of the chart and lie near what was measured.

    Nothing where nothing was measured that they could stand beside.
    """
    if not (x.values and y.values):
        return Overlay()
    places = {i: place for i, row in enumerate(rows) if (place := _place(row, x, y))}
    near = [i for i, (a, b) in places.items() if x.bears(a) and y.bears(b)]
    drawn, keys = [rows[i] for i in near], (x.column.key, y.column.key)
    labels = _labels(drawn)
    return Overlay(
        marks=tuple(
            PublishedMark(label=label, x=places[i][0], y=places[i][1])
            for i, label in zip(near, labels, strict=True)
        ),
        subtitle=_head(drawn, keys) if drawn else "",
        caption=tuple(
            _sentences(
                drawn=drawn,
                far=[rows[i] for i in places if i not in near],
                rest=[row for i, row in enumerate(rows) if i not in places],
                keys=keys,
            )
        ),
    )


def _place(row: Published, x: Field, y: Field) -> tuple[float, float] | None:
    across, up = (f.column.number(figure_of(row, f.column.key)) for f in (x, y))
    return None if across is None or up is None else (across, up)


def _labels(rows: Sequence[Published]) -> list[str]:
    """The rows' labels, with what tells them apart where one label names several."""
    same = Counter(row.label for row in rows)
    return [plain(", ".join((row.label, *_own(row, rows))) if same[row.label] > 1 else row.label)
            for row in rows]  # fmt: skip


def _own(row: Published, rows: Sequence[Published]) -> list[str]:
    namesakes = [each for each in rows if each.label == row.label]
    words = {"dataset": row.dataset, "device": row.device, "size": size_text(row.size)}
    return [
        word
        for name, word in words.items()
        if word and len({getattr(each, name) for each in namesakes}) > 1
    ]


def _circumstances(row: Published, keys: Iterable[str]) -> tuple[str, ...]:
    """Source, data set, size and device of a row, as far as its paper says them."""
    counted = size_text(row.counted_at) if "gmacs" in keys else ""
    unknown = "device not said" if "latency_ms" in keys else ""
    return (
        plain(row.source),
        plain(row.dataset),
        f"input {size_text(row.size)}" if row.size else "",
        f"counted at {counted}" if counted else "",
        plain(row.device or unknown),
    )


def _head(rows: Sequence[Published], keys: tuple[str, ...]) -> str:
    """One line for all rows, which a chart carries where its caption does not go."""
    columns = zip(*(_circumstances(row, keys) for row in rows), strict=True)
    words = [", ".join(dict.fromkeys(filter(None, column))) for column in columns]
    return f"published (not comparable): {'; '.join(filter(None, words))}"


def _sentences(
    *,
    drawn: Sequence[Published],
    far: Sequence[Published],
    rest: Sequence[Published],
    keys: tuple[str, ...],
) -> Iterable[str]:
    if drawn:
        yield (
            "Hollow squares are published figures, taken in another way and not comparable with "
            f"the measured ones: {_grouped([(r, _circumstances(r, keys)) for r in drawn])}."
        )
    if far:
        yield (
            "Published, but too far from the measured figures to be drawn: "
            f"{_grouped([(row, (plain(row.source),)) for row in far])}."
        )
    if rest:
        names = list(dict.fromkeys(plain(row.label) for row in rest))
        cut = [*names[:MOST_NAMED], count(len(names) - MOST_NAMED, "other")]
        few = names if len(names) <= MOST_NAMED else cut
        yield f"Published, but without one of the chart's two figures: {listed(few)}."


def _grouped(rows: Iterable[tuple[Published, tuple[str, ...]]]) -> str:
    """Labels in a row, with the circumstances they share in brackets."""
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    for row, shared in rows:
        groups.setdefault(shared, {})[plain(row.label)] = None
    return "; ".join(
        f"{listed(list(labels))} ({', '.join(filter(None, shared))})"
        for shared, labels in groups.items()
    )
