"""Times deployed networks together, so that a drift of the machine meets all of them alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.measure.arms import SENTINEL, TWIN, Arm, Timed, arms_of
from harness.measure.device import cpu_pressure, device_name
from harness.measure.estimate import Burst, ratio, round_values, summary
from harness.measure.finding import VIOLATED
from harness.measure.precision import float32
from harness.measure.rounds import Report, Rounds, Watch, Watching, of, take_rounds
from harness.study import Timing

LATENCY_PROTOCOL = 3
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
        rounds = take_rounds(arms, timing, watching, report)
        pressure.append(cpu_pressure())
        facts = _about(timing, size, device, pressure)
        evidence = watching.record()
    facts |= _controls(rounds, timing.figures[0], next(iter(networks), ""))
    facts["latency_verdict"] = evidence.get("verdict", "unproven")
    if facts["latency_verdict"] == VIOLATED:
        facts["latency_contended"] = True
    rows = {arm.name: {**_row(arm, rounds), **facts} for arm in arms if arm.name in networks}
    return Session(rows=rows, bursts=rounds.bursts, facts=facts, evidence=evidence)


def _row(arm: Arm, rounds: Rounds) -> Row:
    """The figures of one arm in ms; of the headline also its time in each round, in ns."""
    headline, *others = arm.samplers
    bursts, warm = of(rounds.bursts, arm.name, headline.figure), rounds.warm_ups[arm.name]
    found = summary(bursts)
    row: Row = {
        "latency_ms": found["median_ns"] / 1e6,
        **{f"latency_{end}_ms": _ms(found[f"{end}_ns"]) for end in ("low", "high", "p90", "p99")},
        "latency_mad_ms": _ms(found["mad_ns"]),
        "latency_num_samples": found["num_samples"],
        "latency_lag1": found["lag1"],
        "latency_rounds_ns": list(round_values(bursts)),
        "latency_method": headline.method,
        "latency_dtype": arm.dtype,
        "latency_steady": warm.steady,
        "latency_warmup_s": warm.seconds,
    }
    for each in others:
        other = summary(of(rounds.bursts, arm.name, each.figure))
        names = {"": "median", "_low": "low", "_high": "high"}
        row |= {f"latency_{each.figure}{n}_ms": _ms(other[f"{k}_ns"]) for n, k in names.items()}
    return row


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6


def _controls(rounds: Rounds, figure: str, first: str) -> Row:
    """What the arms that are nobody's say of the session, and why and when it ended."""
    sentinel = round_values(of(rounds.bursts, SENTINEL, figure))
    found: Row = {
        "latency_rounds": len(sentinel),
        "latency_ended": rounds.ended,
        "latency_sentinel_ms": float(np.median(sentinel)) / 1e6,
        "latency_sentinel_drift": _drift(sentinel),
    }
    twin = of(rounds.bursts, TWIN, figure)
    if twin:
        same = ratio(round_values(twin), round_values(of(rounds.bursts, first, figure)))
        ends = {"latency_twin_low": same.low, "latency_twin_high": same.high}
        found |= {"latency_twin_ratio": same.value, **ends, "latency_twin": same.answer}
    return found


def _drift(values: Sequence[int]) -> float | None:
    """By what share the last third of the rounds took longer than the first."""
    third = len(values) // 3
    return float(np.median(values[-third:]) / np.median(values[:third])) - 1 if third else None


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
        with torch.inference_mode(), float32(tf32=timing.tf32):
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
