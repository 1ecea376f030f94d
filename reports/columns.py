"""The one table of what a report can show: key, label, unit, direction and format."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from harness.study import DIRECTIONS

MISSING = "\N{EN DASH}"

MOST_DECIMALS = 17
"""A number has no more digits than that, so more decimals would tell nothing apart."""

SMALL_DIGITS, MOST_PLACES = 3, 9
"""How many digits a counted figure below its second last decimal has, in at most how many."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one figure is named and written.

    ``scale`` turns the value of a row into what a reader sees (0.352 -> 35.2 %). A ``seeded``
    figure changes with the seed of a training run. ``step`` is the unit of a difference.
    Of a ``counted`` one, which has no noise, small values are given more decimals.
    """

    key: str
    label: str
    unit: str = ""
    scale: float = 1.0
    decimals: int | None = None
    counted: bool = False
    seeded: bool = False
    step: str = ""

    @property
    def direction(self) -> str | None:
        """Which way is better, ``max`` or ``min``; None for what is not judged."""
        return DIRECTIONS.get(self.key)

    @property
    def heading(self) -> str:
        """Label and unit, for table heads and axes."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def number(self, value: Any) -> float | None:
        """The value as a reader sees it; None where it is missing."""
        return None if is_missing(value) else float(value) * self.scale

    def text(self, value: Any) -> str:
        """The value without its unit; a dash where it is missing."""
        if is_missing(value):
            return MISSING
        if self.decimals is None:
            return plain(value)
        return minus(f"{float(value) * self.scale:.{self._places(value)}f}")

    def with_unit(self, value: Any) -> str:
        """The value with its unit, for running text."""
        return f"{self.text(value)}\N{NO-BREAK SPACE}{self.unit}" if self.unit else self.text(value)

    def difference(self, value: float) -> str:
        """A signed difference without its unit."""
        return minus(f"{value * self.scale:+.{self._places(value)}f}")

    def finer(self, values: Collection[float]) -> Column:
        """The column with as many decimals as tell some values apart that are not the same."""
        fewest = self.decimals or 0
        more = (replace(self, decimals=n, counted=False) for n in range(fewest + 1, MOST_DECIMALS))
        num = len(set(values))
        found = (each for each in (self, *more) if len({*map(each.text, values)}) == num)
        return next(found, self)

    def _places(self, value: Any) -> int:
        """The decimals of a value; more of one that they would leave with a single digit."""
        size, places = abs(float(value)) * self.scale, self.decimals or 0
        if not self.counted or not 0 < size < 10.0 ** (1 - places):
            return places
        return min(SMALL_DIGITS - 1 - math.floor(math.log10(size)), MOST_PLACES)


def is_missing(value: Any) -> bool:
    """Whether a figure was not measured, or is not a number."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def plain(value: Any) -> str:
    """Text on one line, without the control characters a user's name may hold."""
    words = " ".join(str(value).split())
    if words.isprintable():  # nearly always, and much is asked for very often
        return words
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def quoted(name: Any) -> str:
    """A name on one line, in quotation marks where its own commas would blur a sentence."""
    words = plain(name)
    return f"“{words}”" if ", " in words else words


def shortened(name: str, longest: int, tail: int = 0) -> str:
    """A name of at most so many letters, cut before its last ``tail`` ones."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 1 - tail]}…{name[len(name) - tail :]}"


def minus(number: str) -> str:
    """A written number with a typographic minus, and none before zero."""
    if not number.strip("+-0."):
        return number.lstrip("+-")
    return number.replace("-", "\N{MINUS SIGN}")


FIGURES = {
    column.key: column
    for column in (
        Column(
            key="miou", label="mIoU", unit="%", scale=100, decimals=1, seeded=True, step="points"
        ),
        Column(
            key="pixel_accuracy",
            label="pixel accuracy",
            unit="%",
            scale=100,
            decimals=1,
            seeded=True,
            step="points",
        ),
        Column(key="latency_ms", label="latency", unit="ms", decimals=2, step="ms"),
        Column(key="gmacs", label="GMACs", decimals=3, counted=True),
        Column(
            key="params", label="params", unit="M", scale=1e-6, decimals=3, counted=True, step="M"
        ),
        Column(
            key="activations",
            label="activations",
            unit="M",
            scale=1e-6,
            decimals=3,
            counted=True,
            step="M",
        ),
    )
}
"""What a study may aim at, in the order that tables show it."""

DATA = (
    Column(key="dataset", label="data set"),
    Column(key="label_map", label="label map"),
    Column(key="num_classes", label="classes"),
    Column(key="size", label="scored at (HxW)"),
    Column(key="num_images", label="images scored"),
    Column(key="scoring_size", label="image given (HxW)"),
    Column(key="scoring_mode", label="image seen"),
    Column(key="scoring_window", label="window (HxW)"),
    Column(key="scoring_stride", label="window stride (HxW)"),
    Column(key="scoring_scales", label="scales averaged"),
    Column(key="scoring_flip", label="flip averaged"),
    Column(key="scoring_absent", label="classes without labels"),
    Column(key="scoring_select", label="weights scored"),
    Column(key="scoring_held_out", label="share held out to select"),
    Column(key="initial_weights", label="initial weights"),
)
"""What accuracy figures must share to be compared."""

LATENCY = (
    Column(key="latency_device", label="latency device"),
    Column(key="latency_threads", label="CPU threads"),
    Column(key="latency_size", label="latency input (HxW)"),
    Column(key="latency_batch", label="latency batch"),
    Column(key="latency_dtype", label="number type"),
    Column(key="latency_backend", label="backend"),
    Column(key="latency_tf32", label="TF32 allowed"),
    Column(key="latency_figure", label="figure of time"),
    Column(key="latency_boundary_in", label="clock starts at"),
    Column(key="latency_boundary", label="clock stops at"),
    Column(key="latency_method", label="clock"),
    Column(key="latency_protocol", label="latency protocol"),
)
"""What latency figures must share to be compared."""

COST = (
    Column(key="cost_tool", label="counter"),
    Column(key="cost_size", label="counted at (HxW)"),
    Column(key="cost_protocol", label="counting protocol"),
)
"""What counted figures must share to be compared."""

TRAINING = (
    Column(key="weights", label="weights loaded"),
    Column(key="steps", label="training steps"),
    Column(key="batch", label="training batch"),
    Column(key="train_device", label="trained on"),
    Column(key="latency_rounds", label="latency rounds"),
    Column(key="latency_num_samples", label="latency samples"),
    Column(key="latency_torch", label="torch at timing"),
    Column(key="latency_verdict", label="exclusive use of the machine"),
    Column(key="latency_headline_ok", label="headline latency"),
    Column(key="torch", label="torch"),
    Column(key="python", label="Python"),
    Column(key="twopath", label="Twopath"),
)
"""What else a reader needs to know of how the figures came about."""


def protocol_of(key: str) -> tuple[Column, ...]:
    """What a figure's rows must share before two of them are compared."""
    if FIGURES[key].seeded:
        return DATA
    return LATENCY if key == "latency_ms" else COST


def figures(keys: Iterable[str]) -> tuple[Column, ...]:
    """The columns of some figures, in the order given."""
    return tuple(FIGURES[key] for key in keys)
