"""The command check-data: what a data set holds, what is wrong with it, and a sheet to look at."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.architecture import Part
from harness.commands import load_named
from harness.data.check import look_over
from harness.data.codes import ranges
from harness.data.files import UnpairedError
from harness.data.overlay import sheet
from harness.data.roots import data_roots, open_dataset
from harness.opening import folder_name
from harness.progress import counted, some
from harness.terminal import Answer, table
from harness.whole import naming

SHOWN = 20
"""The problems that are printed; the record has them all."""


def checked(options: Namespace) -> Answer:
    """What was found in a data set; exit code 1 if anything in it must be mended."""
    load_named(options)
    part = Part(options.name, **set_options(options.set))
    try:
        dataset = open_dataset(part, data_roots(options.data))
    except UnpairedError as error:
        record = {"dataset": str(part), "problems": list(error.problems)}
        return Answer(record=record, show=partial(_show_problems, record), code=1)
    with counted(f"looking at {options.name}", quiet=options.json) as tell:
        report = look_over(dataset, tell)
    file = Path(options.runs) / "data" / f"{folder_name(str(part))}.png"
    with naming(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        sheet(dataset).save(file)
    record = {"dataset": str(part), **asdict(report), "sheet": str(file)}
    return Answer(record=record, show=partial(show_report, record), code=int(bool(report.problems)))


def set_options(given: Iterable[str]) -> dict[str, Any]:
    """Options from KEY=VALUE strings, whose values are read as Python where they can be."""
    options: dict[str, Any] = {}
    for each in given:
        key, equals, text = (part.strip() for part in each.partition("="))
        if not (key.isidentifier() and equals and text):
            raise ValueError(f"--set takes KEY=VALUE, as in --set layout=original; not {each!r}")
        try:
            options[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            options[key] = text
    return options


def show_report(record: dict[str, Any], console: Console) -> None:
    """Prints what is in each split, then each class, then what is wrong."""
    height, width = record["size"]
    console.print(
        f"{record['dataset']}: label map {record['label_map']}, "
        f"{record['num_classes']} classes, "
        f"used at {width}x{height}"
    )
    for split, found in record["splits"].items():
        ignored = found["ignored_share"]
        share = "" if ignored is None else f", {100 * ignored:.2f} % of pixels ignored"
        console.print(f"{split}: {some(found['images'], 'image')}{share}")
        for what in ("sizes", "image_modes", "mask_modes"):
            listed = [f"{name} ({number})" for name, number in found[what].items()]
            if listed:
                more = f" and {len(listed) - 6} more" if len(listed) > 6 else ""
                console.print(f"  {what.replace('_', ' ')}: {', '.join(listed[:6])}{more}")
        console.print(f"  mask values: {_values(found['values'])}")
    _show_classes(record, console)
    for note in record["notes"][:SHOWN]:
        console.print(f"note: {note}")
    _show_problems(record, console)
    console.print(f"\n{record['sheet']}")


def _values(found: dict[str, int]) -> str:
    if all(value.lstrip("-").isdecimal() for value in found):
        return ranges(map(int, found)) or "none"
    return some(len(found), "colour")


def _show_classes(record: dict[str, Any], console: Console) -> None:
    splits = record["splits"]
    drawn = table("class", right=tuple(f"{split} (%)" for split in splits))
    totals = {split: sum(found["class_pixels"].values()) for split, found in splits.items()}
    for name in next(iter(splits.values()))["class_pixels"]:
        pixels = {split: found["class_pixels"][name] for split, found in splits.items()}
        drawn.add_row(name, *(f"{100 * pixels[s] / max(totals[s], 1):.3f}" for s in splits))
    console.print(drawn)


def _show_problems(record: dict[str, Any], console: Console) -> None:
    problems = record["problems"]
    for problem in problems[:SHOWN]:
        console.print(f"wrong: {problem}")
    if len(problems) > SHOWN:
        console.print(f"and {len(problems) - SHOWN} more, which --json lists")
    console.print(f"{some(len(problems), 'thing')} wrong" if problems else "nothing is wrong")
