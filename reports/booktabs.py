r"""A table as LaTeX sets it with booktabs, no wider than the line of a one-column article."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from reports.columns import plain
from reports.latex import CHECK, escaped

SIZES = ((r"\footnotesize", 76), (r"\scriptsize", 87))
"""Sizes of letters, and how many of them go into the 345 points of a line of LaTeX's article."""

LONG = 28
"""Characters from which a cell of words is broken over lines."""

GAP = 1.5
"""Characters that go into the space between two columns."""

BOLD = 1.15
"""How much wider bold letters are."""

WRAPPED = "X"
"""A column of words that is broken over lines; such columns share what the others leave."""

PIECE = 12
"""Characters after which even a name without a place to break is broken."""

_PIECES = re.compile(rf"[^=.,/:;+_]{{1,{PIECE}}}[=.,/:;+_]*|[=.,/:;+_]+")
"""What of a word stays on one line: up to and with the signs after which it may go on."""


def tabular(
    rows: Sequence[Sequence[str]],
    *,
    numeric: Sequence[bool],
    bold: Sequence[bool],
    spans: Sequence[tuple[str, int]] = (),
) -> str:
    """Rows, the first of which are headings, as a tabular environment to be put into a table.

    ``numeric`` says which columns are set flush right, ``bold`` which rows (after the headings)
    are. ``spans`` are headings above the headings, each with how many columns it covers. Columns
    of long words are as wide as the line leaves room for (tabularx), and headings of check marks
    are upright where the marks would be too many. The packages it needs are in its first line.
    """
    kinds, size, upright = _columns(rows, numeric, any(bold))
    heads = [
        _heading(text, kind, _widest(rows[1:], place), upright)
        for place, (text, kind) in enumerate(zip(rows[0], kinds, strict=True))
    ]
    body = [[_cell(cell, kind) for cell, kind in zip(r, kinds, strict=True)] for r in rows[1:]]
    lines = [f"{' & '.join(cells)} \\\\" for cells in map(_strong, body, bold)]
    above = _above(spans) if any(name for name, _ in spans) else []
    wide = WRAPPED in kinds
    name, width = ("tabularx", r"{\linewidth}") if wide else ("tabular", "")
    packages = ["array", "booktabs", *["tabularx"] * wide, "amssymb", *["graphicx"] * upright]
    return "\n".join(
        [
            rf"% \usepackage{{{','.join(packages)}}}",
            rf"\begingroup{size}\setlength{{\tabcolsep}}{{3pt}}\renewcommand{{\arraystretch}}{{1.1}}%",
            rf"\begin{{{name}}}{width}{{@{{}}{_layout(rows, kinds)}@{{}}}}",
            r"\toprule",
            *above,
            f"{' & '.join(heads)} \\\\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            rf"\end{{{name}}}%",
            r"\endgroup",
            "",
        ]
    )


def _columns(
    rows: Sequence[Sequence[str]], numeric: Sequence[bool], has_bold: bool
) -> tuple[list[str], str, bool]:
    """How each column is set, in what size, and whether headings of check marks stand upright."""
    kinds = [_kind(place, right, rows) for place, right in enumerate(numeric)]
    upright = False
    widths = [_widest(rows[1:], place) for place in range(len(kinds))]
    words = [place for place, kind in enumerate(kinds) if kind == "l"]
    for place in sorted(words, key=lambda place: -widths[place]):
        if _total(rows, kinds, has_bold, upright) > SIZES[0][1]:
            kinds[place] = WRAPPED
    upright = "c" in kinds and _total(rows, kinds, has_bold, upright) > SIZES[0][1]
    total = _total(rows, kinds, has_bold, upright)
    return kinds, next((size for size, line in SIZES if total <= line), SIZES[-1][0]), upright


def _total(
    rows: Sequence[Sequence[str]], kinds: Sequence[str], has_bold: bool, upright: bool
) -> float:
    """How many characters go into a line of a table, at least, if its columns are set so."""
    total = GAP * (len(kinds) - 1)
    for place, (head, kind) in enumerate(zip(rows[0], kinds, strict=True)):
        cells, bold = rows[1:], BOLD if has_bold else 1
        if kind == WRAPPED:
            total += _need(rows, place) * bold
        elif kind == "c" and upright:
            total += 2
        else:
            widest = _widest(cells, place)
            total += max(widest * bold, *map(len, _broken(head, widest)))
    return total


def _need(rows: Sequence[Sequence[str]], place: int) -> float:
    """Characters that a column of words asks for: its longest piece, or a fifth of a long cell."""
    words = (word for row in rows for word in row[place].split())
    longest = max((len(piece) for word in words for piece in _pieces(word)), default=1)
    return max(longest, _widest(rows[1:], place) / 5)


def _pieces(word: str) -> list[str]:
    return _PIECES.findall(word)


def _layout(rows: Sequence[Sequence[str]], kinds: Sequence[str]) -> str:
    """The columns as tabular takes them; those of words share a line by what they need."""
    needs = {place: _need(rows, place) for place, kind in enumerate(kinds) if kind == WRAPPED}
    mean = sum(needs.values()) / max(len(needs), 1)
    ragged = r">{{\hsize={:.3f}\hsize\raggedright\arraybackslash}}X"
    return "".join(
        ragged.format(needs[place] / mean) if place in needs else kind
        for place, kind in enumerate(kinds)
    )


def _widest(rows: Sequence[Sequence[str]], place: int) -> int:
    return max((len(row[place]) for row in rows), default=0)


def _kind(place: int, right: bool, rows: Sequence[Sequence[str]]) -> str:
    cells = [row[place] for row in rows[1:]]
    if right:
        return "r"
    if cells and set(cells) <= {CHECK, f"({CHECK})", ""}:
        return "c"
    return WRAPPED if place > 0 and _widest(rows[1:], place) > LONG else "l"


def _broken(heading: str, width: int) -> list[str]:
    """A heading in lines that are no wider than the cells below it, as far as its words allow."""
    words = re.split(r"(?<!±) ", heading)
    width = max(width, *map(len, words))
    lines = words[:1]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _heading(text: str, kind: str, width: int, upright: bool) -> str:
    if kind == WRAPPED:
        return _cell(text, kind)
    if kind == "c" and upright:
        return rf"\rotatebox{{90}}{{{escaped(text)}}}"
    lines = [escaped(line) for line in _broken(text, width)]
    stack = r"\\".join(lines)
    return stack if len(lines) == 1 else rf"\shortstack[{kind}]{{{stack}}}"


def _cell(text: str, kind: str) -> str:
    """A cell; a long name in a column that is broken over lines may be broken itself."""
    if kind != WRAPPED:
        return escaped(text)
    broken = (map(escaped, _pieces(word)) for word in plain(text).split())
    return " ".join(map(r"\allowbreak{}".join, broken))


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
