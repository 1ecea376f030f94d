"""The studies of a ledger at a glance: how far each is, who is best so far, where its report is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.table import Table as RichTable
from rich.text import Text

from harness.ledger import Ledger, heard, progress
from harness.opening import folder_name
from harness.study import DIRECTIONS
from harness.terminal import table
from reports.columns import FIGURES, MISSING, plain
from reports.plain_page import PlainLine, plain_page

HEADINGS = ("study", "trials", "failed", "state", "best so far", "last written (UTC)")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One study. ``best`` has the highest mean of its first objective that was measured, ``value``.

    ``report`` is its page, if one was written; ``written`` when its last trial ended.
    """

    study: str
    question: str
    num_planned: int
    num_ended: int
    num_failed: int
    state: str
    objective: str | None
    best: str | None
    value: float | None
    written: str | None
    report: str | None


def board(ledger: Ledger, folder: Path) -> tuple[Listed, ...]:
    """All studies by name; ``folder`` is where reports are kept."""
    return tuple(_listed(ledger, name, folder) for name in sorted(ledger.studies()))


def _listed(ledger: Ledger, name: str, folder: Path) -> Listed:
    found, definition = progress(ledger, name), ledger.definition(name)
    objective = _objective(definition)
    best = ledger.best(name, objective, DIRECTIONS[objective] if objective else "max")
    page = folder / folder_name(name) / "report.html"
    return Listed(
        study=name,
        question=definition.get("question") or "",
        num_planned=found.num_planned,
        num_ended=found.num_ended,
        num_failed=found.num.get("failed", 0),
        state=heard(ledger, name, found),
        objective=objective,
        best=best.candidate,
        value=best.mean,
        written=best.finished,
        report=str(page) if page.is_file() else None,
    )


def _objective(definition: Mapping[str, Any]) -> str | None:
    keys = [key for key in definition.get("objectives") or () if key in FIGURES]
    return next((key for key in keys if FIGURES[key].seeded), keys[0] if keys else None)


def _cells(each: Listed) -> tuple[str, ...]:
    column = FIGURES[each.objective] if each.objective else None
    best = f"{plain(each.best)}, {column.label} {column.with_unit(each.value)}" if column else ""
    return (
        plain(each.study),
        f"{each.num_ended} of {each.num_planned}",
        str(each.num_failed),
        each.state,
        best if each.best else MISSING,
        _when(each.written),
    )


def _when(written: str | None) -> str:
    return written[:16].replace("T", " ") if written else MISSING


def board_table(found: Sequence[Listed]) -> RichTable:
    """The board for a terminal."""
    drawn = table(HEADINGS[0], right=HEADINGS[1:3])
    for heading in HEADINGS[3:]:
        drawn.add_column(heading)
    for each in found:
        # Text, since a name in square brackets would be read as markup.
        drawn.add_row(*map(Text, _cells(each)))
    return drawn


def board_page(found: Sequence[Listed], folder: Path) -> str:
    """The board as HTML, to lie in ``folder``, with links to the reports below it."""
    lines = [PlainLine(cells=_cells(each), link=_link(each, folder)) for each in found]
    caption = (
        "“Best so far” has the best mean of a study's first objective; whether it is told from "
        "the others its report says. A study is “silent” where a run on another machine holds "
        "trials of it and was not heard of.",
    )
    numeric = (False, True, True, False, False, False)
    return plain_page("Studies", HEADINGS, numeric, lines, caption)


def _link(each: Listed, folder: Path) -> str:
    return quote(Path(each.report).relative_to(folder).as_posix()) if each.report else ""


def board_records(found: Sequence[Listed]) -> list[dict[str, Any]]:
    """The board as JSON has it."""
    return [asdict(each) for each in found]
