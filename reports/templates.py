"""Where pages get their templates: whatever is filled in is escaped, and nothing may be missing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RUN = re.compile(f"[{_RIGHT}](?:[{_RIGHT}\\s_-]*[{_RIGHT}])?")
"""Words of scripts that are written from right to left."""


def isolated(value: Any) -> Any:
    """A text in which words written from right to left leave the order of all others alone.

    Without it brackets and figures behind such a name would turn around with it.
    """
    text = str(value)
    if text.isascii() or not _RUN.search(text):  # nearly always
        return value
    return Markup(_RUN.sub(r"<bdi>\g<0></bdi>", str(escape(text))))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports", "."),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolated"] = isolated
    return environment


def template(name: str) -> Template:
    """A template of this package by its file name; jinja2 keeps those that were read."""
    return _environment().get_template(name)
