"""How the columns of a LaTeX table are set so that they fit the line of a one-column article."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from reports.breaking import PIECE, broken, pieces, widest
from reports.latex import CHECK

SIZES = ((r"\footnotesize", 80.0), (r"\scriptsize", 85.0))
"""Sizes of letters, and how many figures of them go into the 345 points of an article's line."""

LONG = 28
"""Characters from which a cell of words is broken over lines."""

GAP = 1.5
"""Figures that go into the space between two columns."""

BOLD = 1.16
"""How much wider bold letters are."""

LINE = 2.3
"""How high a line is, in figures: the room of a line that stands upright."""

NARROW, LEAST = 8.0, 5.0
"""How wide pieces of names and headings are where those of ``PIECE`` have no room."""

TALL = 40.0
"""How long a heading may be that stands upright in one line."""

WRAPPED = "X"
"""A column of words that is broken over lines; such columns share what the others leave."""

_TIGHTER = (
    ("([", "c", PIECE),
    ("([±", "c", PIECE),
    ("([±", "cr", PIECE),
    ("([±", "cr", NARROW),
    ("([±", "cr", LEAST),
)
"""Signs before which numbers are broken, columns with upright headings, and widths of pieces."""

Rows = Sequence[Sequence[str]]
Spans = Sequence[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a table is set; ``fits`` says whether it is then no wider than the line.

    ``upright`` are the kinds of columns whose headings are, ``stacked`` the signs before which a
    number is broken over lines, ``piece`` is how wide an unbroken part of a name may be, and
    ``above`` how wide one of a heading over several columns may be where these are less wide.
    """

    kinds: tuple[str, ...]
    size: str = SIZES[0][0]
    upright: str = ""
    stacked: str = ""
    piece: float = PIECE
    above: float = PIECE
    fits: bool = True


def layout_of(rows: Rows, numeric: Sequence[bool], spans: Spans, bold: float) -> Layout:
    """The first layout that fits, of those that read best; ``bold`` widens all cells."""
    last = None
    for last, line in _layouts(rows, numeric, spans, bold):
        if total(rows, last, spans, bold) <= line:
            return last
    assert last is not None, "there is always a way to set a table"
    return replace(last, fits=False)


def _layouts(
    rows: Rows, numeric: Sequence[bool], spans: Spans, bold: float
) -> Iterator[tuple[Layout, float]]:
    """Ways to set a table, with what goes into their lines: the later, the worse to read."""
    (_, line), (small, more) = SIZES
    found = Layout(kinds=tuple(_kind(place, right, rows) for place, right in enumerate(numeric)))
    yield found, line
    words = [place for place, kind in enumerate(found.kinds) if kind == "l"]
    for place in sorted(words, key=lambda each: -widest(_below(rows, each))):
        kinds = (*found.kinds[:place], WRAPPED, *found.kinds[place + 1 :])
        found = replace(found, kinds=kinds)
        yield found, line
    found = replace(found, upright="c")
    yield found, line
    found = replace(found, above=NARROW)
    yield found, line
    found = replace(found, size=small)
    yield found, more
    for stacked, upright, piece in _TIGHTER:
        yield replace(found, stacked=stacked, upright=upright, piece=piece), more


def _kind(place: int, right: bool, rows: Rows) -> str:
    cells = _below(rows, place)
    if right:
        return "r"
    if cells and set(cells) <= {CHECK, f"({CHECK})", ""}:
        return "c"
    return WRAPPED if place > 0 and max(map(len, cells), default=0) > LONG else "l"


def _below(rows: Rows, place: int) -> list[str]:
    return [row[place] for row in rows[1:]]


def total(rows: Rows, layout: Layout, spans: Spans, bold: float) -> float:
    """How many figures go into a line of a table, at least, if it is set so."""
    wide = widths(rows, layout, bold)
    starts = accumulate((number for _, number in spans), initial=0)
    for start, (name, number) in zip(starts, spans, strict=False):
        own = sum(wide[start : start + number]) + GAP * (number - 1)
        wide[start] += max(widest(span_lines(name, own, layout)) - own, 0.0)
    return sum(wide) + GAP * (len(wide) - 1)


def widths(rows: Rows, layout: Layout, bold: float) -> list[float]:
    """How wide each column is at least, in figures."""
    return [_wide(rows, place, layout, bold) for place in range(len(layout.kinds))]


def _wide(rows: Rows, place: int, layout: Layout, bold: float) -> float:
    kind = layout.kinds[place]
    if kind == WRAPPED:
        return need(rows, place, layout) * bold
    lines = heading_lines(rows, place, layout)
    if is_upright(kind, layout):
        return max(LINE * len(lines), cells_width(rows, place, layout) * bold)
    return max(cells_width(rows, place, layout) * bold, widest(lines))


def need(rows: Rows, place: int, layout: Layout) -> float:
    """Figures that a column of words asks for: its longest piece, or a fifth of a long cell."""
    words = {word for row in rows for word in row[place].split()}
    longest = widest([piece for word in words for piece in pieces(word, layout.piece)])
    share = widest(_below(rows, place)) / 5 if layout.piece >= PIECE else 0.0
    return max(longest, share, 1.0)


def cells_width(rows: Rows, place: int, layout: Layout) -> float:
    """How wide the cells below a heading are."""
    cells = _below(rows, place)
    return widest([line for cell in cells for line in cell_lines(cell, place, layout)])


def cell_lines(text: str, place: int, layout: Layout) -> list[str]:
    """The lines of a cell that is not wrapped: what belongs to a number may stand below it."""
    if not layout.stacked or layout.kinds[place] != "r":
        return [text]
    return re.split(rf" (?=[{re.escape(layout.stacked)}])", text)


def is_upright(kind: str, layout: Layout) -> bool:
    """Whether the headings of a kind of column stand upright."""
    return kind in layout.upright


def heading_lines(rows: Rows, place: int, layout: Layout) -> list[str]:
    """The lines of a heading, which are to be no wider than the cells below them."""
    if is_upright(layout.kinds[place], layout):
        return broken(rows[0][place], TALL)
    return broken(rows[0][place], cells_width(rows, place, layout), layout.piece)


def span_lines(name: str, room: float, layout: Layout) -> list[str]:
    """The lines of a heading over columns of some width."""
    return broken(name, room, max(room, min(layout.above, layout.piece)))
