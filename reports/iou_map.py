"""The IoU of every class and candidate: what the heat map shows, and its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from reports.columns import plain
from reports.verdict import Verdict

Colour = tuple[float, float, float]

MOST_CANDIDATES = 40

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


def best_of(record: IouMap, most: int) -> IouMap:
    """A map of those candidates alone whose means over the classes are highest, in their order."""

    def mean(row: int) -> float:
        known = [value for value in record.values[row] if value is not None]
        return sum(known) / len(known) if known else 0.0

    best = sorted(range(len(record.candidates)), key=mean, reverse=True)[:most]
    kept = sorted(best)
    return replace(
        record,
        candidates=tuple(record.candidates[row] for row in kept),
        values=tuple(record.values[row] for row in kept),
        num_left_out=record.num_left_out + len(record.candidates) - len(kept),
    )


def blocks_of(number: int, most: int) -> list[range]:
    """The places of so many classes in blocks of at most some, all about as long."""
    blocks = max(1, -(-number // max(most, 1)))
    each = -(-number // blocks)
    return [range(each * i, min(each * (i + 1), number)) for i in range(blocks)]


@dataclass(frozen=True, kw_only=True)
class Shade:
    """The colours of one step of the ramp, and of a number on it."""

    paper: str
    ink: str


def shades() -> tuple[Shade, ...]:
    """The ramp from 0 to 100 %, a step at a time."""
    whole = [100 * step / STEPS for step in range(STEPS + 1)]
    return tuple(Shade(paper=_hex(colour(each)), ink=ink(each)) for each in whole)


def colour(value: float) -> Colour:
    """The colour of a percentage, one of ``LEVELS``; red, green and blue from 0 to 1."""
    return _colour(min(int(LEVELS * value / 100), LEVELS - 1))


@cache
def _colour(level: int) -> Colour:
    # Without matplotlib, which a page does not need otherwise.
    at = level / (LEVELS - 1)
    places = np.linspace(0, 1, len(_HUES))
    red, green, blue = (float(np.interp(at, places, each)) for each in zip(*_STOPS, strict=True))
    return red, green, blue


def _hex(parts: Colour) -> str:
    return "#" + "".join(f"{round(255 * each):02x}" for each in parts)


def step_of(value: float) -> int:
    """Which step of the ramp a percentage has."""
    return round(value / 100 * STEPS)


def ink(value: float) -> str:
    """Black or white, whichever can be read on a percentage's colour."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour(value)]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _LIGHT_TEXT if luminance < _EVEN else _DARK_TEXT


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)
