"""Runs arms in turn, so that a drift of the machine meets all alike, and compares them by round."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Some steps in a row: how many, their seconds, and what went into waiting, steps and a save.

    ``cpu_s`` are the seconds for which the process had a core, all its threads together.
    ``save_s`` is what one checkpoint costs, ``seconds`` and ``cpu_s`` have it by its share.
    ``wait_s`` and ``step_s`` are None where nobody looked.
    """

    steps: int
    seconds: float
    cpu_s: float
    wait_s: float | None = None
    step_s: float | None = None
    save_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Range:
    """A figure's median, least and most over the rounds."""

    median: float
    least: float
    most: float


Arm = Callable[[], Burst]
Rounds = list[list[Burst]]


def interleave(
    arms: Mapping[str, Arm], rounds: int, report: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Rounds]:
    """The bursts of each arm by round, two a round: in a random order, then in its mirror."""
    found: dict[str, Rounds] = {name: [] for name in arms}
    shuffler = random.Random(0)
    for done in range(rounds):
        order = shuffler.sample(list(arms), len(arms))
        for bursts in found.values():
            bursts.append([])
        for name in order + order[::-1]:
            gc.collect()  # no arm pays for what the one before has left
            found[name][-1].append(arms[name]())
        report(done + 1, rounds)
    return found


def seconds_a_step(rounds: Rounds, of: str = "seconds") -> list[float]:
    """Seconds of one step in each round, by either clock of ``Burst``."""
    return [
        sum(getattr(burst, of) for burst in bursts) / sum(burst.steps for burst in bursts)
        for bursts in rounds
    ]


def ratio(one: Rounds, other: Rounds, of: str = "seconds") -> Range:
    """Seconds of one arm over those of another, each round compared with itself."""
    pairs = zip(seconds_a_step(one, of), seconds_a_step(other, of), strict=True)
    return summary([a / b for a, b in pairs])


def share(rounds: Rounds, of: str) -> Range | None:
    """What share of an arm's seconds a field of ``Burst`` is; None where nobody looked."""
    if any(getattr(burst, of) is None for bursts in rounds for burst in bursts):
        return None
    return summary(
        [
            sum(getattr(burst, of) for burst in bursts) / sum(burst.seconds for burst in bursts)
            for bursts in rounds
        ]
    )


def summary(values: Sequence[float]) -> Range:
    """Median, least and most."""
    return Range(median=statistics.median(values), least=min(values), most=max(values))
