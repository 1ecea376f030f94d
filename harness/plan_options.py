"""The options of ``twopath run`` on plans and clusters, and those of ``twopath doctor``."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.forecast import Circumstances
    from harness.ledger import Ledger
    from harness.session import Settings
    from harness.study import Study
    from harness.terminal import Answer


def add_plan_options(each: Any, number: Callable[[str], int]) -> None:
    """Adds them to a parser; ``number`` reads a whole number of at least 1."""
    each.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be run, what is stale and why, and about how long it would take",
    )
    each.add_argument(
        "--cpus-per-trial",
        type=number,
        metavar="N",
        help="CPU cores that Ray keeps for a trial; default: its threads",
    )
    each.add_argument(
        "--gpus-per-trial",
        type=_gpus,
        metavar="N",
        help="GPUs that Ray keeps for a trial, with a process each; below 1 several trials share "
        "one; latency is always timed on a whole one",
    )


def add_doctor_options(each: Any) -> None:
    """Adds the options of ``twopath doctor`` to a parser."""
    each.add_argument("study", nargs="?", help="a study whose data and parts are looked for")
    each.add_argument("--address", help="a running Ray cluster's HOST:PORT, or auto")


def _gpus(text: str) -> float:
    try:
        given = float(text)
    except ValueError:
        given = 0.0
    if not (0 < given < 1 or given in range(1, 1025)):
        raise argparse.ArgumentTypeError(f"a whole number, or a share below 1, not {text!r}")
    return given


def processes_of(options: Namespace) -> int:
    """How many processes train a trial; ValueError for options that do not agree."""
    gpus, processes = options.gpus_per_trial, int(options.processes_per_trial)
    if options.on != "ray" and (gpus is not None or options.cpus_per_trial is not None):
        raise ValueError("--gpus-per-trial and --cpus-per-trial are kept by Ray; add --on ray")
    if gpus is None:
        return processes
    wanted = max(1, int(gpus))
    if processes not in (1, wanted):
        raise ValueError(
            f"--gpus-per-trial {gpus:g} makes {wanted} processes a trial, "
            f"not --processes-per-trial {processes}"
        )
    return wanted


def foreseen(options: Namespace, study: Study, settings: Settings) -> Answer:
    """The answer of ``twopath run --dry-run``."""
    from harness.forecast import forecast, record, show
    from harness.ledger import Ledger, open_ledger
    from harness.terminal import Answer

    try:
        ledger = open_ledger(options.runs, options.ledger)
    except FileNotFoundError:
        ledger = Ledger("sqlite://")  # in memory
    found = forecast(study, ledger, _circumstances(options, study, settings))
    return Answer(record=record(found), show=partial(show, found))


def say_what_is_stale(
    options: Namespace, study: Study, settings: Settings, ledger: Ledger
) -> list[str]:
    """The lines with which ``twopath run`` begins where an earlier run left something stale."""
    if study.name not in ledger.studies():
        return []
    from harness.forecast import planned, stale_of
    from harness.stale import stale_lines

    how = _circumstances(options, study, settings)
    return stale_lines(stale_of(study, planned(study, ledger, how), ledger, how))


def _circumstances(options: Namespace, study: Study, settings: Settings) -> Circumstances:
    from harness.forecast import Circumstances
    from harness.measure.candidates import timing_device

    return Circumstances(
        roots=settings.roots,
        workers=settings.workers,
        device="" if options.address else timing_device(study.timing),
        retry_failed=settings.retry_failed,
    )
