r"""A table as LaTeX sets it with booktabs, no wider than the line of a one-column article."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from reports.booktabs_fit import (
    BOLD,
    GAP,
    WRAPPED,
    Layout,
    Rows,
    Spans,
    cell_lines,
    heading_lines,
    is_upright,
    layout_of,
    need,
    span_lines,
    widths,
)
from reports.breaking import pieces
from reports.columns import plain
from reports.latex import escaped

TOO_WIDE = (
    r"% This is wider than the line of an article: put it into a table* of a paper with two "
    r"columns, or the lines from \begingroup to \endgroup into \resizebox{\linewidth}{!}{...}."
)
"""What the file of a table says that no layout fits."""

EM = 2.0
"""The figures in an em."""


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
    wider = BOLD if any(bold) else 1.0
    layout = layout_of(rows, numeric, spans, wider)
    places = range(len(layout.kinds))
    heads = [_heading(rows, place, layout) for place in places]
    body = [[_cell(row[place], place, layout) for place in places] for row in rows[1:]]
    lines = [f"{' & '.join(cells)} \\\\" for cells in map(_strong, body, bold)]
    above = _above(rows, layout, spans, wider) if any(name for name, _ in spans) else []
    wide = WRAPPED in layout.kinds and layout.fits
    name, width = ("tabularx", r"{\linewidth}") if wide else ("tabular", "")
    turned = not layout.fits or any(is_upright(kind, layout) for kind in layout.kinds)
    packages = ["array", "booktabs", *["tabularx"] * wide, "amssymb", *["graphicx"] * turned]
    looks = r"\setlength{\tabcolsep}{3pt}\renewcommand{\arraystretch}{1.1}%"
    return "\n".join(
        [
            rf"% \usepackage{{{','.join(packages)}}}",
            *[TOO_WIDE] * (not layout.fits),
            rf"\begingroup\noindent{layout.size}{looks}",
            rf"\begin{{{name}}}{width}{{@{{}}{_columns(rows, layout, wider)}@{{}}}}",
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


def _columns(rows: Rows, layout: Layout, bold: float) -> str:
    """The columns as tabular takes them; those of words share a line by what they need."""
    wrapped = [place for place, kind in enumerate(layout.kinds) if kind == WRAPPED]
    needs = {place: need(rows, place, layout) for place in wrapped}
    mean = sum(needs.values()) / max(len(needs), 1)
    shared = r">{{\hsize={:.3f}\hsize\raggedright\arraybackslash}}X"
    own = r">{{\raggedright\arraybackslash}}p{{{:.1f}em}}"  # what is made smaller has no line
    return "".join(
        kind
        if place not in needs
        else shared.format(needs[place] / mean)
        if layout.fits
        else own.format(needs[place] * bold / EM)
        for place, kind in enumerate(layout.kinds)
    )


def _heading(rows: Rows, place: int, layout: Layout) -> str:
    kind = layout.kinds[place]
    if kind == WRAPPED:
        return _cell(rows[0][place], place, layout)
    lines = heading_lines(rows, place, layout)
    if is_upright(kind, layout):
        return rf"\rotatebox{{90}}{{{_stack(lines, 'l')}}}"
    return _stack(lines, kind)


def _stack(lines: Sequence[str], side: str) -> str:
    """Lines above each other, the last where a single one would be."""
    stack = r"\\".join(map(escaped, lines))
    return stack if len(lines) == 1 else rf"\shortstack[{side}]{{{stack}}}"


def _cell(text: str, place: int, layout: Layout) -> str:
    """A cell; a long name in a column that is broken over lines may be broken itself."""
    if layout.kinds[place] == WRAPPED:
        parts = (map(escaped, pieces(word, layout.piece)) for word in plain(text).split())
        return " ".join(map(r"\allowbreak{}".join, parts))
    lines = cell_lines(text, place, layout)
    stack = r"\\".join(map(escaped, lines))
    return (
        stack if len(lines) == 1 else rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{stack}\end{{tabular}}"
    )


def _strong(cells: Sequence[str], bold: bool) -> Sequence[str]:
    return [rf"\textbf{{{cell}}}" for cell in cells] if bold else cells


def _above(rows: Rows, layout: Layout, spans: Spans, bold: float) -> list[str]:
    """The row of headings over several columns, and a rule under each."""
    wide = widths(rows, layout, bold)
    starts = [*accumulate((number for _, number in spans), initial=0)]
    cells, rules = [], []
    for start, (name, number) in zip(starts, spans, strict=False):
        room = sum(wide[start : start + number]) + GAP * (number - 1)
        head = rf"\multicolumn{{{number}}}{{c}}{{{_stack(span_lines(name, room, layout), 'c')}}}"
        cells.append(head if name else "&" * (number - 1))
        rules += [rf"\cmidrule(lr){{{start + 1}-{start + number}}}"] * bool(name)
    return [f"{' & '.join(cells)} \\\\", " ".join(rules)]
