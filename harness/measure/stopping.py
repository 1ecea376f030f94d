"""When enough rounds were taken: on the width of intervals, looked at a few times only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.measure.estimate import CONFIDENCE, interval, ratio

LOOKS = (8, 12, 18, 27, 40, 60, 90)
"""The numbers of rounds after which a look is taken: each look is a chance to stop by luck."""

MARGIN = 5
"""Width is judged at 99 % (one in five of 5 %), so that what is said at 95 % is narrower still."""

Reason = Literal["precise", "rounds", "time"]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """How many rounds at least and at most, how narrow is enough, and how long at most.

    ``target`` is half the width of a ratio's 95 % interval, as a share: 0.01 is one percent.
    """

    least: int
    most: int
    target: float
    limit_s: float

    def reason(self, values: Mapping[str, Sequence[int]], elapsed_s: float) -> Reason | None:
        """Why it is enough, given each arm's values by round, the first being the reference.

        The width decides, never the answer: between equal arms a wide interval and a narrow one
        leave out 1 alike, so stopping makes no answer likelier. None to go on.
        """
        num = len(next(iter(values.values())))
        if num >= self.most:
            return "rounds"
        if num < self.least:
            return None
        if num in self.looks() and all(width <= self.target for width in widths(values)):
            return "precise"
        return "time" if elapsed_s >= self.limit_s else None

    def looks(self) -> tuple[int, ...]:
        """When the width is looked at: at the least number, and then at fixed ones."""
        return (self.least, *(each for each in LOOKS if self.least < each < self.most))


def widths(values: Mapping[str, Sequence[int]]) -> Iterator[float]:
    """Half the width of each arm's ratio to the first; infinite where there is none yet.

    An arm alone has the width of its rounds around their own middle.
    """
    first, *others = values.values()
    if not others:
        yield _half(*interval(first, 1 - (1 - CONFIDENCE) / MARGIN), float(np.median(first)))
    for other in others:
        found = ratio(other, first, MARGIN)
        yield _half(found.low, found.high, found.value)


def _half(low: float | None, high: float | None, middle: float) -> float:
    return math.inf if low is None or high is None else (high - low) / 2 / middle
