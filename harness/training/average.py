"""An average of a network's weights over the last steps, which is scored in their place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

WARM_UP = 10
"""How slowly the average lets go of the untrained network; see ``decay_at``."""


def decay_at(step: int, decay: float) -> float:
    """The decay after a step counted from 1: ``min(decay, (1 + step) / (10 + step))``.

    As TensorFlow's ``ExponentialMovingAverage(num_updates=step)``: with 0.999 alone, the random
    weights of the start would still be a third of the average after a thousand steps.
    """
    return min(decay, (1 + step) / (WARM_UP + step))


class Average:
    """The exponential moving average of all that a network holds, batch statistics included."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._kept = {name: each.detach().clone() for name, each in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves towards the network as it is after a step counted from 1; counters are copied."""
        share = 1 - decay_at(step, self.decay)
        for name, each in network.state_dict().items():
            kept = self._kept[name]
            if kept.is_floating_point():
                kept.lerp_(each, share)
            else:
                kept.copy_(each)

    def give(self, network: nn.Module) -> None:
        """Puts the average in place of the network's weights."""
        network.load_state_dict(self._kept)

    def state_dict(self) -> dict[str, Tensor]:
        """The average by the network's own names."""
        return self._kept

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Takes an average up where ``state_dict`` left it."""
        for name, kept in self._kept.items():
            kept.copy_(state[name])
