"""The commands that read a ledger and answer from it: nothing here trains or needs torch."""

from __future__ import annotations

import errno
import gc
import sys
import time
import webbrowser
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.ledger import Ledger, Progress, Rows, absent
from harness.names import check_writable
from harness.opening import INDEX, confirmation_name, folder_name, opened
from harness.terminal import Answer
from harness.whole import naming, write_whole
from reports.board import board as board_of
from reports.board import board_page, board_records, board_table
from reports.columns import plain
from reports.compare import (
    Comparison,
    compare_candidates,
    compare_studies,
    comparison_records,
    comparison_section,
)
from reports.files import is_wanted, put_all, suffix_in
from reports.plain_page import PlainLine, plain_page
from reports.qualitative import FILE as SHEET
from reports.report import Report, write
from reports.rows import LONG, trials_between
from reports.tables import latex, terminal
from reports.trials import Trials
from reports.verdict import Verdict, judge

UNREAD = (*LONG, "architecture")
"""The columns that a report does not read of every row."""


def report(options: Namespace) -> Answer:
    """The answer of ``twopath report``: reports of studies, or a comparison."""
    _check_out(options)
    if options.watch and options.study and not options.compare and not _awaited(options):
        _say("stopped watching")
        return _several([])
    with opened(options) as ledger:
        if options.compare:
            return compared(options, ledger)
        if not options.study:
            raise ValueError("name a study, as in: twopath report fusion; twopath board lists them")
        if options.watch:
            return _watched(options, ledger)
        for name in options.study:
            ledger.definition(name)
        found = [reported(options, name, ledger) for name in options.study]
        return found[0] if len(found) == 1 else _several(found)


def reported(options: Namespace, name: str, ledger: Ledger, summary: Any | None = None) -> Answer:
    """A study's report, which is written first."""
    found = written(options, name, ledger)
    _show_in_browser(options, found.page)
    record = {
        "study": name,
        "summary": summary and vars(summary),
        "answer": found.answer,
        "report": str(found.page),
        "rows": ledger.rows(name) if options.json else [],
    }
    has_failed = summary is not None and bool(found.num_failed)
    return Answer(record=record, show=found.show, code=int(has_failed))


def _several(found: Sequence[Answer]) -> Answer:
    def show(console: Console) -> None:
        for place, each in enumerate(found):
            console.print(Text(f"{'' if place == 0 else chr(10)}{each.record['study']}\n"))
            each.show(console)

    return Answer(record=[each.record for each in found], show=show)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Does not look for cyclic garbage: it would go over millions of figures, and find little."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_uncollected()
def written(options: Namespace, name: str, ledger: Ledger) -> Report:
    """Writes a study's report."""
    study, trials = _read(ledger, name)
    folder = _folder(options) / folder_name(name)
    with _putting(folder):
        _bring_sheet(options, folder)
        return write(
            study,
            trials,
            folder,
            trials=Path(options.runs) / "trials",
            again=_again(ledger, name),
            histories=partial(_histories, ledger),
            formats=getattr(options, "format", None),
            interactive=not getattr(options, "still", False),
        )


def _folder(options: Namespace) -> Path:
    """Where the reports lie."""
    out = getattr(options, "out", None)  # which a run has not
    return Path(out) if out else _folder_of_runs(options)


def _folder_of_runs(options: Namespace) -> Path:
    return Path(options.runs) / "reports"


def _check_out(options: Namespace) -> None:
    """OSError at once, since a report takes a while, for a folder that cannot be written."""
    if options.out:
        check_writable(Path(options.out), "--out")


@contextmanager
def _putting(path: Path) -> Iterator[None]:
    """Says of reports that cannot be written which option puts them elsewhere."""
    try:
        with naming(path):
            yield
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        why = f"{error.strerror}; twopath report or board with --out FOLDER writes elsewhere"
        raise OSError(error.errno, why, str(path)) from error


def _bring_sheet(options: Namespace, folder: Path) -> None:
    """Copies what ``twopath sheet`` drew, which a page shows, to a report that lies elsewhere."""
    drawn, here = _folder_of_runs(options) / folder.name / SHEET, folder / SHEET
    is_elsewhere = drawn.resolve() != here.resolve()
    if is_elsewhere and drawn.is_file() and is_wanted("report.html", options.format):
        write_whole(here, drawn.read_bytes())


def _histories(ledger: Ledger, keys: Sequence[str]) -> dict[str, Any]:
    return {key: row.get("history") for key, row in ledger.trials(keys).items()}


def _again(ledger: Ledger, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """A study's confirmation and its rows; None for a study that was not confirmed."""
    again = confirmation_name(name)
    return (ledger.study(again), ledger.rows(again)) if again in ledger.studies() else None


def _awaited(options: Namespace) -> bool:
    """Waits for a ledger that a run has yet to make; False when interrupted."""
    from reports.watching import awaited

    return awaited(partial(absent, options.runs, options.ledger), _say)


def _show_in_browser(options: Namespace, page: Path) -> None:
    if getattr(options, "open", False) and not webbrowser.open(page.resolve().as_uri()):
        print(f"twopath: no browser could be opened; the page is {page}", file=sys.stderr)


def _watched(options: Namespace, ledger: Ledger) -> Answer:
    """Writes reports until their studies are complete; the answer is that of the last ones."""
    from reports.watching import looked_at, watch

    last: dict[str, Report] = {}

    def again(name: str, found: Progress) -> None:
        is_first = name not in last
        last[name] = written(options, name, ledger)
        if is_first:
            _show_in_browser(options, last[name].page)
        _say(f"{time.strftime('%H:%M:%S')} {name}: {found.num_ended} of {found.num_planned} trials "
             f"in, wrote {last[name].page}")  # fmt: skip

    names = list(dict.fromkeys(options.study))
    found = looked_at(ledger, names)
    for name in names:
        if name not in found:  # a run that has just begun has not planned it yet
            _say(f"no study {name!r} in the ledger yet; it is waited for")
        elif not found[name].num_ended:
            _say(f"{name}: no trial has ended yet")
    _say("watching; Ctrl-C ends it")
    is_complete = watch(ledger, names, again, say=_say)
    _say("complete" if is_complete else "stopped watching")
    answers = [_watched_answer(name, each) for name, each in last.items()]
    return answers[0] if len(answers) == 1 else _several(answers)


def _watched_answer(name: str, found: Report) -> Answer:
    record = {"study": name, "answer": found.answer, "report": str(found.page)}
    return Answer(record=record, show=found.show)


def _say(text: str) -> None:
    print(f"twopath: {plain(text)}", file=sys.stderr, flush=True)


def compared(options: Namespace, ledger: Ledger) -> Answer:
    """The answer of ``twopath report --compare``; its files lie beside the study's report."""
    if options.watch:
        raise ValueError("--compare is made once; --watch is for reports")
    if len(options.study) > 1:
        raise ValueError("--compare A B takes one STUDY, whose candidates A and B are, or none")
    first, second = options.compare
    verdict = partial(_verdict, ledger)
    if options.study:
        found = compare_candidates(verdict(options.study[0]), first, second)
        folder = _folder(options) / folder_name(options.study[0])
        stem = f"compare-{folder_name(first)}-{folder_name(second)}"
    else:
        found = compare_studies(verdict(first), verdict(second))
        folder = _folder(options) / f"{folder_name(first)}-{folder_name(second)}"
        stem = "compare"
    return _comparison(options, found, folder, stem)


def _verdict(ledger: Ledger, name: str) -> Verdict:
    return judge(*_read(ledger, name))


def _read(ledger: Ledger, name: str) -> tuple[dict[str, Any], Trials]:
    """A study, and its trials without what a report does not read."""
    definition, num = ledger.definition(name), ledger.num_planned(name)
    ledger.rest()  # a part may be read by a copy of this process, which can share no connection

    def between(start: int, stop: int) -> tuple[list[dict[str, Any]], Iterator[Rows]]:
        plan = ledger.plan(name, start, stop)
        return [vars(entry) for entry in plan], ledger.each_rows(plan, UNREAD)

    trials = trials_between(name, num, between, _ready)
    return definition, trials  # all that the plan says is in these


def _ready() -> None:
    """Imports what a large study is judged with, half a second's work, once for all copies."""
    from scipy import optimize, stats  # noqa: F401


def _comparison(options: Namespace, found: Comparison, folder: Path, stem: str) -> Answer:
    from reports.sweep import records_csv

    section, records = comparison_section(found), comparison_records(found)
    table = section.table
    assert table is not None  # a comparison is one
    lines = [PlainLine(cells=each.cells) for each in table.lines]
    contents: dict[str, Callable[[], str]] = {
        f"{stem}.html": lambda: plain_page(
            section.title, table.headings, table.numeric, lines, section.caption
        ),
        f"{stem}.md": lambda: section.markdown,
        f"{stem}.csv": lambda: records_csv(records),
        f"{stem}.tex": lambda: latex(table),
    }
    with _putting(folder):
        files = put_all(folder, suffix_in(contents, options.format))
    main = next(iter(files.values()))
    _show_in_browser(options, main)

    def show(console: Console) -> None:
        console.print(Text(f"{section.title}\n"))
        console.print(terminal(table))
        for text in section.caption:
            console.print(Text(f"\n{text}"))
        console.print(Text(f"\n{main}"), soft_wrap=True)

    record = {"a": found.first, "b": found.second, "changes": records, "report": str(main)}
    return Answer(record=record, show=show)


def board(options: Namespace) -> Answer:
    """The answer of ``twopath board``; reports/index.html is written with it."""
    _check_out(options)
    with opened(options) as ledger:
        found = board_of(ledger, _folder(options))
    index = _folder(options) / INDEX
    with _putting(index):
        write_whole(index, board_page(found, _folder(options)).encode())
    _show_in_browser(options, index)

    def show(console: Console) -> None:
        console.print(board_table(found))
        for each in found:
            if each.report:
                console.print(Text(each.report), soft_wrap=True)
        console.print(Text(str(index)), soft_wrap=True)

    return Answer(record={"studies": board_records(found), "index": str(index)}, show=show)
