"""What a street is made of: its classes, its colours, and the dice that choose among them."""

from __future__ import annotations

import numpy as np

CLASSES = (
    "road",
    "promenade",
    "sidewalk",
    "building",
    "sky",
    "vegetation",
    "lane mark",
    "pole",
    "sign",
    "car",
    "pedestrian",
)
ROAD, PROMENADE, SIDEWALK, BUILDING, SKY, VEGETATION = range(6)
LANE_MARK, POLE, SIGN, CAR, PEDESTRIAN = range(6, 11)

Colour = tuple[float, float, float]
"""Red, green and blue in 0..1 by full light."""

DARK: Colour = (0.08, 0.08, 0.09)
WHITE: Colour = (1.0, 1.0, 1.0)
YELLOW: Colour = (0.95, 0.85, 0.1)
RED: Colour = (0.85, 0.1, 0.1)
BLUE: Colour = (0.1, 0.3, 0.95)
ORANGE: Colour = (0.95, 0.55, 0.05)
SKIN: Colour = (0.85, 0.6, 0.5)
TROUSERS: Colour = (0.4, 0.1, 0.45)
BARK: Colour = (0.35, 0.22, 0.1)
CLEAR: Colour = (0.75, 0.95, 1.25)

TINTS = (WHITE, (1.08, 0.99, 0.9), (0.92, 1.0, 1.08), (1.15, 0.95, 0.88))
"""Concrete, sandstone, slate and brick."""


def scaled(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter."""
    red, green, blue = colour
    return (red * factor, green * factor, blue * factor)


class Dice:
    """The random choices of one drawing."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        """A number between two bounds."""
        return low + (high - low) * float(self.rng.random())

    def count(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with some probability."""
        return bool(self.rng.random() < probability)

    def side(self) -> float:
        """Left (-1) or right (1)."""
        return 1.0 if self.chance(0.5) else -1.0

    def material(self) -> Colour:
        """The colour of anything that is built: roads, sidewalks and walls alike."""
        return scaled(TINTS[self.count(0, len(TINTS) - 1)], self.between(0.2, 0.52))

    def leaves(self) -> Colour:
        """A green."""
        level = self.between(0.35, 0.6)
        return (level * self.between(0.3, 0.7), level, level * self.between(0.2, 0.5))

    def paint(self) -> Colour:
        """The colour of a car."""
        return (self.between(0.45, 0.95), self.between(0.05, 0.2), self.between(0.05, 0.2))

    def coat(self) -> Colour:
        """The colour of a coat."""
        return (self.between(0.7, 1.0), self.between(0.1, 0.5), self.between(0.5, 0.9))
