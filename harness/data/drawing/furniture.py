"""What stands in a street, each thing at ground point (x, s) of a canvas."""

from __future__ import annotations

from harness.data.drawing.canvas import Canvas, Floats
from harness.data.drawing.palette import (
    BARK,
    CAR,
    DARK,
    PEDESTRIAN,
    POLE,
    RED,
    SIGN,
    SKIN,
    TROUSERS,
    VEGETATION,
    WHITE,
    YELLOW,
    Colour,
    Dice,
)


def car(canvas: Canvas, dice: Dice, x: float, s: float) -> None:
    """A car from behind."""
    body, dark = canvas.surface(dice.paint(), CAR), canvas.surface(DARK, CAR)
    light = canvas.surface(YELLOW, CAR)
    canvas.box(x, s, (-0.62, 0.62), (0.0, 0.2), dark)
    canvas.box(x, s, (-0.66, 0.66), (0.12, 0.6), body)
    canvas.box(x, s, (-0.52, 0.52), (0.6, 1.02), body)
    canvas.box(x, s, (-0.44, 0.44), (0.62, 0.92), dark)
    canvas.box(x, s, (-0.62, -0.45), (0.4, 0.52), light)
    canvas.box(x, s, (0.45, 0.62), (0.4, 0.52), light)


def pedestrian(canvas: Canvas, dice: Dice, x: float, s: float) -> None:
    """A person on two legs."""
    legs, coat = canvas.surface(TROUSERS, PEDESTRIAN), canvas.surface(dice.coat(), PEDESTRIAN)
    canvas.box(x, s, (-0.21, -0.02), (0.0, 0.6), legs)
    canvas.box(x, s, (0.02, 0.21), (0.0, 0.6), legs)
    canvas.box(x, s, (-0.27, 0.27), (0.5, 1.1), coat)
    canvas.disc(x, s, 1.23, (0.14, 0.16), canvas.surface(SKIN, PEDESTRIAN))


def pole(canvas: Canvas, dice: Dice, x: float, s: float, *, thick: float) -> None:
    """A pole, most often with a sign on it."""
    top = dice.between(1.8, 3.6)
    canvas.box(x, s, (-thick, thick), (0.0, top), canvas.surface(DARK, POLE))
    if dice.chance(0.7):
        low = dice.between(1.0, top - 0.8)
        board, mark = canvas.surface(YELLOW, SIGN), canvas.surface(RED, SIGN)
        canvas.box(x, s, (-0.4, 0.4), (low, low + 0.8), board)
        canvas.box(x, s, (-0.22, 0.22), (low + 0.18, low + 0.62), mark)


def tree(canvas: Canvas, dice: Dice, x: float, s: float, ragged: Floats) -> None:
    """A tree with a ragged crown."""
    height = dice.between(1.6, 2.6)
    crown = canvas.surface(dice.leaves(), VEGETATION, grain=0.14)
    radii = (dice.between(0.5, 1.0), dice.between(0.5, 0.9))
    canvas.box(x, s, (-0.08, 0.08), (0.0, height), canvas.surface(BARK, VEGETATION))
    canvas.disc(x, s, height, radii, crown, ragged=ragged)


def gantry(canvas: Canvas, s: float, reach: float, colour: Colour) -> None:
    """A coloured beam over the whole street, with letters on it."""
    post, letters = canvas.surface(DARK, POLE), canvas.surface(WHITE, SIGN)
    beam = canvas.surface(colour, SIGN)
    canvas.box(-reach, s, (-0.1, 0.1), (0.0, 3.0), post)
    canvas.box(reach, s, (-0.1, 0.1), (0.0, 3.0), post)
    canvas.box(0.0, s, (-reach, reach), (2.1, 3.4), beam)
    for place in (-0.5, 0.0, 0.5):
        canvas.box(reach * place, s, (-0.5, 0.5), (2.6, 2.9), letters)
