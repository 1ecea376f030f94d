"""Any text written so that LaTeX prints it as it is."""

from __future__ import annotations

import re
import unicodedata

from reports.columns import plain

CHECK = "\N{CHECK MARK}"

# What follows \\ or \midrule in square brackets, or as a star, LaTeX reads as an option of it.
_ESCAPES = {
    **{char: f"\\{char}" for char in "_%&#${}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"{\char96}",
    '"': r"{\char34}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
    "\N{MINUS SIGN}": "{$-$}",
    "\N{PLUS-MINUS SIGN}": r"{$\pm$}",
    "\N{MULTIPLICATION SIGN}": r"{$\times$}",
    "\N{MIDDLE DOT}": r"{$\cdot$}",
    "\N{GREEK CAPITAL LETTER DELTA}": r"{$\Delta$}",
    "\N{GREEK SMALL LETTER MU}": r"{$\mu$}",
    "\N{MICRO SIGN}": r"{$\mu$}",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": r"\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": r"\textquotedblright{}",
    CHECK: r"\checkmark{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}

_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING CEDILLA}": "c",
}


PRINTED_AS_NUMBER = r"\ifdefined\Uchar"
"""What is in an escaped text where not every engine prints a sign itself."""


def escaped(text: str) -> str:
    """A text that any LaTeX engine prints as it is, on one line.

    What an engine's font may lack is printed where the engine reads Unicode (XeTeX, LuaTeX), and
    stands as its number, as U+65E5, where it does not.
    """
    written = "".join(map(_escaped, unicodedata.normalize("NFC", plain(text))))
    return re.sub(r"([-',])(?=\1)", r"\1{}", written)  # two of them would become another sign


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isascii():
        return char
    letter, *marks = list(unicodedata.normalize("NFD", char))
    if letter.isascii() and len(marks) == 1 and marks[0] in _ACCENTS:
        return f"\\{_ACCENTS[marks[0]]}{{{letter}}}"
    return rf"{{{PRINTED_AS_NUMBER}\char{ord(char)} \else U+{ord(char):04X}\fi}}"
