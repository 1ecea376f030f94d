"""Times deployed networks together, so that a drift of the machine meets all of them alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from harness.measure.arms import Arm, Timed, arms_of
from harness.measure.device import cpu_pressure, device_name
from harness.measure.estimate import KEPT, Burst
from harness.measure.figured import controls_of, rows_of
from harness.measure.finding import VIOLATED
from harness.measure.precision import float32
from harness.measure.rounds import Report, Rounds, Watch, Watching, take_rounds
from harness.study import Timing

LATENCY_PROTOCOL = 4
"""Raised when the same network would be timed differently."""

CONTENDED_PERCENT = 10.0
"""CPU pressure above which absolute times are marked as taken beside other work."""

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Session:
    """What was timed together: flat rows by name, and all that they were made from.

    ``bursts`` are those of all arms in the order taken, the twin's and the sentinel's too, from
    which ``harness.measure.estimate`` makes every figure of ``rows`` again. ``facts`` are the
    columns that all rows share, ``evidence`` is what was seen of the machine meanwhile.
    """

    rows: Mapping[str, Row]
    bursts: tuple[Burst, ...]
    facts: Mapping[str, Any]
    evidence: Mapping[str, Any]


NOTHING_TIMED = Session(rows={}, bursts=(), facts={}, evidence={})


class Unwatched:
    """Looks at nothing, and so proves nothing."""

    def check(self) -> None:
        """Does nothing."""

    def record(self) -> dict[str, Any]:
        """The verdict alone."""
        return {"verdict": "unproven"}


@contextmanager
def unwatched(device: torch.device, threads: int) -> Iterator[Watching]:
    """A watch for whoever has none."""
    yield Unwatched()


def time_together(
    networks: Mapping[str, Timed],
    timing: Timing,
    size: tuple[int, int],
    device: torch.device,
    report: Report = lambda done, total: None,
    watch: Watch = unwatched,
) -> Session:
    """Times networks, deployed to end at ``timing.boundary`` and on their backends, by name.

    Each round meets every network twice, in a random order and then in the same order mirrored,
    with a twin of the first and a sentinel among them. ``report`` hears of the rounds done and of
    the most that there will be. ValueError for a figure that this device does not have.
    """
    with watch(device, timing.threads) as watching, held(timing):
        pressure = [cpu_pressure()]
        arms = arms_of(networks, timing, size, device)
        # Around nothing else: weights that are made in inference mode are dispatched faster.
        with torch.inference_mode():
            rounds = take_rounds(arms, timing, watching, report)
        pressure.append(cpu_pressure())
        facts = _about(timing, size, device, pressure)
        evidence = watching.record()
    facts["latency_ended"] = rounds.ended
    facts["latency_verdict"] = evidence.get("verdict", "unproven")
    if facts["latency_verdict"] == VIOLATED:
        facts["latency_contended"] = True
    kept = {arm.name for arm in arms if arm.call.place == KEPT}
    facts |= controls_of(
        rounds.bursts,
        timing.figures[0],
        list(networks),
        kept,
        contended=bool(facts["latency_contended"]),
    )
    figured = rows_of(rounds.bursts, networks, timing.figures)
    rows = {
        arm.name: {**figured[arm.name], **_row(arm, rounds), **facts}
        for arm in arms
        if arm.name in networks
    }
    return Session(rows=rows, bursts=rounds.bursts, facts=facts, evidence=evidence)


def _row(arm: Arm, rounds: Rounds) -> Row:
    """How one arm was sampled, beside what its samples say."""
    headline, warm = arm.samplers[0], rounds.warm_ups[arm.name]
    return {
        "latency_method": headline.method,
        "latency_dtype": arm.dtype,
        "latency_place": arm.call.place,
        "latency_steady": warm.steady,
        "latency_warmup_s": warm.seconds,
    }


def _about(
    timing: Timing,
    size: tuple[int, int],
    device: torch.device,
    pressure: Sequence[float | None],
) -> Row:
    """The protocol of a figure, without which it says nothing."""
    known = [each for each in pressure if each is not None]
    return {
        "latency_figure": timing.figures[0],
        "latency_device": device_name(device),
        "latency_size": f"{size[0]}x{size[1]}",
        "latency_batch": timing.batch,
        "latency_threads": torch.get_num_threads(),
        "latency_boundary_in": timing.boundary_in,
        "latency_boundary": timing.boundary,
        "latency_images": timing.images,
        "latency_tf32": timing.tf32 if device.type == "cuda" else None,
        "latency_warmup": timing.warmup,
        "latency_protocol": LATENCY_PROTOCOL,
        "latency_session": uuid.uuid4().hex[:12],
        "latency_torch": torch.__version__,
        "latency_cpu_pressure_percent": max(known) if known else None,
        "latency_contended": max(known) > CONTENDED_PERCENT if known else None,
    }


@contextmanager
def held(timing: Timing) -> Iterator[None]:
    """Holds torch to how a timing wants it: threads, TF32, no gradients, no denormal numbers.

    One convolution over denormal activations can take a hundred times as long, and untrained
    networks have them. Backends are built in here too, as engines keep what they find then.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(timing.threads)
    torch.set_flush_denormal(True)
    try:
        with torch.no_grad(), float32(tf32=timing.tf32):
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
