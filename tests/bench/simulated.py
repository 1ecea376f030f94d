"""The rounds and their stop rule on a machine that is made up, as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from shares import share, spread

from harness.measure.estimate import ratio
from harness.measure.stopping import Stop

ARMS = 4


@dataclass(frozen=True, kw_only=True)
class World:
    """Noise of a burst as a logarithm: its deviation, how much a burst tells of the next, a drift.

    ``spikes`` is the share of bursts that take longer by a heavy tail.
    """

    noise: float = 0.03
    alike: float = 0.0
    drift: float = 0.0
    spikes: float = 0.0

    def bursts(self, dice: np.random.Generator, num: int) -> NDArray[np.float64]:
        """The noise of bursts in a row."""
        fresh = dice.standard_normal(num) * np.sqrt(1 - self.alike**2)
        noise = self.noise * lfilter([1], [1, -self.alike], fresh)
        noise += self.drift * np.linspace(0, 1, num)
        spiked = (dice.random(num) < self.spikes) * 0.1 * dice.pareto(1.5, num)
        return noise + np.minimum(spiked, 3)


WORLDS: Mapping[str, World] = MappingProxyType(
    {
        "independent bursts": World(),
        "AR(1) 0.8": World(alike=0.8),
        "AR(1) 0.98, drift of 50 %": World(noise=0.2, alike=0.98, drift=0.4),
        "AR(1) 0.8, spikes in one burst of ten": World(alike=0.8, spikes=0.1),
    }
)


def session(
    dice: np.random.Generator, world: World, stop: Stop, slower: float
) -> dict[str, tuple[float, ...]]:
    """Times of the arms by round, until it is enough; the second takes ``slower`` times as long."""
    noise = world.bursts(dice, 2 * ARMS * stop.most).reshape(stop.most, 2, ARMS)
    taken = np.empty((stop.most, ARMS))
    for at, here in enumerate(noise):
        taken[at, dice.permutation(ARMS)] = (here[0] + here[1][::-1]) / 2
    times = 1e7 * np.exp(taken)
    times[:, 1] *= slower
    for num in (*stop.looks(), stop.most):
        seen = {str(arm): tuple(times[:num, arm]) for arm in range(ARMS)}
        if stop.reason(seen, elapsed_s=0):
            break
    return seen


def simulate(world: World, stop: Stop, sessions: int, slower: float = 1.03) -> dict[str, Any]:
    """How often the interval of the slower arm and of an equal one hold, and what is called so."""
    dice = np.random.default_rng(0)
    equal, more, rounds = [], [], []
    for _ in range(sessions):
        seen = session(dice, world, stop, slower)
        equal.append(ratio(seen["2"], seen["0"]))
        more.append(ratio(seen["1"], seen["0"]))
        rounds.append(len(seen["0"]))
    return {
        "holds_same": share(each.low <= 1 <= each.high for each in equal),
        "holds_slower": share(each.low <= slower <= each.high for each in more),
        "false_different": share(each.answer != "not distinguishable" for each in equal),
        "finds_slower": share(each.answer == "slower" for each in more),
        "half_width": spread((each.high - each.low) / 2 for each in (*equal, *more)),
        "rounds": spread(rounds),
    }
