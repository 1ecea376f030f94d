"""One street from its sky to the bonnet of the car that films it.

Roads, sidewalks, walls and an overcast sky are of the same materials, and a wall's windows look
like a road's repairs: what a plain patch is can only be told from where it lies. Whether the
space between the kerbs is a road or a pedestrian street is told by nothing but the colour of the
gantry above, far from most of it. Poles, signs and lane marks are a few pixels wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import IGNORE, Pixels
from harness.data.drawing import furniture
from harness.data.drawing.canvas import Canvas, Floats, Where
from harness.data.drawing.palette import (
    BLUE,
    BUILDING,
    BUSWAY,
    CLEAR,
    MINT,
    LANE_MARK,
    ORANGE,
    ROAD,
    SIDEWALK,
    SKY,
    VEGETATION,
    WHITE,
    Colour,
    Dice,
    scaled,
)


GROUNDS = ((BLUE, ROAD), (MINT, BUSWAY), (ORANGE, SIDEWALK))
"""What lies between the kerbs, by the colour of the gantry over it."""


class Street:
    """A street in the drawing: its canvas and dice, and the measures that its things share.

    ``unit`` is a pixel of an image 96 high. ``kerb`` and ``wall`` are how far both are from the
    middle of the street, in camera heights; ``end`` is the scale ``s`` where the street ends.
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
        self.beam, self.ground = GROUNDS[dice.count(0, 2)]
        self.patches = _patches(rng, size, max(2, height // 16))


def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """An image (H, W, 3) and its mask (H, W) of class numbers and IGNORE, both uint8."""
    street = Street(rng, size)
    _sky(street)
    for side in (-1.0, 1.0):
        _walls(street, side)
    _ground(street)
    _things(street)
    _bonnet(street)
    return _photograph(street, rng), street.canvas.labels()


def _sky(street: Street) -> None:
    """The sky, clear or overcast, and what closes the street at its end."""
    canvas, dice = street.canvas, street.dice
    clear = dice.chance(0.3)
    canvas.surface(scaled(CLEAR, dice.between(0.6, 0.9)) if clear else dice.material(), SKY)
    end, tall = street.end, dice.between(1.0, 4.0)
    closed = (abs(canvas.right) < street.wall * end + 1) & (canvas.down < end)
    canvas.cover(closed & (canvas.down > -tall * end), _house_or_trees(street, 0.5))


def _house_or_trees(street: Street, trees: float) -> int:
    canvas, dice = street.canvas, street.dice
    if dice.chance(trees):
        return canvas.surface(dice.leaves(), VEGETATION, grain=0.12)
    return canvas.surface(dice.material(), BUILDING)


def _walls(street: Street, side: float) -> None:
    """House fronts and gardens along one side, from the camera to the end of the street."""
    dice = street.dice
    near, far = 1e4, dice.between(20, 60) * street.unit
    while near > street.end:
        far = max(far, street.end)
        (_garden if dice.chance(0.2) else _front)(street, side, near, far)
        near, far = far, far * dice.between(0.45, 0.75)


def _strip(street: Street, side: float, near: float, far: float) -> tuple[Where, Floats]:
    """The columns of one wall above the ground, and the scale ``s`` of the wall at each pixel."""
    s: Floats = street.canvas.right * np.float32(side / street.wall)
    return (s >= far) & (s < near) & (street.canvas.down < s), s


def _garden(street: Street, side: float, near: float, far: float) -> None:
    canvas, dice = street.canvas, street.dice
    strip, s = _strip(street, side, near, far)
    tall = street.patches + np.float32(dice.between(-0.5, 0.3))
    hedge = canvas.surface(dice.leaves(), VEGETATION, grain=0.12)
    canvas.cover(strip & (canvas.down > -tall * s), hedge)


def _front(street: Street, side: float, near: float, far: float) -> None:
    canvas, dice = street.canvas, street.dice
    strip, s = _strip(street, side, near, far)
    colour = dice.material()
    front = strip & (canvas.down > np.float32(-dice.between(1.5, 9.0)) * s)
    canvas.cover(front, canvas.surface(colour, BUILDING))
    if dice.chance(0.5):
        s = np.maximum(s, 4 * street.unit)
        panes = _grid(street, s, -canvas.down / s, spacing=dice.between(1.6, 2.4), share=0.9)
        canvas.cover(front & (canvas.down < 0) & panes, _shade(street, colour, BUILDING))


def _shade(street: Street, colour: Colour, label: int) -> int:
    """A darker surface beside another: the glass of a front, the repair of a road."""
    return street.canvas.surface(scaled(colour, street.dice.between(0.4, 0.65)), label)


def _grid(street: Street, s: Floats, other: Floats, *, spacing: float, share: float) -> Where:
    """Rectangles in rows along the street and across ``other``, a share of them left in."""
    along, row = _cells(_depth(street, s, street.dice.between(1.2, 2.5)))
    across, column = _cells(other / np.float32(spacing))
    left_in = street.dice.rng.random((8, 8)) < share
    inside = (along > 0.3) & (along < 0.7) & (across > 0.3) & (across < 0.75)
    inside[inside] = left_in[row[inside] & 7, column[inside] & 7]
    return inside


def _depth(street: Street, s: Floats, spacing: float) -> Floats:
    """How many spaces each pixel is away from the camera."""
    return np.float32(120 * street.unit / spacing) / s


def _cells(value: Floats) -> tuple[Floats, NDArray[np.int32]]:
    """A number's fraction, and its whole part."""
    whole = np.floor(value)
    return value - whole, whole.astype(np.int32)


def _ground(street: Street) -> None:
    """Sidewalks, and between the kerbs a road or a pedestrian street with its repairs and marks."""
    canvas, dice = street.canvas, street.dice
    s: Floats = np.maximum(canvas.down, np.float32(0.5))
    x = abs(canvas.right) / s
    middle, walk = dice.material(), dice.material()
    while max(abs(a - b) for a, b in zip(middle, walk, strict=True)) < 0.1:
        walk = dice.material()
    below = canvas.down > 0
    between_kerbs = below & (x < street.kerb)
    canvas.cover(below & (x < street.wall), canvas.surface(walk, SIDEWALK))
    canvas.cover(between_kerbs, canvas.surface(middle, street.ground))
    clear = between_kerbs & (s > 4 * street.unit)
    if dice.chance(0.5):
        repairs = _grid(street, s, canvas.right / s, spacing=dice.between(0.8, 1.6), share=0.35)
        canvas.cover(clear & repairs, _shade(street, middle, street.ground))
    _marks(street, s, clear)


def _marks(street: Street, s: Floats, clear: Where) -> None:
    """Dashes between lanes, and most often a line along each kerb."""
    canvas, dice = street.canvas, street.dice
    label = SIDEWALK if street.ground == SIDEWALK else LANE_MARK
    mark = canvas.surface(scaled(WHITE, dice.between(0.95, 1.1)), label)
    half = np.clip(0.16 * s, 1.5 * street.unit, 3 * street.unit)
    x = abs(canvas.right)
    along, _ = _cells(_depth(street, s, dice.between(2, 5)))
    dashes = clear & (along < 0.75)
    lane = 0.0 if street.kerb < 2.6 else street.kerb / 3
    canvas.cover(dashes & (abs(x - np.float32(lane) * s) < half), mark)
    if dice.chance(0.8):
        canvas.cover(clear & (abs(x - np.float32(street.kerb - 0.45) * s) < half), mark)
    if dice.chance(0.5):
        far = np.float32(dice.between(12, 24) * street.unit)
        bars, _ = _cells(canvas.right / (s * np.float32(0.9)))
        canvas.cover(clear & (s > far) & (s < far * np.float32(1.6)) & (bars < 0.55), mark)


def _things(street: Street) -> None:
    """Cars, people, poles, trees and the gantry, the farthest first."""
    canvas, dice = street.canvas, street.dice
    counts = {_car: (1, 3), _pedestrian: (3, 6), _pole: (4, 7), _tree: (0, 3)}
    things = [thing for thing, bounds in counts.items() for _ in range(dice.count(*bounds))]
    nearest = 0.75 * canvas.size[0]
    depths = [min(street.unit * 13 / dice.between(0.25, 1.0), nearest) for _ in things]
    # Far enough to be seen whole: the beam's top is 2.4 camera heights above the horizon.
    beam = min(dice.between(11, 17) * street.unit, canvas.horizon / 2.7)
    drawn = False
    for s, number in sorted(zip(depths, range(len(things)), strict=True)):
        if s > beam and not drawn:
            furniture.gantry(canvas, beam, street.wall, street.beam)
            drawn = True
        things[number](street, s)


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
    y = (np.arange(height, dtype=np.float32)[:, None] - height) / (height * dice.between(0.06, 0.12))
    x = np.arange(width, dtype=np.float32)[None] - width * dice.between(0.4, 0.6)
    x = x / (width * dice.between(0.3, 0.5))
    canvas.cover(x * x + y * y < 1, canvas.surface(scaled(WHITE, dice.between(0.1, 0.6)), IGNORE))


def _patches(rng: np.random.Generator, size: tuple[int, int], cell: int) -> Floats:
    """A field of 0..1 that is constant over square cells."""
    coarse = rng.random((size[0] // cell + 1, size[1] // cell + 1), dtype=np.float32)
    return coarse.repeat(cell, axis=0).repeat(cell, axis=1)[: size[0], : size[1]]


def _photograph(street: Street, rng: np.random.Generator) -> Pixels:
    """The image by day or dusk, with the sensor's noise."""
    dice, size = street.dice, street.canvas.size
    fine = rng.random(size, dtype=np.float32)
    light = dice.between(0.65, 1.0)
    cast = np.array([dice.between(0.92, 1.08), 1.0, dice.between(0.92, 1.08)], dtype=np.float32)
    image = street.canvas.colours(fine + street.patches - 1) * (cast * np.float32(light))
    image += (rng.random((*size, 3), dtype=np.float32) - np.float32(0.5)) * np.float32(0.06)
    pixels: Pixels = (image * 255).clip(0, 255).astype(np.uint8)
    return pixels
