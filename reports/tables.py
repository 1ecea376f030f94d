"""A table is computed once and written as Markdown, LaTeX, CSV or for the terminal."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from harness.notebook import html_table
from reports.booktabs import tabular
from reports.candidates import LATENCY_SPAN, Candidate
from reports.columns import FIGURES, MISSING, Column, plain
from reports.effects import Effects, effects, gap_of
from reports.latencies import is_contended, ratio_text, ratio_to, reference
from reports.pareto import Standing
from reports.phrases import signed_gap
from reports.spreadsheet import spreadsheet
from reports.verdict import Verdict

ALWAYS = ("miou", "latency_ms", "gmacs", "params")

SD, CI = " ± sd", " ± CI"
NOTES = {
    SD: "± sd is one standard deviation over seeds, whose number is in brackets.",
    CI: "± CI is the half-width of a 95 % interval over seeds.",
}
"""What stands behind a ±, as headings have it, and in words."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One candidate's cells; ``brief`` are its figures and status in few characters.

    ``held`` is whether it is on the front and its place holds against seed noise. ``marks`` say so
    of each cell where these stand for several fronts.
    """

    cells: tuple[str, ...]
    brief: tuple[str, ...]
    status: str
    held: bool
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """Headings and lines; ``numeric`` says which columns are set flush right.

    ``brief_numeric`` says so of the brief ones where they are others. ``spans`` are headings above
    the headings, each with how many columns it covers. ``numbers`` are the same lines as plain
    numbers in the units of the rows, column by column, for machines.
    """

    headings: tuple[str, ...]
    brief: tuple[str, ...]
    numeric: tuple[bool, ...]
    lines: tuple[Line, ...]
    brief_numeric: tuple[bool, ...] | None = None
    spans: tuple[tuple[str, int], ...] = ()
    numbers: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    note: str = ""

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, title: str = "", below: Iterable[str] = ()) -> str:
        """The table as a notebook shows it, with a title above and sentences below."""
        lines = [line.cells for line in self.lines]
        heads = _lone_headings(self)
        return html_table(heads, lines, title=title, numeric=self.numeric, below=below)


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What one column shows: a figure, its difference from the baseline's, or its ratio to one.

    ``spread`` is what stands behind a ± in it, "" where nothing does.
    """

    column: Column
    baseline: Candidate | None = None
    against: Candidate | None = None
    spread: str = ""

    def heading(self) -> str:
        if self.baseline:
            return f"Δ {self.column.label} ({self.column.step}){self.spread}"
        if self.against:
            return f"{self.column.label} (times {plain(self.against.name)}'s)"
        return f"{self.column.heading}{self.spread}"

    def brief_heading(self) -> str:
        if self.baseline:
            return f"Δ {self.column.step}"
        if self.against:
            return self.column.label
        return self.column.unit if self.column.unit == "ms" else self.heading()


def candidates_table(
    verdict: Verdict, found: Effects | None = None, some: Sequence[Standing] | None = None
) -> Table:
    """The candidates in plan order, with the difference from the baseline if there is one.

    ``found`` are the study's effects where the caller has them, and ``some`` whose lines are asked
    for: those of the candidates that are listed, if it is not said.
    """
    found = found or effects(verdict)
    some = verdict.listed if some is None else some
    baseline = next((e.candidate for e in verdict.standings if e.candidate.baseline), None)
    heads = []
    for key in (key for key in FIGURES if key in ALWAYS or key in verdict.objectives):
        sd = SD if FIGURES[key].seeded and _has_spread(some, key) else ""
        heads.append(_Head(column=FIGURES[key], against=_against(verdict, key), spread=sd))
        if baseline and FIGURES[key].seeded:
            half = CI if _is_of(found, key) and found.has_intervals else ""
            heads.append(_Head(column=FIGURES[key], baseline=baseline, spread=half))
    return Table(
        headings=("candidate", *(head.heading() for head in heads), "status"),
        brief=("candidate", *(head.brief_heading() for head in heads), "status"),
        numeric=(False, *[True] * len(heads), False),
        lines=tuple(_line(each, heads, found) for each in some),
        numbers=_numbers(some),
        note=" ".join(NOTES[each] for each in NOTES if any(head.spread == each for head in heads)),
    )


def _has_spread(some: Sequence[Standing], key: str) -> bool:
    """Whether some candidate has a standard deviation over seeds."""
    return any(len(each.candidate.figures[key]) > 1 for each in some)


def _against(verdict: Verdict, key: str) -> Candidate | None:
    """What latencies are set against where other work makes their milliseconds no facts."""
    busy = key == "latency_ms" and is_contended(verdict.compared)
    return reference(verdict.compared) if busy else None


def _line(standing: Standing, heads: Sequence[_Head], found: Effects | None) -> Line:
    name = plain(standing.candidate.name)
    cells = [_cell(standing.candidate, head, found) for head in heads]
    held = standing.status == "front" and bool(standing.resolved)
    return Line(
        cells=(name, *(f"{text} {span}".rstrip() for text, span in cells), plain(standing.words)),
        brief=(name, *(text for text, _ in cells), brief_words(standing)),
        status=standing.status,
        held=held,
    )


def _cell(one: Candidate, head: _Head, effects_: Effects | None) -> tuple[str, str]:
    """A cell's text, and the span that stands beside it where there is room."""
    column, found = head.column, one.spread(head.column.key)
    if head.baseline:
        return _delta(one, head.baseline, column, effects_)
    if head.against:
        return _against_another(one, head.against)
    if found is None:
        return MISSING, ""
    text = column.text(found.mean)
    if column.seeded:
        sd = f" ± {column.text(found.sd)}" if found.sd is not None else ""
        return f"{text}{sd} ({found.n})", ""
    low, high = (one.mean(each) for each in LATENCY_SPAN)
    if column.key == "latency_ms" and low is not None and high is not None:
        return text, f"[{column.text(low)}{MISSING}{column.text(high)}]"
    return text, ""


def _is_of(found: Effects | None, key: str) -> TypeGuard[Effects]:
    """Whether these are effects on a figure, against the baseline: one that failed has none."""
    return found is not None and found.baseline is not None and found.key == key


def _against_another(one: Candidate, against: Candidate) -> tuple[str, str]:
    if one.name == against.name:
        return "1", ""
    text, _, span = ratio_text(ratio_to(one, against)).partition(" ")
    return text, span


def _delta(
    one: Candidate, baseline: Candidate, column: Column, found: Effects | None
) -> tuple[str, str]:
    """By how much a candidate differs from the baseline, as the table of effects has it."""
    if one.name == baseline.name:
        return "baseline", ""
    if _is_of(found, column.key):
        rows = [e for e in found.rows if e.candidate and e.candidate.name == one.name]
        if rows:
            text, _, width = signed_gap(gap_of(rows[0]), column).partition(" ")
            return text, width
    shared = one.figures[column.key].keys() & baseline.figures[column.key].keys()
    if one.apart or baseline.apart or not shared:
        return MISSING, ""
    gaps = [one.figures[column.key][seed] - baseline.figures[column.key][seed] for seed in shared]
    return column.difference(statistics.fmean(gaps)), ""


def brief_words(standing: Standing) -> str:
    """A standing in few words, without its reason."""
    if standing.competes:
        return f"{standing.status}{'' if standing.resolved else ', not resolved'}"
    others = {"apart": "not compared", "waiting": "not finished", "incomplete": "not measured"}
    return others.get(standing.status, standing.status)


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown."""
    rule = ["---:" if right else ":---" for right in table.numeric]
    rows = [_lone_headings(table), *(line.cells for line in table.lines)]
    escaped = [[markdown_cell(cell) for cell in row] for row in rows]
    lines = [escaped[0], rule, *escaped[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _lone_headings(table: Table) -> list[str]:
    """The headings with what stands above them, for forms without cells over several columns."""
    above = [name for name, wide in table.spans for _ in range(wide)] or [""] * len(table.headings)
    return [f"{a}: {b}" if a and b else a or b for a, b in zip(above, table.headings, strict=True)]


def latex(table: Table) -> str:
    """The table as a booktabs tabular; what holds the front is in bold."""
    rows = [table.headings, *(line.cells for line in table.lines)]
    bold = [line.held for line in table.lines]
    return tabular(rows, numeric=table.numeric, bold=bold, spans=table.spans)


def csv(table: Table) -> str:
    """The table's plain numbers, or its cells as they are shown where it has none."""
    names = enumerate(_lone_headings(table))
    shown = {name: [line.cells[place] for line in table.lines] for place, name in names}
    return spreadsheet(table.numbers or shown)


_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        **{char: f"\\{char}" for char in "\\|`*[]~$"},
    }
)


def markdown_cell(text: str) -> str:
    """A text with nothing left in it that Markdown or HTML would read."""
    return _EDGE.sub(r"\\_", text.translate(_ESCAPES))


_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore that is not within a word, where Markdown lets it stand for itself."""


def terminal(table: Table) -> RichTable:
    """The table for a terminal, narrow enough for 80 characters; what holds the front in bold."""
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    numeric = table.brief_numeric or table.numeric
    for place, (heading, right) in enumerate(zip(table.brief, numeric, strict=True)):
        if right:
            drawn.add_column(Text(heading), justify="right", no_wrap=True)
        else:
            longest = max((len(line.brief[place]) for line in table.lines), default=0)
            drawn.add_column(Text(heading), overflow="fold", min_width=min(longest, 12))
    for line in table.lines:
        # Text, since a name in square brackets would be read as markup.
        drawn.add_row(*(Text(cell) for cell in line.brief), style=_style(line))
    return drawn


def _style(line: Line) -> str:
    if line.held:
        return "bold"
    return "" if line.status in ("front", "dominated") else "dim"


def candidates_csv(verdict: Verdict) -> str:
    """One line a candidate, as plain numbers in the units of the rows (mIoU from 0 to 1)."""
    return spreadsheet(_numbers(verdict.standings))


def _numbers(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    everyone = [each.candidate for each in standings]
    columns: dict[str, list[Any]] = {
        "candidate": [one.name for one in everyone],
        "baseline": [one.baseline for one in everyone],
        "status": [each.status for each in standings],
        "rival": [each.rival for each in standings],
        "resolved": [each.resolved for each in standings],
    }
    for state in ("done", "failed", "rejected"):
        columns[f"num_{state}"] = [one.num.get(state, 0) for one in everyone]
    for key, column in FIGURES.items():
        if column.seeded:
            found = [one.spread(key) for one in everyone]
            columns[f"{key}_mean"] = [each and each.mean for each in found]
            columns[f"{key}_sd"] = [each and each.sd for each in found]
            columns[f"{key}_num_seeds"] = [each.n if each else 0 for each in found]
        else:
            columns[key] = [one.mean(key) for one in everyone]
    for key in LATENCY_SPAN:
        columns[key] = [one.mean(key) for one in everyone]
    columns["latency_contended"] = [one.timed.get("latency_contended") for one in everyone]
    columns["words"] = [each.words for each in standings]
    return columns
