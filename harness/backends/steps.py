"""Steps that change the network and leave it one: folding, memory layout, precision."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.backends.contract import CHANGES, Backend, Running, backends, still_a_network
from harness.fold import fold_batch_norms
from harness.mistakes import text_of


@backends.register("eager")
class Eager(Backend):
    """PyTorch as it is, operator by operator: what the literature mostly times."""

    stage = CHANGES

    def apply(self, running: Running, example: Tensor) -> Running:
        """The same."""
        still_a_network(running, "eager")
        return running


@backends.register("folded")
class Folded(Backend):
    """Batch norms folded into the convolutions before them; needs a network torch.fx can trace."""

    stage = CHANGES

    def apply(self, running: Running, example: Tensor) -> Running:
        """The folded copy, and how many batch norms could not be folded."""
        network = still_a_network(running, "folded")
        try:
            folded = fold_batch_norms(network).requires_grad_(False)
        except Exception as error:  # whatever the network's own code does when it is traced
            raise ValueError(
                f"torch.fx cannot trace it, as folding needs: {said(error)}"
            ) from error
        left = sum(isinstance(each, nn.BatchNorm2d) for each in folded.modules())
        facts = {**running.facts, "batch_norms_left": left}
        return replace(running, network=folded, facts=facts)


@backends.register("channels_last")
class ChannelsLast(Backend):
    """Images and weights in memory with the channels of a pixel side by side (NHWC)."""

    stage = CHANGES

    def apply(self, running: Running, example: Tensor) -> Running:
        """The network in that layout, which wants its input so too."""
        network = still_a_network(running, "channels_last")
        layout = torch.channels_last
        moved = network.to(memory_format=layout)  # type: ignore[call-overload]
        return replace(running, network=moved, layout=layout)


@backends.register("fp16")
class Half(Backend):
    """Weights and activations in fp16: 11 bits of precision, nothing above 65504."""

    stage = CHANGES

    def apply(self, running: Running, example: Tensor) -> Running:
        """The network in fp16."""
        return _lowered(running, "fp16", torch.float16)


@backends.register("bf16")
class BFloat(Backend):
    """Weights and activations in bf16: 8 bits of precision, the range of fp32."""

    stage = CHANGES

    def apply(self, running: Running, example: Tensor) -> Running:
        """The network in bf16."""
        return _lowered(running, "bf16", torch.bfloat16)


def _lowered(running: Running, step: str, dtype: torch.dtype) -> Running:
    network = still_a_network(running, step)
    if running.dtype is not torch.float32:
        raise ValueError(f"{step!r} lowers a network that is in {str(running.dtype)[6:]} already")
    return replace(running, network=network.to(dtype), dtype=dtype)


def said(error: BaseException) -> str:
    """What a library raised, short enough for a row."""
    kind, text = type(error).__name__, text_of(error)
    return f"{kind}: {text[:300]}" if text else kind
