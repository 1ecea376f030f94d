"""Measures architectures before anything is trained: cost one by one, latency together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from harness.architecture import Architecture
from harness.backends.contract import backends, check_available, package_version, steps_of
from harness.backends.prepare import BETWEEN
from harness.backends.steps import said
from harness.measure import evidence
from harness.measure.checked import count_checked
from harness.measure.contenders import Contender, contenders
from harness.measure.device import best_device, device_name
from harness.measure.latency import NOTHING_TIMED, Session, held, time_together
from harness.measure.precision import float32
from harness.measure.processes import combined, in_fresh_processes
from harness.measure.receipt import Receipt
from harness.measure.recorded import Occasion, recorded
from harness.measure.rounds import Report, Watch
from harness.measure.training_memory import SMALLEST_BATCH, training_peak
from harness.network import deploy
from harness.plugins import load_plugins
from harness.promises import check_promises, check_traceable
from harness.source import source_digest
from harness.study import Recipe, Timing
from harness.training.loop import initialise

Row = dict[str, Any]
Size = tuple[int, int]

MAX_TOGETHER = 24
"""How many candidates are held in memory and interleaved at a time, beside a twin of the first."""


def cost_of(
    architecture: Architecture, num_classes: int, size: Size, *, training: bool = False
) -> dict[str, Any]:
    """The cost of an architecture's deployed network as a flat row.

    With ``training``, also the peak memory of a step at that size, or why it is unknown
    (``training_error``): a second more, so it is for those who ask. Whatever assembling raises for
    parts that do not fit comes through; ValueError for a part that does not keep what it declares.
    """
    network = initialise(architecture, num_classes, seed=0)
    check_promises(network, architecture)
    try:
        deployed = deploy(network)
    except Exception:
        check_traceable(network, architecture)
        raise
    cost = count_checked(deployed, size)
    if training:
        try:
            peak = training_peak(network, Recipe(), size, SMALLEST_BATCH)
        except Exception as error:  # a stranger's part may not run on the meta device
            return {**cost.record(), "training_error": said(error)}
        cost = replace(cost, training_peak_bytes=peak, training_batch=SMALLEST_BATCH)
    return cost.record()


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """What was timed, by name, and the sealed receipts of the sessions, for whoever keeps them."""

    rows: dict[str, Row]
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be timed how: everything that a process elsewhere needs to know.

    ``given`` are architectures by name, and files' networks as ``FILE.py:NAME``; ``size`` is
    (height, width). With ``backends`` each network is timed on all of them, else on the timing's
    own. ``counts`` are known costs by name, for the receipt, and ``command`` is what asked.
    """

    given: Mapping[str, Architecture | str]
    num_classes: int
    timing: Timing
    size: Size
    plugins: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    counts: Mapping[str, Row] = field(default_factory=dict)
    command: str = "python"


def latencies_of(order: Order, report: Report = lambda done, total: None) -> Latencies:
    """The latencies of networks, timed together on this machine's best device, under watch.

    A network that cannot be timed has a row of its own: ``latency_error`` says why. Nothing is
    written here: on a cluster this runs on another machine than the ledger is on. Where the
    timing asks for several processes, each is a fresh one, and ``report`` hears of those done.
    """
    load_plugins(order.plugins)
    if order.timing.processes > 1:
        return _over_processes(order, order.timing.processes, report)
    rows: dict[str, Row] = {}
    receipts = []
    for session, receipt in sessions_of(order, report):
        rows |= session.rows
        receipts += [receipt] if receipt else []
    return Latencies(rows=rows, receipts=tuple(receipts))


def _over_processes(order: Order, number: int, report: Report) -> Latencies:
    """Rows made of those of fresh processes, and the receipts of all."""
    one = replace(order, timing=replace(order.timing, processes=1))
    found: list[Latencies] = []
    for each in in_fresh_processes(number, latencies_of, one):
        found.append(each)
        report(len(found), number)
    receipts = tuple(receipt for each in found for receipt in each.receipts)
    return Latencies(rows=combined([each.rows for each in found]), receipts=receipts)


def sessions_of(
    order: Order, report: Report = lambda done, total: None, watch: Watch = evidence.watch
) -> Iterator[tuple[Session, Receipt | None]]:
    """Times networks in groups that fit in memory, each a session with its receipt.

    The rows of networks that cannot be timed are in the session of their group.
    """
    names = list(order.given)
    together = max(1, MAX_TOGETHER // max(1, len(order.backends)))
    for start in range(0, len(names), together):
        given = {name: order.given[name] for name in names[start : start + together]}
        yield _session(replace(order, given=given), report, watch)


def _session(order: Order, report: Report, watch: Watch) -> tuple[Session, Receipt | None]:
    device, timing, size = best_device(), order.timing, order.size
    occasion = Occasion(command=order.command, timing=timing, size=size, device=device)
    with _begun(watch, device, timing.threads) as watching:
        with held(timing):
            found = contenders(order.given, order.num_classes, timing, size, device, order.backends)
        sound = {n: each.running for n, each in found.items() if each.running is not None}
        timed = (
            time_together(sound, timing, size, device, report, watching) if sound else NOTHING_TIMED
        )
    rows = {
        name: {**each.facts, **_told(each, timed.rows.get(name))} for name, each in found.items()
    }
    with float32(tf32=timing.tf32):
        return _recorded(replace(timed, rows=rows), found, occasion, order)


@contextmanager
def _begun(watch: Watch, device: torch.device, threads: int) -> Iterator[Watch]:
    """A watch of a GPU begins before anything of ours is there, one of CPUs with the clock."""
    if device.type != "cuda":
        yield watch
        return
    with watch(device, threads) as watching:
        yield lambda device, threads: nullcontext(watching)


def _told(contender: Contender, row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The row of what was timed, or why it was not."""
    return row if row is not None else {"latency_error": contender.why}


def _recorded(
    session: Session, found: Mapping[str, Contender], occasion: Occasion, order: Order
) -> tuple[Session, Receipt | None]:
    """The session with its receipt, in which each network is looked over for faults."""
    sound = {name: each for name, each in found.items() if each.network and each.trained}
    of = {name: name if name in order.given else name.rpartition(BETWEEN)[0] for name in sound}
    counts = {n: {"counts": order.counts[one]} for n, one in of.items() if one in order.counts}
    return recorded(
        session,
        {name: each.network for name, each in sound.items() if each.network},
        occasion,
        abouts={name: {**each.about, **counts.get(name, {})} for name, each in sound.items()},
        trained={name: each.trained for name, each in sound.items() if each.trained},
    )


def timing_device(timing: Timing, plugins: tuple[str, ...] = ()) -> str:
    """What a latency depends on beside the network: device, torch, backend, on a CPU threads.

    Raises what ``check_available`` does for a backend that is unknown, or cannot run here.
    """
    load_plugins(plugins)
    device = best_device()
    check_available(timing.backend, device)
    threads = f", {timing.threads} threads" if device.type == "cpu" else ""
    of_backend = "".join(f", {each}" for each in _versions(timing.backend))
    return f"{device_name(device)}, torch {torch.__version__}{threads}{of_backend}"


def _versions(backend: str) -> Iterator[str]:
    """The packages that a backend runs on, and the source of steps that are a plugin's."""
    for step in steps_of(backend):
        kind = backends.get(step)
        yield from map(package_version, kind.packages)
        if not kind.__module__.startswith("harness."):
            yield f"{step} {source_digest(kind)[:16]}"
