"""Measures architectures before anything is trained: cost one by one, latency together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from harness.architecture import Architecture
from harness.measure.checked import count_checked
from harness.measure.device import best_device, device_name
from harness.measure.latency import NOTHING_TIMED, Session, time_together, unwatched
from harness.measure.rounds import Report, Watch
from harness.measure.training_memory import SMALLEST_BATCH, training_peak
from harness.network import deploy
from harness.plugins import load_plugins
from harness.promises import check_promises, check_traceable
from harness.study import Recipe, Timing
from harness.training.loop import initialise

Size = tuple[int, int]

MAX_TOGETHER = 24
"""How many candidates are held in memory and interleaved at a time, beside a twin of the first."""


def cost_of(
    architecture: Architecture, num_classes: int, size: Size, *, training: bool = False
) -> dict[str, Any]:
    """The cost of an architecture's deployed network as a flat row.

    With ``training``, also the peak memory of a step at that size: a second more, so it is for
    those who ask. Whatever assembling raises for parts that do not fit comes through; ValueError
    for a part that does not keep what it declares.
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
        except Exception:  # a stranger's part may not run on the meta device: nothing is known
            return cost.record()
        cost = replace(cost, training_peak_bytes=peak, training_batch=SMALLEST_BATCH)
    return cost.record()


def latencies_of(
    architectures: Mapping[str, Architecture],
    num_classes: int,
    timing: Timing,
    size: Size,
    plugins: tuple[str, ...] = (),
    report: Report = lambda done, total: None,
) -> dict[str, dict[str, Any]]:
    """The latencies of architectures by name, timed together on this machine's best device.

    A network that cannot be timed has a row of its own: ``latency_error`` says why.
    """
    load_plugins(plugins)
    rows: dict[str, dict[str, Any]] = {}
    for session in sessions_of(architectures, num_classes, timing, size, report):
        rows |= session.rows
    return rows


def sessions_of(
    architectures: Mapping[str, Architecture],
    num_classes: int,
    timing: Timing,
    size: Size,
    report: Report = lambda done, total: None,
    watch: Watch = unwatched,
) -> Iterator[Session]:
    """Times architectures in groups that fit in memory, each a session with its raw samples.

    The rows of networks that cannot be timed are in the session of their group.
    """
    device = best_device()
    names = list(architectures)
    for start in range(0, len(names), MAX_TOGETHER):
        group = names[start : start + MAX_TOGETHER]
        why = {n: _why_not(_deployed(architectures[n], num_classes), size) for n in group}
        sound = {
            name: _deployed(architectures[name], num_classes, timing.boundary)
            for name in group
            if not why[name]
        }
        session = (
            time_together(sound, timing, size, device, report, watch) if sound else NOTHING_TIMED
        )
        broken = {name: {"latency_error": each} for name, each in why.items() if each}
        yield replace(session, rows={**broken, **session.rows})


def _why_not(network: nn.Module, size: Size) -> str | None:
    """Why a network's time would mean nothing, if so."""
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            finite = bool(torch.isfinite(network(image)).all())
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return None if finite else "FloatingPointError: an untrained forward pass is not finite"


def timing_device(timing: Timing) -> str:
    """What a latency depends on beside the network: device, torch, and on a CPU its threads."""
    device = best_device()
    threads = f", {timing.threads} threads" if device.type == "cpu" else ""
    return f"{device_name(device)}, torch {torch.__version__}{threads}"


def _deployed(
    architecture: Architecture, num_classes: int, boundary: str = "logits_full"
) -> nn.Module:
    return deploy(initialise(architecture, num_classes, seed=0), boundary=boundary)
