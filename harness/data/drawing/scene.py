"""One street from its sky to the bonnet of the car that films it.

Roads, sidewalks, walls and an overcast sky are of the same materials, and a wall's windows look
like a road's repairs: what a plain patch is can only be told from where it lies. Whether the
space between the kerbs is a road or a promenade is told by nothing but the colour of the gantry
above, far from most of it. Lane marks, poles and signs are a few pixels wide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.data.dataset import IGNORE, Pixels
from harness.data.drawing import furniture
from harness.data.drawing.ground import draw_ground
from harness.data.drawing.palette import WHITE, scaled
from harness.data.drawing.street import Street
from harness.data.drawing.walls import draw_sky, draw_walls

Thing = Callable[[Street, float], None]
"""Draws itself into a street at scale ``s``."""


def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """An image (H, W, 3) and its mask (H, W) of class numbers and IGNORE, both uint8."""
    street = Street(rng, size)
    draw_sky(street)
    for side in (-1.0, 1.0):
        draw_walls(street, side)
    draw_ground(street)
    for s, thing in sorted(_things(street), key=lambda each: each[0]):
        thing(street, s)
    _bonnet(street)
    return _photograph(street), street.canvas.labels()


def _things(street: Street) -> list[tuple[float, Thing]]:
    """Cars, people, poles, trees and the gantry, each with its scale."""
    dice, nearest = street.dice, 0.75 * street.canvas.size[0]
    kinds = {_car: (1, 3), _pedestrian: (3, 6), _pole: (4, 7), _tree: (0, 3)}
    things = [thing for thing, bounds in kinds.items() for _ in range(dice.count(*bounds))]
    placed = [(min(street.unit * 13 / dice.between(0.25, 1.0), nearest), each) for each in things]
    # Far enough to be seen whole: the beam's top is 2.4 camera heights above the horizon.
    beam = min(dice.between(11, 17) * street.unit, street.canvas.horizon / 2.7)
    return [*placed, (beam, _gantry)]


def _gantry(street: Street, s: float) -> None:
    furniture.gantry(street.canvas, s, street.wall, street.beam)


def _car(street: Street, s: float) -> None:
    parked = street.dice.side() * (street.kerb - street.dice.between(0.7, 0.9))
    driven = street.dice.between(-0.5, 0.5) * street.kerb
    x = parked if street.dice.chance(0.7) else driven
    furniture.car(street.canvas, street.dice, x, s)


def _pedestrian(street: Street, s: float) -> None:
    walking = street.dice.side() * street.dice.between(street.kerb, street.wall)
    crossing = street.dice.between(-1.0, 1.0) * street.kerb
    x = walking if street.dice.chance(0.8) else crossing
    furniture.pedestrian(street.canvas, street.dice, x, s)


def _pole(street: Street, s: float) -> None:
    x = street.dice.side() * (street.kerb + 0.15)
    furniture.pole(street.canvas, street.dice, x, s, thick=min(0.13, 3 * street.unit / s))


def _tree(street: Street, s: float) -> None:
    x = street.dice.side() * street.dice.between(street.kerb + 0.3, street.wall)
    furniture.tree(street.canvas, street.dice, x, s, street.patches)


def _bonnet(street: Street) -> None:
    """The bonnet of the car that films, in a third of the images; nobody is to label it."""
    canvas, dice = street.canvas, street.dice
    if not dice.chance(0.35):
        return
    height, width = canvas.size
    rows = np.arange(height, dtype=np.float32)[:, None] - height
    columns = np.arange(width, dtype=np.float32)[None] - width * dice.between(0.4, 0.6)
    y = rows / (height * dice.between(0.06, 0.12))
    x = columns / (width * dice.between(0.3, 0.5))
    canvas.cover(x * x + y * y < 1, canvas.surface(scaled(WHITE, dice.between(0.1, 0.6)), IGNORE))


def _photograph(street: Street) -> Pixels:
    """The image by day or dusk, with the grain of its surfaces and the noise of a sensor."""
    dice, size = street.dice, street.canvas.size
    light = dice.between(0.65, 1.0)
    tint = (dice.between(0.92, 1.08) * light, light, dice.between(0.92, 1.08) * light)
    grain = dice.rng.random(size, dtype=np.float32) + street.patches - 1
    image = street.canvas.colours(grain) * np.array(tint, dtype=np.float32)
    image += (dice.rng.random((*size, 3), dtype=np.float32) - np.float32(0.5)) * np.float32(0.06)
    pixels: Pixels = (image * 255).clip(0, 255).astype(np.uint8)
    return pixels
