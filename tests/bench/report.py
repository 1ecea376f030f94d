"""How time and memory of a report grow with its study, and the front beside a plain search for it.

Each report is a process of its own, as a user starts it, on a ledger that is made up: rows as
long as real ones (about 10 kB), candidates of 5 seeds, all timed in one session. CPU seconds are
told beside those of the clock, since on a busy machine the clock says little. Memory is that of
all processes of a report together, of one more report of each size, which is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ending import run
from held import most_held
from made_ledger import STUDY, make_ledger
from rich.console import Console
from scipy import optimize, stats

from harness.terminal import WIDE, table
from reports.beating import undominated

ROWS = (100, 1_000, 3_000, 10_000, 30_000, 100_000)
POINTS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
MOST_PLAIN = 3_000
"""Beyond so many points the plain search is left out: it would take minutes."""

GOAL_S, GOAL_MIB, GOAL_PAGE_MB = 10, 1024, 10
COMMAND = "from harness.cli import run; raise SystemExit(run())"
Record = dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Measures and prints; the exit code is 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--rounds", type=int, default=3, help="reports of each size, interleaved")
    parser.add_argument("--keep", type=Path, help="a folder to keep the ledgers in")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    found = measured(options)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found, Console(width=None if sys.stdout.isatty() else WIDE))
    return 0


def measured(options: argparse.Namespace) -> Record:
    """All figures as a record."""
    folder = options.keep or Path(tempfile.mkdtemp(prefix="bench-report-"))
    try:
        for num in options.rows:
            if not (folder / str(num) / "ledger.db").is_file():
                make_ledger(folder / str(num), num)
        load = os.getloadavg()[0]
        runs = [(num, reported(folder / str(num))) for _ in range(options.rounds)
                for num in options.rows]  # fmt: skip
        held = {num: most_held(command(folder / str(num))) for num in options.rows}
    finally:
        if options.keep is None:
            shutil.rmtree(folder)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "reports": {
            str(num): {**together([r for n, r in runs if n == num]), "held_mib": held[num]}
            for num in options.rows
        },
        "exponent": {
            key: exponent([(num, each[key]) for num, each in runs])
            for key in ("seconds", "cpu_seconds")
        },
        "fronts": [front(num) for num in POINTS],
    }


def command(runs: Path) -> list[str]:
    """The report of a folder of runs, as a user asks for it."""
    return [sys.executable, "-c", COMMAND, "report", STUDY, "--runs", str(runs)]


def reported(runs: Path) -> Record:
    """One report: seconds by the clock and of the CPU, the size of the page and of the ledger."""
    null = os.open(os.devnull, os.O_WRONLY)
    began = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        command(runs),
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)],
    )
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    os.close(null)
    if status:
        raise RuntimeError(f"the report of {runs} ended with {status}")
    (page,) = runs.glob("reports/*/report.html")
    return {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "page_mb": page.stat().st_size / 1e6,
        "ledger_mb": (runs / "ledger.db").stat().st_size / 1e6,
    }


def together(runs: Iterable[Record]) -> Record:
    """Median, least and most of each figure."""
    lists: dict[str, list[float]] = {}
    for each in runs:
        for key, value in each.items():
            lists.setdefault(key, []).append(value)
    return {key: [median(values), min(values), max(values)] for key, values in lists.items()}


def exponent(points: Sequence[tuple[int, float]]) -> Record | None:
    """k of value = start + slope * n^k with its 95 % interval; None for fewer than four sizes.

    Errors are taken to be in proportion to the value.
    """
    sizes, values = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    if len(set(sizes)) < 4:
        return None
    least, most = values.min(), values.max()
    guess = (0.9 * least, (most - least) / sizes.max(), 1.0)
    found, spread = optimize.curve_fit(
        lambda n, start, slope, k: start + slope * n**k, sizes, values, guess,
        sigma=values, bounds=(0, [np.inf, np.inf, 4]), maxfev=20_000,
    )  # fmt: skip
    reach = float(stats.t.ppf(0.975, len(sizes) - 3) * np.sqrt(spread[2, 2]))
    k = float(found[2])
    return {"start": float(found[0]), "k": k, "low": k - reach, "high": k + reach}


def front(num: int) -> Record:
    """Seconds to find the front of ``num`` points, dearer ones being mostly better."""
    dice = np.random.default_rng(num)
    cost = dice.random(num)
    points = np.stack([cost, -cost - dice.normal(0, 0.2, num)], axis=1)
    began = time.perf_counter()
    found = undominated(points)
    seconds = time.perf_counter() - began
    record: Record = {"points": num, "on_front": int(found.sum()), "seconds": seconds}
    if num <= MOST_PLAIN:
        began = time.perf_counter()
        same = plain_front([tuple(point) for point in points.tolist()]) == found.tolist()
        record |= {"plain_seconds": time.perf_counter() - began, "same": same}
    return record


def plain_front(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """The definition: nobody is nowhere worse and somewhere better."""
    return [
        not any(a != b and all(x <= y for x, y in zip(a, b, strict=True)) for a in points)
        for b in points
    ]


def show(found: Record, console: Console) -> None:
    """Prints the record."""
    console.print(f"{found['cores']} cores, load {found['load_before']:.1f} before, "
                  f"{found['load_after']:.1f} after; median (least..most)\n")  # fmt: skip
    drawn = table(
        "rows", right=("ledger MB", "seconds", "CPU seconds", "all processes MiB", "page MB")
    )
    for num, each in found["reports"].items():
        ledger = f"{each['ledger_mb'][0]:.0f}"
        cells = (spread(each[key], 1) for key in ("seconds", "cpu_seconds"))
        held = "" if each["held_mib"] is None else f"{each['held_mib']:.0f}"
        drawn.add_row(num, ledger, *cells, held, f"{each['page_mb'][0]:.1f}")
    console.print(drawn)
    for key, each in found["exponent"].items():
        if each:
            console.print(f"{key}: {each['start']:.1f} + c n^{each['k']:.2f} "
                          f"({each['low']:.2f}..{each['high']:.2f})")  # fmt: skip
    console.print(f"goals at 100,000 rows on two quiet cores: {GOAL_S} s, {GOAL_MIB} MiB, a page "
                  f"of {GOAL_PAGE_MB} MB; no worse than n log n\n")  # fmt: skip
    drawn = table("points", right=("on the front", "ms", "plain ms", "same"))
    for each in found["fronts"]:
        plain = f"{1e3 * each['plain_seconds']:.0f}" if "same" in each else ""
        same = str(each.get("same", ""))
        drawn.add_row(str(each["points"]), str(each["on_front"]), f"{1e3 * each['seconds']:.2f}",
                      plain, same)  # fmt: skip
    console.print(drawn)


def spread(values: Sequence[float], decimals: int) -> str:
    """Median and range."""
    middle, least, most = (f"{each:.{decimals}f}" for each in values)
    return f"{middle} ({least}..{most})"


if __name__ == "__main__":
    run("bench-report", main)
