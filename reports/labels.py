"""Places labels beside points so that none covers another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Box:
    """A rectangle by its corners, in pixels from the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """The area shared with another box."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(wide, 0.0) * max(high, 0.0)

    def inside(self, other: Box) -> bool:
        """Whether the box lies within another."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.bottom <= self.bottom and self.top <= other.top


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text of some size that belongs to a point, in pixels."""

    x: float
    y: float
    width: float
    height: float


def place(
    labels: Sequence[Label], *, bounds: Box, hard: Sequence[Box], soft: Sequence[Box], gap: float
) -> list[Box | None]:
    """A box for each label, in the order given; the first labels choose first.

    A box lies within ``bounds`` and touches neither another label nor ``hard`` (the marks); among
    the places left it takes the one that covers least of ``soft`` (lines, bars) and lies nearest.
    ``gap`` is the distance from point to text. None where no place is left.
    """
    taken = list(hard)
    placed: list[Box | None] = []
    for label in labels:
        free = [
            (sum(box.overlap(each) for each in soft) + far * label.height, box)
            for far, box in _places(label, gap)
            if box.inside(bounds) and not any(box.overlap(each) for each in taken)
        ]
        best = min(free, key=lambda pair: pair[0])[1] if free else None
        placed.append(best)
        taken += [best] if best else []
    return placed


# The way from a point to its text, the best first: beside, above and below, then the corners.
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_RINGS = (1.0, 1.8, 2.8, 4.0)


def _places(label: Label, gap: float) -> Iterator[tuple[float, Box]]:
    """Boxes around a point with how far they are from the best place, near ones first."""
    for ring in _RINGS:
        for rank, (right, up) in enumerate(_WAYS):
            x = label.x + right * (label.width / 2 + gap * ring)
            y = label.y + up * (label.height / 2 + gap * ring)
            half, tall = label.width / 2, label.height / 2
            yield ring + rank / 10, Box(x - half, y - tall, x + half, y + tall)


def boxes_along(points: Sequence[tuple[float, float]], thick: float) -> list[Box]:
    """Thin boxes that cover a line of upright and level segments."""
    return [
        Box(
            min(x0, x1) - thick / 2,
            min(y0, y1) - thick / 2,
            max(x0, x1) + thick / 2,
            max(y0, y1) + thick / 2,
        )
        for (x0, y0), (x1, y1) in pairwise(points)
    ]
