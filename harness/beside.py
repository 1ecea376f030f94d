"""The papers' tables, with what our networks of the same rows cost beside the printed figures."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any

from rich.console import Console

from harness import papers
from harness.commands import load_named
from harness.measure.by_part import ByPart
from harness.measure.cost import Cost
from harness.papers import PaperTable, Published, Size
from harness.progress import some
from harness.terminal import Answer, on_one_line, table

UNSAID = (512, 1024)
"""Height and width in pixels at which a row is counted if the paper says none."""

MIB = 2**20
FLOAT32 = 4

Row = dict[str, Any]


def tables(options: Namespace) -> Answer:
    """All known tables, those of one paper, or one of them beside ours."""
    load_named(options)
    prefix = "" if options.table is None else f"{options.table}:"
    if any(name.startswith(prefix) for name in papers.names()):
        return _list(prefix)
    found = papers.get(options.table)
    rows = beside(found, options.classes)
    record = {
        "table": found.name,
        "title": found.title,
        "notes": list(found.notes),
        "why": dict(found.why),
        "rows": rows,
    }
    return Answer(record=record, show=partial(_show, found, rows))


def _list(prefix: str) -> Answer:
    found = [papers.get(name) for name in papers.names() if name.startswith(prefix)]
    rows = [
        {"table": each.name, "title": each.title, "rows": len(each.rows), "ours": len(each.ours)}
        for each in found
    ]
    return Answer(record=rows, show=partial(_show_list, rows))


def _show_list(rows: list[Row], console: Console) -> None:
    drawn = table("table", "title", right=("rows", "networks of ours"))
    for row in rows:
        title = on_one_line(row["title"])
        drawn.add_row(row["table"], title, str(row["rows"]), str(row["ours"]))
    console.print(drawn)
    console.print("twopath paper TABLE shows one of them, with what our networks cost beside it.")


def beside(found: PaperTable, num_classes: int) -> list[Row]:
    """The rows of a table as flat records: what is printed, and what ours cost.

    ``ours_gmacs`` are multiply-adds of convolutions, which is what papers count. ``difference`` is
    ours less the printed figure; ``step`` and ``ours_step`` are those to the table's reference.
    """
    counters: dict[Size, ByPart] = {}
    rows = [_row(each, found, counters, num_classes) for each in found.rows]
    start = next((row for row in rows if row["label"] == found.reference), None)
    for row in rows:
        for step, figure in (("step", "gmacs"), ("ours_step", "ours_gmacs")):
            known = start and figure in start and figure in row
            row |= {step: row[figure] - start[figure]} if start and known else {}
    return rows


def _row(one: Published, found: PaperTable, counters: dict[Size, ByPart], num_classes: int) -> Row:
    row: Row = {"label": one.label, "source": one.source, "dataset": one.dataset}
    row |= {"device": one.device, "protocol": one.protocol, **one.figures}
    if one.label not in found.ours:
        return row
    size = one.counted_at or one.size or UNSAID
    counter = counters.setdefault(size, ByPart(num_classes, size))
    row |= _cost(counter.count(found.ours[one.label]))
    if "gmacs" in row:
        row["difference"] = row["ours_gmacs"] - row["gmacs"]
    return row


def _cost(cost: Cost) -> Row:
    return {
        "counted_at": cost.cost_size,
        "ours_gmacs": cost.gmacs_conv,
        "ours_params": cost.params,
        "ours_weights_mib": cost.params * FLOAT32 / MIB,
    }


COLUMNS = (
    ("miou", "mIoU (%)", 100, 2),
    ("pixel_accuracy", "pixel acc. (%)", 100, 1),
    ("latency_ms", "ms", 1, 0),
    ("fps", "FPS", 1, 1),
    ("gmacs", "GMACs", 1, 2),
    ("ours_gmacs", "ours", 1, 2),
    ("difference", "ours - printed", 1, 2),
    ("step", "step*", 1, 2),
    ("ours_step", "our step*", 1, 2),
    ("params", "params (M)", 1e-6, 2),
    ("weights_mib", "weights (MiB)", 1, 1),
    ("ours_weights_mib", "our weights (MiB)", 1, 2),
    ("ours_params", "our params (M)", 1e-6, 3),
)
"""Keys of a row, their headings, the factor to what is shown, and decimals."""

SIGNED = ("difference", "step", "ours_step")


def _show(found: PaperTable, rows: list[Row], console: Console) -> None:
    wanted = [column for column in COLUMNS if any(column[0] in row for row in rows)]
    if not any("weights_mib" in row for row in rows):
        wanted = [column for column in wanted if column[0] != "ours_weights_mib"]
    said = [key for key in ("dataset", "device", "counted_at") if len(_values(rows, key)) > 1]
    title = f"{rows[0]['source'] if rows else found.name}: {found.title}"
    drawn = table("row", *said, right=tuple(heading for _, heading, _, _ in wanted), title=title)
    for row in rows:
        words = (str(row.get(key) or "") for key in said)
        drawn.add_row(row["label"], *words, *(_cell(row, column) for column in wanted))
    console.print(drawn)
    for line in _below(found, rows, said):
        console.print(line)


def _values(rows: list[Row], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows if row.get(key)))


def _cell(row: Row, column: tuple[str, str, float, int]) -> str:
    key, _, factor, decimals = column
    if key not in row:
        return ""
    sign = "+" if key in SIGNED else ""
    return f"{row[key] * factor:{sign}.{decimals}f}"


def _below(found: PaperTable, rows: list[Row], said: list[str]) -> list[str]:
    """What a reader must know: where figures are from, the notes, and why ours differ."""
    lines = [
        f"{key.replace('_', ' ')}: {', '.join(values)}"
        for key in ("dataset", "device", "protocol", "counted_at")
        if (values := _values(rows, key)) and key not in said
    ]
    if any("ours_gmacs" in row for row in rows):
        num = len({row["label"] for row in rows if "ours_gmacs" in row})
        lines.append(
            f"ours: {some(num, 'network')} as deployed, multiply-adds of convolutions; "
            "nothing here was trained."
        )
    if any("step" in row for row in rows):
        lines.append(f"* GMACs less those of row {found.reference!r}, printed and ours.")
    lines += [f"- {note}" for note in found.notes]
    return lines + [f"- {label}: {why}" for label, why in found.why.items()]
