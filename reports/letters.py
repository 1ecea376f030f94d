"""How wide LaTeX sets a text in Computer Modern, in figures: each of 0 to 9 is 1 wide."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from reports.latex import PRINTED_AS_NUMBER, escaped

_THOUSANDTHS = {
    278: "il.,:;'`!|[]",
    306: "fj",
    333: "- \N{NO-BREAK SPACE}",
    392: "rst()_I",
    444: "cez?",
    500: 'ago0123456789/*~^\\$"\N{EN DASH}',
    556: "bdhknpquvxySJ",
    681: "EFLPZ",
    750: "ABCDGHKNOQRTUVXY",
    778: "wm=+<>@%&\N{PLUS-MINUS SIGN}\N{MINUS SIGN}\N{MULTIPLICATION SIGN}",
    917: "M",
    1028: "W",
}
"""Of the size of letters: as wide are, or a little less wide, the letters of cmr10."""

FIGURE, UNKNOWN = 500, 1000

_WIDE = {char: wide / FIGURE for wide, chars in _THOUSANDTHS.items() for char in chars}
_WIDE["m"] = 833 / FIGURE


def composed(text: str) -> str:
    """A text whose letters are one with their accents, as far as there are such."""
    return unicodedata.normalize("NFC", text)


def width(text: str) -> float:
    """How wide a text is at most, where the engine prints as a number what its font may lack."""
    return sum(map(_width, composed(text)))


@lru_cache(maxsize=4096)
def _width(char: str) -> float:
    if char in _WIDE:
        return _WIDE[char]
    if PRINTED_AS_NUMBER in escaped(char):
        return width(f"U+{ord(char):04X}")
    letter = unicodedata.normalize("NFD", char)[0]
    return _WIDE.get(letter, UNKNOWN / FIGURE)
