"""What a study costs beside its trials: ``make bench-run``.

Trials that train nothing go through the real planner, ledger, session and runners, so what is
left is the harness. Figures under Ray are ratios to Tune alone, run in turn with ours.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sections
from costs import show
from ending import run
from told import load

from harness.measure.device import cpu_name, num_cores
from harness.plugins import load_plugins
from harness.terminal import Answer, give

Record = dict[str, Any]

SECTIONS: dict[str, Callable[[argparse.Namespace, Record], Record]] = {
    "plan": sections.planning,
    "ledger": sections.ledger,
    "local": sections.local,
    "propose": sections.proposing,
    "workers": sections.workers,
    "ray": sections.on_ray,
    "cluster": sections.cluster,
}
"""Each is given the options, and what was found before it."""


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--planned", type=int, default=100_000, help="trials to plan")
    parser.add_argument("--trials", type=int, default=10_000, help="of the long local study")
    parser.add_argument("--told", type=int, default=10_000, help="candidates that TPE knows")
    parser.add_argument("--ray-trials", type=int, default=150, help="of each study on Ray")
    parser.add_argument("--rounds", type=int, default=2, help="of what is run in turn")
    parser.add_argument("--equal", type=int, default=40, help="trials of one second for workers")
    parser.add_argument("--folder", type=Path, help="where the ledgers are made and removed")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measures and prints; gives the exit code."""
    options = options_of(words)
    load_plugins(())
    start = time.monotonic()
    found: Record = {"cpu": cpu_name(), "cores": num_cores(), "load_before": load()}
    with tempfile.TemporaryDirectory(prefix="twopath-bench-", dir=options.folder) as folder:
        tempfile.tempdir = folder  # on the disk that is asked for
        for name in options.only:
            print(f"{time.monotonic() - start:4.0f} s: {name}", file=sys.stderr, flush=True)
            found[name] = SECTIONS[name](options, found)
        tempfile.tempdir = None
    found |= {"load_after": load(), "seconds": time.monotonic() - start, "pid": os.getpid()}
    return give(Answer(record=found, show=lambda out: show(found, out)), as_json=options.json)


if __name__ == "__main__":
    run("bench-run", main)
