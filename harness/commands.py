"""What each command does with the options it was given."""

from __future__ import annotations

import shlex
import socket
import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.data.roots import data_roots
from harness.ledger import Ledger
from harness.loading import load_study
from harness.measure.device import check_devices
from harness.mistakes import one_line
from harness.plan_options import processes_of, say_what_is_stale
from harness.plugins import load_plugins
from harness.progress import counted, progress_for, some
from harness.runners.local import InProcess, Processes
from harness.runners.runner import Runner
from harness.session import Session, Settings, Summary
from harness.study import Study
from harness.sweep import Setting, architectures_of, count_all, swept_rows, time_all

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
        processes=processes_of(options),
        retry_failed=options.retry_failed,
        keep_going=options.keep_going,
        patience_s=options.trial_timeout,
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


def run_study(options: Namespace, study: Study, settings: Settings, ledger: Ledger) -> Summary:
    """Runs what is missing of a study, and says on standard error what was done."""
    if not options.json:
        for line in say_what_is_stale(options, study, settings, ledger):
            print(line, file=sys.stderr)
    with closing(progress_for(quiet=options.json)) as progress:
        runner = make_runner(options, settings)
        if options.track:
            from harness.runners.tracking import tracked

            runner = tracked(runner, options.track, study=study.name, folder=settings.folder)
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
        from harness.runners.slots import Wanted

        if options.address not in (None, "auto"):
            knock(options.address)
        return Cluster(
            address=options.address,
            workers=settings.workers,
            wanted=Wanted(
                cpus=options.cpus_per_trial or settings.threads * settings.processes,
                processes=settings.processes,
                gpus=options.gpus_per_trial,
            ),
            plugins=settings.plugins,
        )
    return InProcess() if settings.workers == 1 else Processes(settings.workers)


def knock(address: str) -> None:
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
    stopped = f"{summary.stopped} stopped early, " if summary.stopped else ""
    if summary.trained or summary.failed or summary.stopped:
        return (
            f"{summary.trained} trained, {summary.cached} answered by the ledger, "
            f"{summary.failed} failed, {stopped}{over}{before}{_given_up(summary)}"
        )
    held = [f"the ledger holds {some(summary.cached, 'trial')}"] if summary.cached else []
    rest = [over] if summary.rejected else []
    return f"nothing was trained: {', '.join(held + rest)}{before}"


def _given_up(summary: Summary) -> str:
    """Why a run ended before its plan did."""
    if not summary.given_up:
        return ""
    return (
        f"; given up with {some(summary.left, 'trial')} left, since the first {summary.failed} all "
        f"failed alike ({summary.given_up}): mend it, or say --keep-going"
    )


def swept(options: Namespace, ledger: Ledger) -> tuple[str, Rows]:
    """The name of a study and the costs, and latencies, of every architecture of its space."""
    load_named(options)
    study, own = load_study(options.study)
    setting = Setting(
        num_classes=options.classes,
        size=options.size,
        plugins=plugin_files(options) + own,
        receipts=Path(options.runs) / "receipts",
        command=shlex.join(["twopath", "sweep", options.study, "--time"]),
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
