"""Writes a study's report: one page, its table and its charts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from harness.notebook import html_table
from harness.papers import Published
from reports.answer import answer
from reports.beside import beside
from reports.columns import quoted
from reports.confirmation import confirmation, confirmation_sentence
from reports.curves import drawn
from reports.effects import Effects, effects
from reports.effects_chart import draw_effects, effects_chart
from reports.files import Content, Made, begun, is_wanted, put_all, suffix_in
from reports.front import begun_fronts
from reports.images import images_of
from reports.iou_map import IouMap, iou_map
from reports.latencies import is_contended, reference, unpaired_text
from reports.live_chart import LiveChart, live_chart
from reports.page import Figures, Trouble, page, troubles
from reports.paper import paper_files
from reports.pareto_chart import ParetoChart, pareto_chart
from reports.published import published, published_table
from reports.qualitative import qualitative
from reports.rows import LARGE, Row, Study, trials_of
from reports.sections import Section, sections_of
from reports.style import Drawn, drawn_as, load
from reports.sweep import protocol, sweep, sweep_csv
from reports.sweep_chart import draw_sweep, sweep_chart
from reports.sweep_table import sweep_table
from reports.tables import Table, candidates_csv, candidates_table, markdown, terminal
from reports.trials import Trials
from reports.trials_csv import trials_csv
from reports.verdict import Verdict, judge, kept_of


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was written and found: the files by name, the answer, a table for the terminal."""

    answer: str
    table: RichTable
    files: Mapping[str, Path]
    main: str = "report.html"
    troubles: tuple[str, ...] = ()
    num_failed: int = 0
    sections: tuple[Section, ...] = ()
    more: tuple[RichTable, ...] = ()

    def _repr_html_(self) -> str:
        said = html_table((), (), below=(self.answer, *self.troubles, str(self.page)))
        return said + "".join(each._repr_html_() for each in self.sections)

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


KINDS = ("png", "svg", "pdf")
"""The kinds of file that a chart is written as."""

MOST_TROUBLES = 20
"""So many candidates that failed or were rejected are named in the terminal."""

Histories = Callable[[Sequence[str]], Mapping[str, Any]]
"""The losses of trials by their keys."""

Confirming = tuple[Study, Sequence[Row]]
"""A study's confirmation, which is a study of its own, and its rows."""


def write(  # noqa: PLR0913 - what is kept elsewhere comes apart
    study: Study,
    rows: Iterable[Row] | Trials,
    folder: str | Path,
    *,
    trials: Path | None = None,
    again: Confirming | None = None,
    histories: Histories | None = None,
    formats: Collection[str] | None = None,
    interactive: bool = True,
) -> Report:
    """Writes a study's report into a folder, which is made if need be.

    Files: report.html, table.md, table.csv (a candidate a line), trials.csv (a trial a line),
    pareto and iou as .png, .svg and .pdf; effects.md and .csv, its chart likewise, fronts.md and
    .csv where there are any, ablation.md and .csv; the tables as .tex too. Each is replaced as a
    whole, so that a reader never meets half a file. ``trials`` is where the confusion matrices of
    trials are kept, without which nothing is said of other images. ``histories`` gives the losses
    of some trials, for ``rows`` that come without them. ``formats`` are those of ``SUFFIXES`` to
    write; None for all. Without ``interactive`` the page holds the chart as a drawing alone: 0.2 MB
    instead of 5. ValueError if no planned trial has a row, or no file is of these formats.
    """
    folder, rows = Path(folder), rows if isinstance(rows, Trials) else trials_of(study, rows)
    before = _begun_early(rows, folder, formats)
    verdict = judge(study, rows)
    images = images_of(verdict.kept, trials)
    ended_fronts = begun_fronts(study, verdict, images)
    found = effects(verdict, images)
    verdict = with_histories(verdict, histories) if histories else verdict
    printed = published(study)  # apart from the verdict, so that no judgement can rest on it
    pareto, ious = pareto_chart(verdict, printed), iou_map(verdict)
    charts = cache(beside(partial(_drawn, pareto, ious, found, _kinds(formats))))
    on_fronts = ended_fronts()
    held = confirmation(verdict, *(again or (None, ())))
    text = answer(verdict, found) + confirmation_sentence(study, verdict, held)
    table = candidates_table(verdict, found)
    told = sections_of(verdict, found, images, on_fronts, held, charts)
    sections = (*told, *qualitative(folder))
    live = partial(live_chart, verdict, pareto, on_fronts, table, printed) if interactive else None
    figures = partial(_figures, pareto, ious, charts, printed, live)
    # Made only if they are written.
    contents: dict[str, Content] = {
        "report.html": lambda: page(
            verdict, text, table, figures(), study.get("command"), sections
        ),
        **_tables(verdict, table, told),
        **_charts(("pareto", "iou", *(each.name for each in told if each.drawing)), charts),
        **paper_files(table, told),
    }
    files = put_all(folder, suffix_in(contents, formats), before)
    return Report(
        answer=text,
        table=terminal(table),
        more=tuple(terminal(s.table) for s in sections if s.table and not s.is_repeat),
        sections=(Section(name="candidates", title="Candidates", table=table), *sections),
        files=files,
        main=next(iter(files)),
        troubles=(*_failures(verdict), *_beside_other_work(verdict)),
        num_failed=verdict.trials.column("state").count("failed"),
    )


def _tables(verdict: Verdict, table: Table, sections: Iterable[Section]) -> dict[str, Content]:
    """The tables of candidates and trials, and of each section that has one, as text files."""
    contents: dict[str, Content] = {
        "table.md": lambda: f"{markdown(table)}\n{table.note}\n" if table.note else markdown(table),
        "table.csv": lambda: candidates_csv(verdict),
        "trials.csv": lambda: trials_csv(verdict.trials),
    }
    for each in sections:
        contents[f"{each.name}.md"] = each.markdown
        if each.csv:
            contents[f"{each.name}.csv"] = each.csv
    return contents


def _begun_early(
    trials: Trials, folder: Path, formats: Collection[str] | None
) -> dict[str, Callable[[], None]]:
    """The table of very many trials, which needs no verdict, so that nothing waits for it."""
    name = "trials.csv"
    if len(trials) < LARGE or not is_wanted(name, formats):
        return {}
    return {name: begun(folder, name, partial(trials_csv, trials))}


Charts = Callable[[], Mapping[str, Drawn]]
"""Charts by name, drawn or waited for when they are first asked for."""


def _charts(names: Iterable[str], charts: Charts) -> dict[str, Content]:
    """Charts as files of each kind."""

    def made(name: str, kind: str) -> Callable[[], Made]:
        return lambda: getattr(charts()[name], kind)

    return {f"{name}.{kind}": made(name, kind) for name in names for kind in KINDS}


def _figures(
    pareto: ParetoChart,
    ious: IouMap,
    charts: Charts,
    printed: Sequence[Published],
    live: Callable[[], LiveChart | None] | None,
) -> Figures:
    """What the page shows, drawn."""
    return Figures(
        pareto=pareto,
        iou=ious,
        published=published_table(printed),
        drawn=charts,
        live=live() if live else None,
    )


def _drawn(
    pareto: ParetoChart, ious: IouMap, found: Effects | None, kinds: Collection[str]
) -> dict[str, Drawn]:
    """The charts of a report in some kinds; nothing is drawn for none.

    The map of classes takes half as long as the others together, and is drawn beside them.
    """
    if not kinds:
        return {}
    from reports.iou_drawing import draw_iou  # with matplotlib, which only drawing needs
    from reports.pareto_drawing import draw_pareto

    load(kinds)
    classes = beside(lambda: drawn_as(draw_iou(ious), kinds))
    charts = {"pareto": drawn_as(draw_pareto(pareto), kinds)}
    if found:
        charts["effects"] = drawn_as(draw_effects(effects_chart(found)), kinds)
    return {**charts, "iou": classes()}


def _kinds(formats: Collection[str] | None) -> list[str]:
    """The kinds of charts that some formats ask for; a page holds them as SVG."""
    wanted = KINDS if formats is None else formats
    return [kind for kind in KINDS if kind in wanted or (kind == "svg" and "html" in wanted)]


def with_histories(verdict: Verdict, histories: Histories) -> Verdict:
    """A verdict whose trials have the losses of those that are drawn."""
    known = histories([trial["key"] for trial in drawn(verdict)])
    column = [known.get(key) for key in verdict.trials.column("key")]
    trials = verdict.trials.with_column("history", column)
    return replace(verdict, trials=trials, kept=kept_of(trials, verdict.left_out))


def _failures(verdict: Verdict) -> tuple[str, ...]:
    """What failed or was rejected, a line each; of very many the first."""
    lines = [_told(each) for each in troubles(verdict)]
    more = f"and {len(lines) - MOST_TROUBLES} more candidates that failed or were rejected"
    return tuple(lines if len(lines) <= MOST_TROUBLES else [*lines[:MOST_TROUBLES], more])


def _told(each: Trouble) -> str:
    """What was wrong with a candidate; "over budget" says that it was rejected."""
    state = "" if each.reason.startswith("over budget") else f" {each.state}"
    return f"{quoted(each.candidate)}{state}: {each.reason}"


def _beside_other_work(verdict: Verdict) -> tuple[str, ...]:
    """Why the table has no milliseconds, if it has none."""
    against, alone = reference(verdict.compared), unpaired_text(verdict.compared)
    if against is None or not is_contended(verdict.compared):
        return (alone,) if alone else ()
    if sum(bool(each.timed) for each in verdict.compared) == 1:
        return (
            "Other work used this machine's CPUs while latency was timed, so no milliseconds are "
            "given.",
            *([alone] if alone else []),
        )
    told = (
        f"Other work used this machine's CPUs while latency was timed: it is given as a ratio "
        f"{'of CPU time ' if against.timed.get('latency_ratio_by') == 'cpu' else ''}to that of "
        f"{quoted(against.name)}, not in milliseconds."
    )
    return (told, alone) if alone else (told,)


def write_sweep(name: str, rows: Sequence[Row], folder: str | Path) -> Report:
    """Writes what a static sweep found into a folder, which is made if need be.

    Files: sweep.csv (an architecture a line), sweep.md, sweep.png, .svg and .pdf. ValueError if no
    architecture could be built.
    """
    found = sweep(name, rows)
    table, drawing = sweep_table(found), draw_sweep(sweep_chart(found))
    contents: dict[str, Content] = {
        "sweep.csv": sweep_csv(found),
        "sweep.md": f"{markdown(table)}\n{table.note}\n" if table.note else markdown(table),
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
        *filter(None, (table.note,)),
    ]
    return Report(
        answer="\n".join(lines),
        table=terminal(table),
        files=put_all(Path(folder), contents),
        main="sweep.png",
    )
