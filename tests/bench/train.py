"""Our training loop beside the bare step and a plain PyTorch loop: ``make bench-train``.

Images a second of each, run in turn in one process; what the loop costs over the step, the share of
time spent waiting for data, the peak memory of each; what channels_last, torch.compile, OHEM
without a sync and the frame cache bring. Ratios are taken round by round, with their range: on a
busy machine they hold where absolute figures do not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import arms
import torch
from ending import run
from interleave import Arm, Rounds, interleave, ratio
from peak import peak_here, peak_of
from told import Record, about, as_list, figures, load, show

from harness import networks
from harness.architecture import Architecture
from harness.data.roots import data_roots, open_dataset
from harness.measure.device import best_device, num_cores
from harness.mistakes import text_of
from harness.plugins import load_plugins
from harness.study import Recipe
from harness.terminal import Answer, give
from studies.fusion import study

SMALLEST = "smallest"

FOUR = (arms.LOOP, arms.CONSTANT, arms.PLAIN, arms.STEP)

LOOPS = tuple(combinations(FOUR, 2))

BRINGS = {
    "channels_last": (arms.CONTIGUOUS, arms.STEP),
    "compile": (arms.STEP, arms.COMPILED),
    "ohem": (arms.SORTED, arms.OHEM),
    "cache": (arms.UNCACHED, arms.LOOP),
}
"""The arm without a thing, then the arm with it."""


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", default=SMALLEST, help="a registered name, or 'smallest'")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--crop", type=int, nargs=2, default=(96, 192), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4, help="timed steps of a burst")
    parser.add_argument("--rounds", type=int, default=5, help="each has two bursts of every arm")
    parser.add_argument("--threads", type=int, default=num_cores())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--amp", choices=("bf16",), default=False, help="on CUDA alone")
    aside = (*BRINGS, "memory")
    parser.add_argument("--without", nargs="*", choices=aside, default=[], help="leave out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one arm, for its peak memory
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def bench_of(options: argparse.Namespace, folder: Path) -> arms.Bench:
    """What the options ask for; the data set is the first that ``--data`` names, or streets."""
    roots = data_roots(options.data)
    recipe = Recipe(
        dataset=roots.named[0][0] if roots.named else "streets",
        crop=tuple(options.crop),
        batch=options.batch,
        steps=options.steps + 1,
        amp=options.amp,
    )
    return arms.Bench(
        architecture=architecture_of(options.network),
        dataset=open_dataset(recipe.dataset, roots),
        recipe=recipe,
        device=best_device() if options.device == "auto" else torch.device(options.device),
        folder=folder,
    )


def architecture_of(name: str) -> Architecture:
    """A network by name; "smallest" is the smallest candidate of the studies here."""
    return replace(study.space, fusion="sum") if name == SMALLEST else networks.get(name)


def main(words: Sequence[str]) -> int:
    """Measures what the command line asks for and prints it; gives the exit code."""
    options = options_of(words)
    load_plugins()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as made:
        bench = bench_of(options, options.folder or Path(made))
        if options.only:
            print(json.dumps(peak_here(options.only, bench)))
            return 0
        found = measured(bench, options, words)
    return give(Answer(record=found, show=lambda out: show(found, out)), as_json=options.json)


def measured(bench: arms.Bench, options: argparse.Namespace, words: Sequence[str]) -> Record:
    """Everything that was asked for, as a record."""
    before = load()
    compared, left_out = chosen(arms.arms(bench), options.without)
    rounds = interleave(compared, options.rounds, progress)
    peaks = {} if "memory" in left_out else {name: peak_of(name, bench, words) for name in FOUR}
    brings = {name: pair for name, pair in BRINGS.items() if name not in left_out}
    return {
        **about(bench, options.network),
        "rounds": options.rounds,
        "load_before": before,
        "load_after": load(),
        "left_out": left_out,
        "arms": {name: figures(each, bench, peaks.get(name)) for name, each in rounds.items()},
        "loops": {f"{a} / {b}": compare(rounds, a, b) for a, b in LOOPS},
        "brings": {f"{name}: {a} / {b}": compare(rounds, a, b) for name, (a, b) in brings.items()},
    }


def compare(rounds: Mapping[str, Rounds], one: str, other: str) -> Record:
    """The time of one arm over that of another, by either clock: median, least, most."""
    clocks = {"wall": "seconds", "cpu": "cpu_s"}
    pair = rounds[one], rounds[other]
    return {name: as_list(ratio(*pair, of)) for name, of in clocks.items()}


def chosen(
    found: Mapping[str, Arm], without: Sequence[str]
) -> tuple[dict[str, Arm], dict[str, str]]:
    """The arms to run, and what is left out with the reason."""
    left_out = dict.fromkeys(without, "left out, as asked")
    if "compile" not in left_out and (reason := why_not(found[arms.COMPILED])):
        left_out["compile"] = f"cannot run here: {reason}"
    only_for = {name: set(pair) - {arms.STEP, arms.LOOP} for name, pair in BRINGS.items()}
    gone = {arm for name in left_out for arm in only_for.get(name, ())}
    return {name: arm for name, arm in found.items() if name not in gone}, left_out


def why_not(compiled: Arm) -> str | None:
    """Compiles, which takes a minute and is in no figure; why it cannot be done, in one line."""
    try:
        compiled()
    except Exception as error:  # whatever a compiler may say
        return text_of(error)[:200]
    return None


def progress(done: int, rounds: int) -> None:
    """Says on stderr how far it is."""
    print(f"round {done} of {rounds}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run("bench-train", main)
