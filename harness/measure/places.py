"""Draws anew where a network lies in memory, which alone can make a call 0.3 % slower or faster."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from harness.backends.contract import Running
from harness.measure.estimate import DRAWN, KEPT

GAPS = 30
MOST_GAP = 40_000
"""So many gaps at the most, of so many numbers, lie between one copy and the next."""


class Tenant:
    """A network on its backend and the images it takes turns with, at some place in memory.

    ``enter`` makes what the network takes of an image. Only what torch runs on a CPU as it is can
    move: an engine keeps weights of its own, and a captured CUDA graph keeps their addresses.
    """

    def __init__(
        self, running: Running, images: Sequence[Tensor], enter: Callable[[Tensor], Tensor]
    ) -> None:
        self._running, self._images, self._enter = running, images, enter
        self._gaps: list[Tensor] = []
        self._dice = random.Random()
        self._turns = itertools.cycle(images)

    def __call__(self) -> Any:
        """What the network gives for the next image."""
        return self._running(self._enter(next(self._turns)))

    @property
    def is_on_cpu(self) -> bool:
        """Whether it runs on a CPU, where its CPU time is all that it takes."""
        return self._running.device.type == "cpu"

    @property
    def place(self) -> str:
        """Whether its place is drawn anew by ``move`` or kept."""
        can_move = self._running.engine is None and self.is_on_cpu
        return DRAWN if can_move else KEPT

    @torch.inference_mode(False)  # weights made in that mode are dispatched faster
    @torch.no_grad()
    def move(self) -> None:
        """Puts network and images somewhere else, and calls it there once; nothing if it stays."""
        if self.place == KEPT:
            return
        number = self._dice.randrange(GAPS)
        self._gaps = [torch.empty(self._dice.randrange(MOST_GAP)) for _ in range(number)]
        network = copy.deepcopy(self._running.network)
        self._running = replace(self._running, network=network)
        self._turns = itertools.cycle([each.clone() for each in self._images])
        with torch.inference_mode():
            self()
