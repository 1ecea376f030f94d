"""What stands behind and beside a street: sky, house fronts and gardens."""

from __future__ import annotations

import numpy as np

from harness.data.drawing.canvas import Floats, Where
from harness.data.drawing.palette import BUILDING, CLEAR, SKY, VEGETATION, scaled
from harness.data.drawing.street import Street, grid, shade


def draw_sky(street: Street) -> None:
    """The sky, clear or overcast, and the house or the trees that close the street."""
    canvas, dice = street.canvas, street.dice
    clear = dice.chance(0.3)
    canvas.surface(scaled(CLEAR, dice.between(0.6, 0.9)) if clear else dice.material(), SKY)
    end, tall = street.end, dice.between(1.0, 4.0)
    closed = (abs(canvas.right) < street.wall * end + 1) & (canvas.down < end)
    house = dice.chance(0.5)
    last = canvas.surface(dice.material(), BUILDING) if house else _leaves(street)
    canvas.cover(closed & (canvas.down > -tall * end), last)


def _leaves(street: Street) -> int:
    return street.canvas.surface(street.dice.leaves(), VEGETATION, grain=0.12)


def draw_walls(street: Street, side: float) -> None:
    """House fronts and gardens along one side, from the camera to the end of the street."""
    dice = street.dice
    near, far = 1e4, dice.between(20, 60) * street.unit
    while near > street.end:
        far = max(far, street.end)
        strip, s = _strip(street, side, near, far)
        (_garden if dice.chance(0.2) else _front)(street, strip, s)
        near, far = far, far * dice.between(0.45, 0.75)


def _strip(street: Street, side: float, near: float, far: float) -> tuple[Where, Floats]:
    """The columns of one wall above the ground, and the scale of the wall at each pixel."""
    s: Floats = street.canvas.right * np.float32(side / street.wall)
    return (s >= far) & (s < near) & (street.canvas.down < s), s


def _garden(street: Street, strip: Where, s: Floats) -> None:
    tall = street.patches + np.float32(street.dice.between(-0.5, 0.3))
    street.canvas.cover(strip & (street.canvas.down > -tall * s), _leaves(street))


def _front(street: Street, strip: Where, s: Floats) -> None:
    canvas, dice = street.canvas, street.dice
    colour = dice.material()
    front = strip & (canvas.down > np.float32(-dice.between(1.5, 9.0)) * s)
    canvas.cover(front, canvas.surface(colour, BUILDING))
    if dice.chance(0.5):
        s = np.maximum(s, np.float32(4 * street.unit))
        panes = grid(street, s, -canvas.down / s, spacing=dice.between(1.6, 2.4), share=0.9)
        canvas.cover(front & (canvas.down < 0) & panes, shade(street, colour, BUILDING))
