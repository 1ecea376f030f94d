"""What each command does, apart from reading its options and reporting."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.data.roots import data_roots
from harness.ledger import Ledger, open_ledger
from harness.loading import load_study
from harness.measure.candidates import cost_of, latencies_of
from harness.measure.device import num_cores
from harness.networks import get
from harness.plugins import load_plugins
from harness.progress import progress_for
from harness.runners.local import InProcess, Processes
from harness.runners.runner import Runner
from harness.session import Session, Settings, Summary
from harness.study import Study, Timing


def folder_name(name: str) -> str:
    """A study's name as a folder of its own, whatever is in it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "study"


def run_study(options: Namespace) -> tuple[Study, Summary, Ledger]:
    """Runs what is missing of a study; whatever is wrong with the input is raised first."""
    if options.address and options.on != "ray":
        raise ValueError("--address is the address of a Ray cluster; add --on ray")
    load_plugins(options.plugin)
    study, own = load_study(options.study)
    plugins = tuple(str(Path(file).resolve()) for file in options.plugin) + own
    threads = max(1, num_cores() // options.workers)
    ledger = open_ledger(options.runs, options.ledger, make=True)
    progress = progress_for(quiet=options.json)
    settings = Settings(
        folder=Path(options.runs).resolve(),
        roots=data_roots(options.data),
        plugins=plugins,
        threads=threads,
        workers=options.workers,
        retry_failed=options.retry_failed,
    )
    try:
        session = Session(study, ledger, make_runner(options, threads), settings, progress)
        return study, session.run(), ledger
    finally:
        progress.close()


def make_runner(options: Namespace, threads: int) -> Runner:
    """The runner that the options ask for."""
    if options.on == "ray":
        from harness.runners.cluster import Cluster

        return Cluster(address=options.address, workers=options.workers, threads=threads)
    return InProcess() if options.workers == 1 else Processes(options.workers)


def print_summary(summary: dict[str, int]) -> None:
    """Says what was run and what was not, and why not."""
    lines = [
        f"{summary['trained']} trained, {summary['cached']} answered by the ledger, "
        f"{summary['failed']} failed, {summary['rejected']} over budget"
    ]
    if not summary["trained"] and not summary["failed"]:
        lines = [f"nothing was trained: the ledger holds all {summary['cached']} trials"]
    print("\n".join(lines), file=sys.stderr)


def costs(options: Namespace) -> list[dict[str, Any]]:
    """The costs of the named networks."""
    load_plugins(options.plugin)
    networks = {name: get(name) for name in options.networks}
    return [
        {"network": name, "num_classes": options.classes}
        | cost_of(architecture, options.classes, options.size)
        for name, architecture in networks.items()
    ]


def show_costs(rows: list[dict[str, Any]], options: Namespace) -> int:
    """Prints costs with the convention they are in, and what was not counted."""
    height, width = options.size
    table = Table(title=f"Cost of one {height}x{width} image, {options.classes} classes")
    table.add_column("network")
    for name in ("params (M)", "GMACs", "of which conv", "activations (M)"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = (row["params"] / 1e6, row["gmacs"], row["gmacs_conv"], row["activations"] / 1e6)
        table.add_row(row["network"], *(f"{figure:.3f}" for figure in figures))
    console = Console()
    console.print(table)
    print(
        "One multiply-add = 1, deployed graph (no auxiliary heads, batch norm folded), "
        f"{rows[0]['cost_tool']}."
    )
    for row in rows:
        ops = ", ".join(f"{op} x{times}" for op, times in row["uncounted_ops"].items())
        print(f"{row['network']}: not counted: {ops or 'nothing'}")
    return 0


def latencies(options: Namespace) -> list[dict[str, Any]]:
    """The latencies of the named networks, timed together."""
    load_plugins(options.plugin)
    networks = {name: get(name) for name in options.networks}
    timing = Timing(
        boundary=options.boundary,
        batch=options.batch,
        rounds=options.rounds,
        threads=options.threads,
    )
    progress = progress_for(quiet=options.json)
    progress.phase(f"timing {', '.join(networks)}")
    try:
        rows = latencies_of(networks, options.classes, timing, options.size)
    finally:
        progress.close()
    return [{"network": name, **rows[name]} for name in networks]


def show_latencies(rows: list[dict[str, Any]]) -> int:
    """Prints latencies with their protocol."""
    first = rows[0]
    table = Table(title=f"Latency of {first['latency_size']}, batch {first['latency_batch']}")
    table.add_column("network")
    for name in ("median (ms)", "p10 (ms)", "p90 (ms)", "fps", "samples"):
        table.add_column(name, justify="right")
    for row in rows:
        keys = ("latency_ms", "latency_p10_ms", "latency_p90_ms")
        cells = [f"{row[key]:.2f}" for key in keys]
        fps = 1000 * row["latency_batch"] / row["latency_ms"]
        table.add_row(row["network"], *cells, f"{fps:.1f}", str(row["latency_num_samples"]))
    Console().print(table)
    print(
        f"{first['latency_device']}, {first['latency_threads']} threads, "
        f"{first['latency_dtype']}, clock stops at {first['latency_boundary']}, "
        f"{first['latency_method']}, torch {first['latency_torch']}."
    )
    if first["latency_contended"]:
        print("Other work used this machine's CPUs meanwhile: trust ratios, not milliseconds.")
    return 0
