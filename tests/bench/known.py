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
SIZE = 8, 32

CALLS = 4
"""Of the witness in a row."""

STEM = "first layer alone"

Times = dict[str, float]


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


def witness(found: Mapping[str, nn.Module], turns: int) -> Times:
    """What a call of each takes, and of the first layer alone, by this thread's CPU clock, in ns.

    That clock stands still while others have the core, and no interval of ours is made from it.
    Others still cost by emptying caches, so it is the tenth part that was fastest that counts.
    """
    image = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    calls = {STEM: next(iter(found[NETWORK].children())), **found}
    taken: dict[str, list[int]] = {name: [] for name in calls}
    with single():
        for _ in range(turns):
            for name, call in calls.items():
                taken[name] += _cpu_ns(call, image)
    return {name: float(np.quantile(each, 0.1)) for name, each in taken.items()}


def _cpu_ns(network: nn.Module, image: torch.Tensor) -> Iterator[int]:
    network(image)  # the caches still hold the network before
    for _ in range(CALLS):
        start = time.thread_time_ns()
        network(image)
        yield time.thread_time_ns() - start


def truth(witnessed: Sequence[Times]) -> float:
    """How long the slower network takes over the network, by how it is built.

    All but the first layer are alike, and one is added: 1/33 more of what is not the first layer
    (and the call itself). Of the clock only that small share is asked: were it wrong by half, the
    ratio would change by 0.0005.
    """
    fixed = float(np.median([each[STEM] / each[NETWORK] for each in witnessed]))
    return 1 + (1 - fixed) / LAYERS


def clocked(witnessed: Sequence[Times], name: str) -> Ratio:
    """The same ratio as the CPU clock has it, each session once, to hold against the truth."""
    return over_processes([each[name] / each[NETWORK] for each in witnessed])


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
