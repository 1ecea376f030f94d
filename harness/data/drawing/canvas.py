"""A canvas seen by a tilted pinhole camera, painted by numbers.

Lengths are in camera heights (about 1.4 m). A point X to the right on the ground, at a depth where
one camera height is ``s`` pixels long, is seen ``X * s`` right of and ``s`` below the vanishing
point. Every pixel first gets the number of a surface; colours and labels follow from it at once.
Only arithmetic that IEEE 754 fixes to the bit is used, so that a seed gives one image everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Pixels
from harness.data.drawing.palette import Colour

Where = NDArray[np.bool_]
Floats = NDArray[np.float32]


class Canvas:
    """Surface numbers of an image in the making; surface 0 is behind everything.

    The vanishing point lies ``horizon`` pixels below the image's top and ``centre`` right of its
    left edge; ``roll`` is the tangent of the camera's tilt. ``right`` and ``down`` are each
    pixel's distance from that point along the axes of the upright street.
    """

    def __init__(
        self, size: tuple[int, int], *, horizon: float, centre: float, roll: float
    ) -> None:
        self.size, self.horizon, self.centre, self.roll = size, horizon, centre, roll
        rows = np.arange(size[0], dtype=np.float32)[:, None] + np.float32(0.5 - horizon)
        columns = np.arange(size[1], dtype=np.float32)[None] + np.float32(0.5 - centre)
        self.right: Floats = columns - np.float32(roll) * rows
        self.down: Floats = rows + np.float32(roll) * columns
        self.numbers: Pixels = np.zeros(size, dtype=np.uint8)
        self._surfaces: list[tuple[Colour, int, float]] = []

    def surface(self, colour: Colour, label: int, *, grain: float = 0.05) -> int:
        """The number of a new surface; ``grain`` is the amplitude of its texture."""
        self._surfaces.append((colour, label, grain))
        assert len(self._surfaces) <= 256, "surface numbers are bytes"
        return len(self._surfaces) - 1

    def cover(self, where: Where, surface: int) -> None:
        """Puts a surface on pixels of the whole canvas."""
        self.numbers[where] = surface

    def box(
        self, x: float, s: float, across: tuple[float, float], up: tuple[float, float], surface: int
    ) -> None:
        """Puts a surface on an upright rectangle that stands at ground point (x, s).

        ``across`` and ``up`` are its two ends each way, measured from that point. It is at least
        one pixel wide, however far away.
        """
        half = max((across[1] - across[0]) * s, 1.0) / 2
        middle = x * s + (across[0] + across[1]) * s / 2
        left, right, top, bottom = middle - half, middle + half, s * (1 - up[1]), s * (1 - up[0])
        view = self._window(left, right, top, bottom)
        x_view, y_view = self.right[view], self.down[view]
        inside = (x_view >= left) & (x_view < right) & (y_view >= top) & (y_view < bottom)
        self.numbers[view][inside] = surface

    def disc(
        self,
        x: float,
        s: float,
        height: float,
        radii: tuple[float, float],
        surface: int,
        *,
        ragged: Floats | None = None,
    ) -> None:
        """Puts a surface on an ellipse whose middle is ``height`` above ground point (x, s).

        ``radii`` are those across and up; ``ragged``, a field of 0..1, frays the rim.
        """
        middle, level = x * s, s * (1 - height)
        wide, tall = max(radii[0] * s, 0.6), max(radii[1] * s, 0.6)
        view = self._window(middle - wide, middle + wide, level - tall, level + tall)
        x_view, y_view = (self.right[view] - middle) / wide, (self.down[view] - level) / tall
        rim = 1.0 if ragged is None else 1.15 - 0.6 * ragged[view]
        self.numbers[view][x_view * x_view + y_view * y_view < rim] = surface

    def _window(self, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
        """The part of the canvas that a rectangle of the upright street can touch."""
        slack = abs(self.roll) * max(abs(left), abs(right), abs(top), abs(bottom)) + 2
        return (
            _clipped(top + self.horizon - slack, bottom + self.horizon + slack, self.size[0]),
            _clipped(left + self.centre - slack, right + self.centre + slack, self.size[1]),
        )

    def labels(self) -> Pixels:
        """The class of every pixel."""
        return np.array([label for _, label, _ in self._surfaces], dtype=np.uint8)[self.numbers]

    def colours(self, texture: Floats) -> Floats:
        """The colour of every pixel (H, W, 3), each surface textured by its own grain."""
        colours = np.array([colour for colour, _, _ in self._surfaces], dtype=np.float32)
        grains = np.array([grain for _, _, grain in self._surfaces], dtype=np.float32)
        flat: Floats = colours[self.numbers]
        return flat + (grains[self.numbers] * texture)[..., None]


def _clipped(low: float, high: float, size: int) -> slice:
    return slice(min(max(int(low), 0), size), min(max(int(high), 0), size))
