"""A page of one table with sentences: the board of a ledger, or a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape


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
    return _template().render(
        title=title, headings=headings, numeric=numeric, lines=lines, caption=caption
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reports", "."),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("plain.html.jinja")
