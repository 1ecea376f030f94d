"""What each command does with the options it was given."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy.exc import DBAPIError, IntegrityError

from harness.data.roots import data_roots
from harness.ledger import Ledger, open_ledger, shown
from harness.loading import load_study
from harness.measure.candidates import cost_of
from harness.measure.device import check_devices
from harness.measure.training_memory import SMALLEST_BATCH
from harness.mistakes import one_line
from harness.networks import get
from harness.plugins import load_plugins
from harness.progress import counted, progress_for, some
from harness.runners.local import InProcess, Processes
from harness.runners.runner import Runner
from harness.session import Session, Settings, Summary
from harness.study import Study
from harness.sweep import Setting, architectures_of, count_all, swept_rows, time_all
from harness.terminal import Answer, table

Rows = list[dict[str, Any]]


def prepared(options: Namespace) -> tuple[Study, Settings]:
    """The study that the options name and how to run it, before anything is written."""
    if options.address and options.on != "ray":
        raise ValueError("--address is the address of a Ray cluster; add --on ray")
    load_named(options)
    study, own = load_study(options.study)
    return study, Settings(
        folder=Path(options.runs).resolve(),
        roots=data_roots(options.data),
        plugins=plugin_files(options) + own,
        threads=options.threads,
        workers=options.workers,
        processes=options.processes_per_trial,
        retry_failed=options.retry_failed,
        command=command_of(options),
    )


def plugin_files(options: Namespace) -> tuple[str, ...]:
    """The files that the options name as plugins, wherever a worker looks for them from."""
    return tuple(str(Path(file).resolve()) for file in options.plugin)


def load_named(options: Namespace) -> None:
    """Loads the installed plugins and those that the options name; says which are left out."""
    for line in load_plugins(options.plugin):
        print(f"twopath: {line}", file=sys.stderr)


def command_of(options: Namespace) -> str:
    """The command that asks for the same study again; a report ends with it."""
    words = ["twopath", "run", options.study]
    words += [word for each in options.data for word in ("--data", each)]
    words += [word for each in options.plugin for word in ("--plugin", each)]
    return shlex.join(words)


@contextmanager
def opened(options: Namespace, *, make: bool = False) -> Iterator[Ledger]:
    """The ledger that the options name; OSError when its database refuses something."""
    try:
        yield open_ledger(options.runs, options.ledger, make=make)
    except IntegrityError:  # which only a mistake of ours can bring about
        raise
    except DBAPIError as error:
        where = shown(options.ledger or Path(options.runs) / "ledger.db")
        why = one_line(error.orig or error)
        raise OSError(f"the ledger {where} could not go on: {why}") from error


def run_study(options: Namespace, study: Study, settings: Settings, ledger: Ledger) -> Summary:
    """Runs what is missing of a study, and says on standard error what was done."""
    with closing(progress_for(quiet=options.json)) as progress:
        runner = make_runner(options, settings)
        summary = Session(study, ledger, runner, settings, progress).run()
    if not options.json:
        print(told(summary, ledger.rows(study.name)), file=sys.stderr)
    return summary


def make_runner(options: Namespace, settings: Settings) -> Runner:
    """The runner that the options ask for."""
    if not options.address:
        check_devices(settings.processes)
    if options.on == "ray":
        from harness.runners.cluster import Cluster

        if options.address not in (None, "auto"):
            _knock(options.address)
        return Cluster(
            address=options.address,
            workers=settings.workers,
            threads=settings.threads,
            processes=settings.processes,
        )
    return InProcess() if settings.workers == 1 else Processes(settings.workers)


def _knock(address: str) -> None:
    """ConnectionError if nothing answers at an address; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()) or "//" in host:
        raise ValueError(f"--address is HOST:PORT or auto, not {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster answers at {address}: {one_line(error)}") from error


def told(summary: Summary, rows: Rows) -> str:
    """What was run, and what was not and why not."""
    known = sum(row["state"] == "failed" for row in rows) - summary.failed
    before = f"; {known} failed before, --retry-failed runs such trials again" if known else ""
    over = f"{summary.rejected} over budget"
    if summary.trained or summary.failed:
        return (
            f"{summary.trained} trained, {summary.cached} answered by the ledger, "
            f"{summary.failed} failed, {over}{before}"
        )
    held = [f"the ledger holds {some(summary.cached, 'trial')}"] if summary.cached else []
    rest = [over] if summary.rejected else []
    return f"nothing was trained: {', '.join(held + rest)}{before}"


def folder_name(name: str) -> str:
    """A study's name as a folder of its own, whatever is in it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "study"


def cost(options: Namespace) -> Answer:
    """The costs of the named networks."""
    load_named(options)
    networks = {name: get(name) for name in options.networks}
    rows = [
        {"network": name, "num_classes": options.classes}
        | cost_of(architecture, options.classes, options.size, training=True)
        for name, architecture in networks.items()
    ]
    return Answer(record=rows, show=partial(show_costs, rows, options))


def show_costs(rows: Rows, options: Namespace, console: Console) -> None:
    """Prints costs with the convention they are in, and what was not counted."""
    height, width = options.size
    title = f"Cost of one {height}x{width} image, {options.classes} classes"
    drawn = table("network", right=tuple(COST_COLUMNS), title=title)
    for row in rows:
        drawn.add_row(
            row["network"] + " *" * bool(row["unknown_ops"]),
            *(_scaled(row.get(key), *how) for key, how in COST_COLUMNS.values()),
        )
    console.print(drawn)
    console.print(
        "One multiply-add = 1 (conv: those of convolutions and matrix products), deployed graph "
        f"(no auxiliary heads, batch norm folded), {rows[0]['cost_tool']}. Moved: what a float32 "
        "pass reads and writes if no operator is fused. Peak: the most that live tensors hold, "
        "weights included, workspaces and the allocator's rounding not; train: the same for a "
        f"step on {SMALLEST_BATCH} images with SGD."
    )
    for row in rows:
        for note in _cost_notes(row):
            console.print(f"{row['network']}: {note}")


COST_COLUMNS: dict[str, tuple[str, tuple[float, int]]] = {
    "params M": ("params", (1e-6, 3)),
    "GMACs": ("gmacs", (1, 3)),
    "conv": ("gmacs_conv", (1, 3)),
    "moved GB": ("unfused_bytes", (1e-9, 2)),
    "peak MB": ("inference_peak_bytes", (1e-6, 0)),
    "train MB": ("training_peak_bytes", (1e-6, 0)),
}
"""What ``twopath cost`` shows at a glance, by heading: key, and scale with decimals."""


def _scaled(value: float | None, scale: float, decimals: int) -> str:
    return "unknown" if value is None else f"{value * scale:.{decimals}f}"


def _cost_notes(row: dict[str, Any]) -> Iterator[str]:
    """What a reader must know beside a network's figures."""
    yield f"not counted: {_calls(row['uncounted_ops'])}"
    if row["unknown_ops"]:
        yield f"* the count is INCOMPLETE, {_calls(row['unknown_ops'])} may hide multiply-adds"
    if row["dead_modules"]:
        yield f"computes what nothing uses: {', '.join(row['dead_modules'])}"
    if row["uncalled_modules"]:
        yield f"has parameters that are never used: {', '.join(row['uncalled_modules'])}"


def _calls(operators: dict[str, int]) -> str:
    return ", ".join(f"{name} x{times}" for name, times in operators.items()) or "nothing"


def swept(options: Namespace, ledger: Ledger) -> tuple[str, Rows]:
    """The name of a study and the costs, and latencies, of every architecture of its space."""
    load_named(options)
    study, own = load_study(options.study)
    setting = Setting(
        num_classes=options.classes,
        size=options.size,
        plugins=plugin_files(options) + own,
    )
    found = architectures_of(study, setting)
    with counted(f"counting {some(len(found), 'architecture')}", quiet=options.json) as report:
        costs = count_all(found, ledger, setting, report)
    sound = [each for each in found if "impossible" not in costs[each.key]]
    latencies: dict[str, dict[str, Any]] = {}
    if options.time:
        timing = replace(study.timing, threads=options.threads)
        with counted(f"timing {some(len(sound), 'architecture')}", quiet=options.json) as report:
            latencies = time_all(sound, ledger, setting, timing, report)
    return study.name, swept_rows(found, costs, latencies)
