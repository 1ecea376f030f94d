"""Writes a study's report: one page, its table and its charts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from reports.answer import answer
from reports.columns import plain
from reports.confirmation import confirmation, confirmation_sentence
from reports.effects import effects
from reports.front import fronts
from reports.images import images_of
from reports.iou_map import draw_iou, iou_map
from reports.latencies import is_contended, reference
from reports.live_chart import live_chart
from reports.page import Figures, page, troubles
from reports.paper import paper_files
from reports.pareto_chart import pareto_chart
from reports.pareto_drawing import draw_pareto
from reports.published import published, published_table
from reports.rows import Row, Study, frame, trials_csv
from reports.sections import sections_of
from reports.sweep import protocol, sweep, sweep_csv
from reports.sweep_chart import draw_sweep, sweep_chart
from reports.sweep_table import sweep_table
from reports.tables import candidates_csv, candidates_table, markdown, terminal
from reports.verdict import Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was written and found: the files by name, the answer, a table for the terminal."""

    answer: str
    table: RichTable
    files: Mapping[str, Path]
    main: str = "report.html"
    troubles: tuple[str, ...] = ()
    more: tuple[RichTable, ...] = ()

    @property
    def page(self) -> Path:
        """The file to open first."""
        return self.files[self.main]

    def show(self, console: Console | None = None) -> None:
        """Prints the table, the answer and where the page is."""
        console = console or Console()
        console.print(self.table)
        for each in self.more:
            console.print()
            console.print(each)
        # Text, since a name in square brackets would be read as markup.
        console.print(Text(f"\n{self.answer}\n"))
        for line in self.troubles:
            console.print(Text(line))
        if self.troubles:
            console.print()
        console.print(Text(str(self.page)), soft_wrap=True)


Confirming = tuple[Study, Sequence[Row]]
"""A study's confirmation, which is a study of its own, and its rows."""


def write(
    study: Study,
    rows: Sequence[Row],
    folder: str | Path,
    *,
    trials: Path | None = None,
    again: Confirming | None = None,
) -> Report:
    """Writes a study's report into a folder, which is made if need be.

    Files: report.html, table.md, table.csv (a candidate a line), trials.csv (a trial a line),
    pareto and iou as .png, .svg and .pdf; effects.md and .csv, fronts.md and .csv where
    there are any, ablation.md and .csv; the tables as .tex too. Each is replaced as a whole, so
    that a reader never meets half a file. ``trials`` is where the confusion matrices of trials
    are kept, without which nothing is said of other images. ValueError if no planned trial has a
    row.
    """
    table_of_trials = frame(study, rows)
    verdict = judge(study, table_of_trials)
    printed = published(study)  # apart from the verdict, so that no judgement can rest on it
    pareto, ious = pareto_chart(verdict, printed), iou_map(verdict)
    images = images_of(verdict.kept, trials)
    found, on_fronts = effects(verdict, images), fronts(study, verdict, images)
    held = confirmation(verdict, *(again or (None, ())))
    text = answer(verdict, found) + confirmation_sentence(study, verdict, held)
    table = candidates_table(verdict, found)
    figures = Figures(
        pareto=pareto,
        pareto_drawing=draw_pareto(pareto),
        iou=ious,
        iou_drawing=draw_iou(ious),
        published=published_table(printed),
        live=live_chart(verdict, pareto, on_fronts, table, printed),
    )
    sections = sections_of(verdict, found, images, on_fronts, held)
    contents: dict[str, str | bytes] = {
        "report.html": page(verdict, text, table, figures, study.get("command"), sections),
        "table.md": markdown(table),
        "table.csv": candidates_csv(verdict),
        "trials.csv": trials_csv(table_of_trials),
        "pareto.png": figures.pareto_drawing.png,
        "pareto.svg": figures.pareto_drawing.svg,
        "pareto.pdf": figures.pareto_drawing.pdf,
        "iou.png": figures.iou_drawing.png,
        "iou.svg": figures.iou_drawing.svg,
        "iou.pdf": figures.iou_drawing.pdf,
    }
    contents |= paper_files(verdict, found, table, sections)
    for each in sections:
        contents[f"{each.name}.md"] = each.markdown
        if each.csv:
            contents[f"{each.name}.csv"] = each.csv
    return Report(
        answer=text,
        table=terminal(table),
        more=tuple(terminal(each.table) for each in sections if each.table),
        files=_put_all(Path(folder), contents),
        troubles=(
            *(f"{each.candidate} {each.state}: {each.reason}" for each in troubles(verdict)),
            *_beside_other_work(verdict),
        ),
    )


def _beside_other_work(verdict: Verdict) -> tuple[str, ...]:
    """Why the table has no milliseconds, if it has none."""
    against = reference(verdict.compared)
    if against is None or not is_contended(verdict.compared):
        return ()
    return (
        f"Other work used this machine's CPUs while latency was timed: it is given as a ratio to "
        f"that of {plain(against.name)}, not in milliseconds.",
    )


def write_sweep(name: str, rows: Sequence[Row], folder: str | Path) -> Report:
    """Writes what a static sweep found into a folder, which is made if need be.

    Files: sweep.csv (an architecture a line), sweep.md, sweep.png, .svg and .pdf. ValueError if no
    architecture could be built.
    """
    found = sweep(name, rows)
    table, drawing = sweep_table(found), draw_sweep(sweep_chart(found))
    contents: dict[str, str | bytes] = {
        "sweep.csv": sweep_csv(found),
        "sweep.md": markdown(table),
        "sweep.png": drawing.png,
        "sweep.svg": drawing.svg,
        "sweep.pdf": drawing.pdf,
    }
    built = f"{len(found.rows)} architectures counted"
    refused = sum(found.impossible.values())
    text = f"{built}, {refused} that cannot be built" if refused else built
    lines = [
        f"{text}.",
        *protocol(found),
        *(f"{num} x {why}" for why, num in found.impossible.items()),
    ]
    return Report(
        answer="\n".join(lines),
        table=terminal(table),
        files=_put_all(Path(folder), contents),
        main="sweep.png",
    )


def _put_all(folder: Path, contents: Mapping[str, str | bytes]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        _replace(folder / name, data)
    return {name: folder / name for name in contents}


def _replace(path: Path, data: bytes) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(partial, 0o644)  # mkstemp keeps a file to its owner; a report is to be read
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
