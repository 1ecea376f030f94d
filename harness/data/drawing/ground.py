"""What lies in a street: sidewalks, and a road or a promenade with its repairs and stripes."""

from __future__ import annotations

import numpy as np

from harness.data.drawing.canvas import Floats, Where
from harness.data.drawing.palette import LANE_MARK, ROAD, SIDEWALK, WHITE, Colour, scaled
from harness.data.drawing.street import Street, cells, depth, grid, shade


def draw_ground(street: Street) -> None:
    """The ground from wall to wall; a promenade has all that a road has, by another label."""
    canvas, dice = street.canvas, street.dice
    s: Floats = np.maximum(canvas.down, np.float32(0.5))
    x = canvas.right / s
    middle, walk = _two_materials(street)
    below = canvas.down > 0
    between_kerbs = below & (abs(x) < street.kerb)
    canvas.cover(below & (abs(x) < street.wall), canvas.surface(walk, SIDEWALK))
    canvas.cover(between_kerbs, canvas.surface(middle, street.ground))
    near = between_kerbs & (s > 4 * street.unit)
    if dice.chance(0.5):
        repairs = grid(street, s, x, spacing=dice.between(0.8, 1.6), share=0.35)
        canvas.cover(near & repairs, shade(street, middle, street.ground))
    _draw_stripes(street, s, near)


def _two_materials(street: Street) -> tuple[Colour, Colour]:
    """Two that can be told apart where they meet."""
    first, second = street.dice.material(), street.dice.material()
    while max(abs(a - b) for a, b in zip(first, second, strict=True)) < 0.1:
        second = street.dice.material()
    return first, second


def _draw_stripes(street: Street, s: Floats, near: Where) -> None:
    """Dashes between lanes, most often a line along each kerb, and often a crossing."""
    canvas, dice = street.canvas, street.dice
    label = LANE_MARK if street.ground == ROAD else street.ground
    stripe = canvas.surface(scaled(WHITE, dice.between(0.95, 1.1)), label)
    x, half = abs(canvas.right), np.clip(0.18 * s, 1.6 * street.unit, 4 * street.unit)
    along, _ = cells(depth(street, s, spacing=dice.between(2, 5)))
    lane = 0.0 if street.kerb < 2.6 else street.kerb / 3
    canvas.cover(near & (along < 0.75) & (abs(x - lane * s) < half), stripe)
    if dice.chance(0.8):
        canvas.cover(near & (abs(x - (street.kerb - 0.45) * s) < half), stripe)
    if dice.chance(0.7):
        far = dice.between(12, 24) * street.unit
        bar, _ = cells(canvas.right / (s * np.float32(0.9)))
        canvas.cover(near & (s > far) & (s < 1.6 * far) & (bar < 0.55), stripe)
