"""Standard output: for answers alone, as wide as the terminal, and whole where there is none."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 10_000
"""The columns of what is no terminal: nothing there is cut or folded."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command found: a record for machines, how people are shown it, the exit code."""

    record: Any
    show: Callable[[Console], None]
    code: int = 0


def give(answer: Answer, *, as_json: bool) -> int:
    """Writes an answer to standard output; gives its exit code."""
    if as_json:
        print(as_strict_json(answer.record))
    else:
        width = None if sys.stdout.isatty() else WIDE
        console = Console(width=width, highlight=False, markup=False, emoji=False)
        # In one piece, since rich has an exit code of its own for a reader that left.
        with console.capture() as captured:
            answer.show(console)
        lines = captured.get().splitlines()
        print("\n".join(line.rstrip() for line in lines))
    sys.stdout.flush()
    return answer.code


def as_strict_json(record: Any) -> str:
    """A record as JSON; what is not a finite number is null, as strict readers have it."""
    loose = json.dumps(record, default=str)
    return json.dumps(json.loads(loose, parse_constant=lambda _: None), indent=2)


@contextmanager
def kept_for_answers() -> Iterator[None]:
    """Meanwhile all that plugins, libraries and worker processes print goes to standard error."""
    sys.stdout.flush()
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()  # what somebody wrote there past sys.stdout
        os.dup2(answers, 1)
        os.close(answers)


def table(*headings: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """An empty table, drawn as the reports' are: text to the left, then figures to the right."""
    drawn = Table(
        title=title,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in headings:
        drawn.add_column(heading)
    for heading in right:
        drawn.add_column(heading, justify="right", no_wrap=True)
    return drawn


def on_one_line(text: str) -> Text:
    """A cell that is cut where it does not fit."""
    return Text(text, no_wrap=True, overflow="ellipsis")
