"""Three networks of which is known how long they take against each other, and how we know."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from harness.measure.estimate import Ratio, over_processes

NETWORK, COPY, SLOWER = "network", "its copy", "3 % more work"

LAYERS = 33
"""Convolutions that are all alike: one more is 3.0 % more work."""

WIDTH = 8
SIZE = 16, 32

CALLS = 4
"""Of the witness in a row."""

Ratios = dict[str, float]


def networks() -> dict[str, nn.Module]:
    """A small network, a copy of it, and one with one more of the same convolutions.

    Copied anew each time, so that where weights lie in memory is drawn anew too.
    """
    layers = [_convolution(number) for number in range(LAYERS + 1)]
    shortest, longest = nn.Sequential(_stem(), *layers[:-1]), nn.Sequential(_stem(), *layers)
    known = {NETWORK: shortest, COPY: shortest, SLOWER: longest}
    return {name: copy.deepcopy(each).eval() for name, each in known.items()}


def _stem() -> nn.Module:
    return nn.Conv2d(3, WIDTH, 1).requires_grad_(False)


def _convolution(number: int) -> nn.Module:
    made = nn.Conv2d(WIDTH, WIDTH, 3, padding=1).requires_grad_(False)
    dice = torch.Generator().manual_seed(number)
    made.weight.normal_(0, (9 * WIDTH) ** -0.5, generator=dice)  # neither grows nor fades
    made.bias.zero_()
    return made


def witness(found: Mapping[str, nn.Module], turns: int) -> Ratios:
    """Each network's time over the first's by the CPU clock of this thread.

    That clock stands still while others have the core, and no interval of ours is made from it.
    A turn calls all in an order and back, each a few times after a call that is not timed, as in
    a burst; the ratio is the median over turns.
    """
    image = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    names = list(found)
    logs = []
    with single():
        for turn in range(turns):
            order = names[turn % len(names) :] + names[: turn % len(names)]
            taken = dict.fromkeys(names, 0.0)
            for name in order + order[::-1]:
                taken[name] += np.log(_cpu_ns(found[name], image)) / 2
            logs.append([taken[name] - taken[names[0]] for name in names])
    return dict(zip(names, np.exp(np.median(logs, axis=0)).tolist(), strict=True))


def _cpu_ns(network: nn.Module, image: torch.Tensor) -> int:
    network(image)  # the caches still hold the network before
    start = time.thread_time_ns()
    for _ in range(CALLS):
        network(image)
    return max(time.thread_time_ns() - start, 1)


def truth(witnessed: Sequence[Ratios], name: str) -> Ratio:
    """What the witness says over all sessions, each of them once, with its own interval."""
    return over_processes([each[name] for each in witnessed])


@contextmanager
def single() -> Iterator[None]:
    """One thread, without gradients, as networks are timed."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
