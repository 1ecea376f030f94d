r"""Writes a table as LaTeX sets it with booktabs, and any text so that LaTeX prints it as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import accumulate

from reports.columns import plain

LONG = 28
"""Characters from which a cell of words is broken over lines, lest the table run off the page."""

WRAPPED = r">{\raggedright\arraybackslash}p{WIDTH\linewidth}"
"""A column of such cells."""

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
    return rf"{{\ifdefined\Uchar\char{ord(char)} \else U+{ord(char):04X}\fi}}"


def tabular(
    rows: Sequence[Sequence[str]],
    *,
    numeric: Sequence[bool],
    bold: Sequence[bool],
    spans: Sequence[tuple[str, int]] = (),
) -> str:
    """Rows, the first of which are headings, as a tabular environment to be put into a table.

    ``numeric`` says which columns are set flush right, ``bold`` which rows (after the headings)
    are. ``spans`` are headings above the headings, each with how many columns it covers. The
    packages it needs are named in its first line.
    """
    heads, *body = [[escaped(cell) for cell in row] for row in rows]
    lines = [f"{' & '.join(cells)} \\\\" for cells in map(_strong, body, bold)]
    above = _above(spans) if any(name for name, _ in spans) else []
    layout = _layout([_column(index, right, rows) for index, right in enumerate(numeric)])
    return "\n".join(
        [
            r"% \usepackage{array,booktabs,amssymb}",
            f"\\begin{{tabular}}{{@{{}}{layout}@{{}}}}",
            r"\toprule",
            *above,
            f"{' & '.join(heads)} \\\\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _column(index: int, right: bool, rows: Sequence[Sequence[str]]) -> str:
    cells = [row[index] for row in rows[1:]]
    if right:
        return "r"
    if cells and set(cells) <= {CHECK, ""}:
        return "c"
    is_long = index > 0 and max(map(len, cells), default=0) > LONG
    return WRAPPED if is_long else "l"


def _layout(columns: Sequence[str]) -> str:
    """The columns as tabular takes them; those that are wrapped share two thirds of a line."""
    width = min(0.3, 0.66 / max(columns.count(WRAPPED), 1))
    return "".join(columns).replace(WRAPPED, WRAPPED.replace("WIDTH", f"{width:.2g}"))


def _strong(cells: Sequence[str], bold: bool) -> Sequence[str]:
    return [rf"\textbf{{{cell}}}" for cell in cells] if bold else cells


def _above(spans: Sequence[tuple[str, int]]) -> list[str]:
    """The row of headings over several columns, and a rule under each."""
    starts = [1, *accumulate((wide for _, wide in spans), initial=1)][1:]
    cells = [
        rf"\multicolumn{{{wide}}}{{c}}{{{escaped(name)}}}" if name else "&" * (wide - 1)
        for name, wide in spans
    ]
    rules = [
        rf"\cmidrule(lr){{{first}-{first + wide - 1}}}"
        for first, (name, wide) in zip(starts, spans, strict=False)
        if name
    ]
    return [f"{' & '.join(cells)} \\\\", " ".join(rules)]
