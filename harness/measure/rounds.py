"""Takes rounds: every arm, moved, twice in a random order and back, until it is enough."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from harness.measure.arms import Arm
from harness.measure.estimate import Burst, round_values
from harness.measure.figured import SENTINEL
from harness.measure.sampling import WarmUp, undisturbed, warm_up
from harness.measure.stopping import Reason, Stop
from harness.study import Timing

Report = Callable[[int, int], None]


class Watching(Protocol):
    """Whoever looks at the machine while it is measured on."""

    def check(self) -> object:
        """Looks once, between two rounds."""

    def record(self) -> dict[str, Any]:
        """All that was seen, for JSON; ``verdict`` is proven, unproven or violated."""


Watch = Callable[[torch.device, int], AbstractContextManager[Watching]]
"""Begins to look at a device, and at the CPUs for a number of threads, until it is left."""


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The bursts of a measurement in the order taken, why it ended, and how each arm warmed up."""

    bursts: tuple[Burst, ...]
    ended: Reason
    warm_ups: Mapping[str, WarmUp]


def take_rounds(arms: Sequence[Arm], timing: Timing, watching: Watching, report: Report) -> Rounds:
    """Warms up all arms, then takes rounds until ``stop_of`` the timing says that it is enough."""
    with undisturbed():
        warm = {
            arm.name: warm_up(arm.samplers[0].take, timing.warmup, timing.warmup_s) for arm in arms
        }
    # Dice of its own each time: in step with an order that never changes, load favours an arm.
    stop, shuffler, start = stop_of(timing), random.Random(), time.monotonic()
    bursts: list[Burst] = []
    ended = None
    for number in range(stop.most):
        order = shuffler.sample(list(arms), len(arms))
        with undisturbed():
            for arm in order:
                arm.call.move()
        for place, arm in enumerate(order + order[::-1]):
            bursts += _bursts(
                arm, number, place, num_samples(timing, warm[arm.name]), timing.threads
            )
        watching.check()
        report(number + 1, stop.most)
        ended = stop.reason(_values(bursts, arms, timing), time.monotonic() - start)
        if ended:
            break
    assert ended is not None  # the most rounds are a reason
    return Rounds(bursts=tuple(bursts), ended=ended, warm_ups=warm)


def stop_of(timing: Timing) -> Stop:
    """When a timing has enough rounds."""
    most = timing.most_rounds or timing.rounds * 3 // 2
    return Stop(least=timing.rounds, most=most, target=timing.target, limit_s=timing.limit_s)


def num_samples(timing: Timing, warm: WarmUp) -> int:
    """How many samples a burst has: of a slow network fewer, as rounds tell more than samples."""
    if not warm.call_ns:
        return timing.burst
    return min(timing.burst, max(1, int(1e6 * timing.burst_ms / warm.call_ns)))


def _bursts(arm: Arm, number: int, place: int, samples: int, threads: int) -> list[Burst]:
    """A burst of each figure of an arm, after one call that nobody times."""
    has_cpu_time = threads == 1 and arm.call.is_on_cpu
    with undisturbed():
        arm.call()  # the caches still hold the network before
        found = []
        for each in arm.samplers:
            start_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
            taken = each.take(samples)
            cpu_ns = time.process_time_ns() - cpu_ns
            found.append(
                Burst(
                    arm=arm.name,
                    figure=each.figure,
                    round=number,
                    place=place,
                    start_ns=start_ns,
                    samples_ns=taken,
                    cpu_ns=cpu_ns if has_cpu_time else None,
                )
            )
        return found


def _values(
    bursts: Sequence[Burst], arms: Sequence[Arm], timing: Timing
) -> dict[str, tuple[int, ...]]:
    """The headline's values by round of all arms but the sentinel."""
    return {
        arm.name: round_values(of(bursts, arm.name, timing.figures[0]))
        for arm in arms
        if arm.name != SENTINEL
    }


def of(bursts: Sequence[Burst], arm: str, figure: str) -> list[Burst]:
    """The bursts of one figure of one arm."""
    return [each for each in bursts if (each.arm, each.figure) == (arm, figure)]
