"""How values show themselves in a notebook: as small HTML tables, with every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def html_table(
    headings: Sequence[str],
    lines: Iterable[Sequence[Any]],
    *,
    title: str = "",
    numeric: Sequence[bool] = (),
    below: Iterable[str] = (),
) -> str:
    """A table with a title above and sentences below it; ``numeric`` columns are set right."""
    right = [*numeric, *[False] * (len(headings) - len(numeric))]
    looks = ["right" if each else "left" for each in right]
    caption = f"<p><strong>{escape(title)}</strong></p>" if title else ""
    head = _line("th", headings, looks) if any(headings) else ""
    body = "".join(_line("td", line, looks) for line in lines)
    table = f"<table>{head}{body}</table>" if head or body else ""
    rest = "".join(f"<p>{escape(text)}</p>" for text in below)
    return f"<div>{caption}{table}{rest}</div>"


def _line(tag: str, cells: Sequence[Any], looks: Sequence[str]) -> str:
    pairs = zip(cells, looks, strict=True)
    made = (f'<{tag} style="text-align: {a}">{escape(str(cell))}</{tag}>' for cell, a in pairs)
    return f"<tr>{''.join(made)}</tr>"
