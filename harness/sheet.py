"""The command ``twopath sheet``: what candidates of a study say of the images they differ on."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.names import unknown
from harness.options import add_data, add_places, add_plugins, positive

if TYPE_CHECKING:
    from rich.console import Console

    from harness.predicted import Chosen
    from harness.terminal import Answer

Row = dict[str, Any]

ABOUT = "Draw images, ground truth and what candidates predict side by side, and where they differ."
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".pdf")
EXAMPLE = "twopath sheet fusion --candidates sum bga --images 4"


def add_sheet_options(command: Any) -> None:
    """Adds what this command takes."""
    command.add_argument(
        "study", help="a study file, or the name of a built-in study, that was run"
    )
    command.add_argument(
        "--candidates",
        nargs="+",
        default=[],
        metavar="NAME",
        help="whose predictions; default: the baseline and the most accurate, or the best two",
    )
    command.add_argument(
        "--images",
        type=positive,
        default=4,
        metavar="N",
        help="how many, those on which the candidates differ most first; default: 4",
    )
    command.add_argument("--seed", type=int, help="of the trials; default: the first all have")
    command.add_argument("--out", metavar="FILE", help="default: sheet.png beside the report")
    add_data(command)
    add_plugins(command)
    add_places(command)


def drawn(options: Namespace) -> Answer:
    """The sheet that the options ask for, written as a picture."""
    from functools import partial

    from harness.commands import load_named
    from harness.confirming import made_again
    from harness.data.roots import data_roots
    from harness.data.side_by_side import side_by_side
    from harness.ledger import Entry
    from harness.loading import load_study
    from harness.opening import folder_name, opened
    from harness.predicted import predicted
    from harness.terminal import Answer
    from harness.whole import naming

    if options.out and Path(options.out).suffix.lower() not in ENDINGS:
        raise ValueError(f"--out is a file that ends in {', '.join(ENDINGS)}, not {options.out!r}")
    load_named(options)
    study, _ = load_study(options.study)
    with opened(options) as ledger:
        entries = {each["key"]: each for each in ledger.study(study.name)["plan"]}
        rows = ledger.rows(study.name)
    baseline = next((each["candidate"] for each in entries.values() if each["baseline"]), None)
    shown = trials_to_show(rows, options.candidates or two_best(rows, baseline), options.seed)
    found = made_again(study, [Entry(**entries[row["key"]]) for row in shown])
    runs, roots = Path(options.runs), data_roots(options.data)
    chosen = predicted(found, shown, runs / "trials", roots, study.scoring, options.images)
    names = [each.label for each in found]
    title = _title(study.name, shown, chosen)
    picture = side_by_side(chosen.pictures, names, chosen.label_map, title)
    file = Path(options.out or runs / "reports" / folder_name(study.name) / "sheet.png")
    with naming(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
        if not options.out:
            picture.save(file.with_suffix(".jpg"), quality=88)  # a page would be large with PNG
    record = _record(study.name, shown, chosen, file)
    return Answer(record=record, show=partial(_show, record, not options.out))


def two_best(rows: Sequence[Row], baseline: str | None) -> list[str]:
    """The baseline, if it was trained, and the most accurate other; else the two most accurate."""
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["state"] == "done":
            scores.setdefault(row["candidate"], []).append(row["miou"])
    ranked = sorted(scores, key=lambda name: -fmean(scores[name]))
    return sorted(ranked, key=lambda name: name != baseline)[:2]


def trials_to_show(rows: Sequence[Row], names: Sequence[str], seed: int | None) -> list[Row]:
    """The rows of one finished trial of each of some candidates, all of one seed.

    KeyError for a candidate that is not known; ValueError for one that was not trained, for
    candidates that share no seed, or for none.
    """
    if not names:
        raise ValueError("no trial of the study was done yet, so nothing is predicted")
    known = dict.fromkeys(row["candidate"] for row in rows)
    done: dict[str, dict[int, Row]] = {name: {} for name in known}
    for row in rows:
        if row["state"] == "done":
            done[row["candidate"]][row["seed"]] = row
    for name in names:
        if name not in known:
            raise KeyError(unknown("candidate", name, known))
        if not done[name]:
            raise ValueError(f"no trial of candidate {name!r} was done, so it predicts nothing")
    shared = sorted(set.intersection(*(set(done[name]) for name in names)))
    if not shared or (seed is not None and seed not in shared):
        which = "one seed" if seed is None else f"seed {seed}"
        raise ValueError(
            f"{', '.join(names)} were not all done with {which}; seeds of all: {shared or 'none'}"
        )
    return [done[name][shared[0] if seed is None else seed] for name in names]


def _title(name: str, rows: Sequence[Row], chosen: Chosen) -> str:
    one = len(rows) == 1
    how = "with the most mistakes" if one else "on which they differ most"
    away = ", neighbours left out" if chosen.gap else ""
    return (
        f"{name}, seed {rows[0]['seed']}: {len(chosen.pictures)} of {chosen.num_images} images, "
        f"those {how}{away} (of labelled pixels)"
    )


def _record(name: str, rows: Sequence[Row], chosen: Chosen, file: Path) -> Row:
    names = [row["candidate"] for row in rows]
    images = [
        {
            "number": each.number,
            "differ": each.differ,
            "right": {who: each.right(place) for place, who in enumerate(names)},
        }
        for each in chosen.pictures
    ]
    return {
        "study": name,
        "seed": rows[0]["seed"],
        "candidates": names,
        "num_images": chosen.num_images,
        "images": images,
        "notes": list(chosen.notes),
        "sheet": str(file),
    }


def _show(record: Row, for_page: bool, console: Console) -> None:
    from rich.text import Text

    lines: list[str] = []
    what = "differ on" if len(record["candidates"]) > 1 else "wrong on"
    for each in record["images"]:
        right = "; ".join(f"{100 * share:.1f} % by {who}" for who, share in each["right"].items())
        lines.append(
            f"image {each['number']}: {what} {100 * each['differ']:.1f} % of labelled pixels; "
            f"right: {right}"
        )
    lines += [f"note: {note}" for note in record["notes"]]
    then = "; twopath report puts it on the study's page" if for_page else ""
    for line in (*lines, f"\n{record['sheet']}{then}"):
        # Text, since a name in square brackets would be read as markup.
        console.print(Text(line), soft_wrap=True)
