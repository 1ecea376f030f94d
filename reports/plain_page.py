"""A page of one table with sentences: the board of a ledger, or a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.templates import template


@dataclass(frozen=True, kw_only=True)
class PlainLine:
    """The cells of a line; the first is a link where there is one to give."""

    cells: tuple[str, ...]
    link: str = ""


def plain_page(
    title: str,
    headings: Sequence[str],
    numeric: Sequence[bool],
    lines: Sequence[PlainLine],
    caption: Sequence[str] = (),
) -> str:
    """The page as HTML, all texts escaped; it loads nothing from anywhere."""
    return template("plain.html.jinja").render(
        title=title, headings=headings, numeric=numeric, lines=lines, caption=caption
    )
