"""A street in the drawing: the measures its things share, and patterns that recede with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data.drawing.canvas import Canvas, Floats, Where
from harness.data.drawing.palette import BLUE, ORANGE, PROMENADE, ROAD, Colour, Dice, scaled

GROUNDS = ((BLUE, ROAD), (ORANGE, PROMENADE))
"""What lies between the kerbs, by the colour of the gantry over it."""


class Street:
    """A street's canvas and dice, and its measures.

    ``unit`` is a pixel of an image 96 high. ``kerb`` and ``wall`` are how far both are from the
    middle of the street, in camera heights; ``end`` is the scale ``s`` where the street ends.
    ``patches`` is a field of 0..1, constant over square cells.
    """

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        dice = self.dice = Dice(rng)
        height, width = size
        self.canvas = Canvas(
            size,
            horizon=dice.between(0.35, 0.75) * height,
            centre=dice.between(0.15, 0.85) * width,
            roll=dice.between(-0.12, 0.12),
        )
        self.unit = height / 96
        self.kerb = dice.between(1.8, 3.4)
        self.wall = self.kerb + dice.between(1.0, 2.2)
        self.end = dice.between(2.5, 5.0) * self.unit
        self.beam, self.ground = GROUNDS[dice.count(0, 1)]
        self.patches = _patches(rng, size, cell=max(2, height // 16))


def _patches(rng: np.random.Generator, size: tuple[int, int], *, cell: int) -> Floats:
    coarse = rng.random((size[0] // cell + 1, size[1] // cell + 1), dtype=np.float32)
    return coarse.repeat(cell, axis=0).repeat(cell, axis=1)[: size[0], : size[1]]


def shade(street: Street, colour: Colour, label: int) -> int:
    """A darker surface beside another: the glass of a front, the repair of a road."""
    return street.canvas.surface(scaled(colour, street.dice.between(0.4, 0.65)), label)


def grid(street: Street, s: Floats, other: Floats, *, spacing: float, share: float) -> Where:
    """Rectangles in rows along the street and across ``other``, a share of them left in."""
    along, row = cells(depth(street, s, spacing=street.dice.between(1.2, 2.5)))
    across, column = cells(other / np.float32(spacing))
    left_in = street.dice.rng.random((8, 8)) < share
    inside = (along > 0.3) & (along < 0.7) & (across > 0.3) & (across < 0.75)
    inside[inside] = left_in[row[inside] & 7, column[inside] & 7]
    return inside


def depth(street: Street, s: Floats, *, spacing: float) -> Floats:
    """How many spaces each pixel is away from the camera."""
    return np.float32(120 * street.unit / spacing) / s


def cells(value: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """A number's fraction, and its whole part."""
    whole = np.floor(value)
    return value - whole, whole.astype(np.int32)
