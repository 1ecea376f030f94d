"""The loss curve of a run, read from a device a step late so that it is not waited for."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import torch
from torch import Tensor

from harness.study import Recipe
from harness.training.learner import value_of
from harness.training.schedule import learning_rate

HISTORY_POINTS = 200
"""The most points that a loss curve keeps."""


@dataclass(kw_only=True)
class Curve:
    """The points (step, loss, lr) of a run, of which ``points`` is the list that is kept.

    ``last`` is the newest loss that was read.
    """

    recipe: Recipe
    points: list[tuple[int, float, float]]
    last: float = math.nan
    _unread: deque[tuple[int, Tensor, torch.cuda.Event | None]] = field(default_factory=deque)

    def add(self, number: int, loss: Tensor) -> None:
        """Takes the loss of the step numbered ``number`` from 0.

        FloatingPointError for the newest loss read, if it is not finite.
        """
        self._unread.append((number, *_on_its_way(loss)))
        late = 1 if loss.device.type == "cuda" and not math.isnan(self.last) else 0
        self.read(leave=late)

    def read(self, *, leave: int = 0) -> None:
        """Reads all losses but the newest few; FloatingPointError for one that is not finite."""
        while len(self._unread) > leave:
            number, loss, there = self._unread.popleft()
            if there:
                there.synchronize()
            self.last = value_of(loss, number, self.recipe)
            self._note(number, self.last)

    def _note(self, number: int, loss: float) -> None:
        steps = self.recipe.steps
        if number % math.ceil(steps / (HISTORY_POINTS - 1)) == 0 or number + 1 == steps:
            self.points.append((number + 1, loss, learning_rate(number, self.recipe)))


def _on_its_way(loss: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """A loss as the host will have it, and when it will."""
    if loss.device.type != "cuda":
        return loss, None
    # Read directly, it would wait for the steps that were launched since.
    host = loss.to("cpu", non_blocking=True)
    there = torch.cuda.Event()
    there.record()
    return host, there
