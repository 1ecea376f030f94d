"""Counts a network on the ``meta`` device: nothing is computed, so it takes a tenth of a second.

Torch's own counter sees operators as they are dispatched, while ``harness.measure.cost`` reads a
traced graph: the two share no code and must agree to the integer.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from harness.measure.cost import Cost, num_params

TOOL = f"torch {torch.__version__} on meta"

MATRIX_OPS = frozenset(f"aten::{name}" for name in ("convolution", "mm", "bmm", "addmm", "baddbmm"))
"""Dispatched operators whose outputs are activations."""

PER_ELEMENT = {
    "aten::upsample_bilinear2d": 4,
    "aten::upsample_nearest2d": 1,
    "aten::_upsample_nearest_exact2d": 1,
    "aten::native_batch_norm": 2,
    "aten::_native_batch_norm_legit_no_training": 2,
}
"""Multiply-adds for each element that an operator gives, as fvcore has them."""


class _Elements(TorchDispatchMode):
    """Adds up activations, and what resizing and the batch norms that are left cost."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.activations = self.macs = 0

    def __torch_dispatch__(
        self, operator: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        output = operator(*inputs, **(options or {}))
        name = operator._schema.name
        if name in MATRIX_OPS or "scaled_dot_product" in name:
            self.activations += _first(output).numel()
        elif name in PER_ELEMENT:
            self.macs += PER_ELEMENT[name] * _first(output).numel()
        return output


def _first(output: Any) -> Tensor:
    tensor = output[0] if isinstance(output, tuple) else output
    assert isinstance(tensor, Tensor)
    return tensor


class _Pooled(TorchFunctionMode):
    """Adds up the elements that adaptive pooling reads; dispatched, to 1x1 it is a plain mean."""

    def __init__(self) -> None:
        super().__init__()
        self.num_elements = 0

    def __torch_function__(
        self, function: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        if function is functional.adaptive_avg_pool2d:
            self.num_elements += inputs[0].numel()
        return function(*inputs, **(options or {}))


@dataclass(frozen=True)
class Work:
    """What a module does for some inputs: weights, multiply-adds, and elements that it gives."""

    params: int = 0
    matrix: int = 0
    others: int = 0
    activations: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def cost(self, size: tuple[int, int]) -> Cost:
        """The work as a cost at (height, width) in pixels."""
        return Cost(
            params=self.params,
            gmacs=(self.matrix + self.others) / 1e9,
            gmacs_conv=self.matrix / 1e9,
            activations=self.activations,
            cost_size=f"{size[0]}x{size[1]}",
            cost_tool=TOOL,
        )


def work_of(module: nn.Module, *inputs: Any) -> Work:
    """The work of a module that is on the meta device, as its inputs are."""
    # Torch's counter is entered first, so that it sees an operator last: it takes some apart.
    counter, elements, pooled = FlopCounterMode(display=False), _Elements(), _Pooled()
    with torch.no_grad(), counter, elements, pooled:
        module(*inputs)
    flops = int(counter.get_total_flops())  # twice the multiply-adds
    assert flops % 2 == 0, flops
    others = elements.macs + pooled.num_elements
    return Work(num_params(module), flops // 2, others, elements.activations)


def matrix_macs(module: nn.Module, *inputs: Any) -> int:
    """Multiply-adds of convolutions and matrix products alone."""
    return work_of(module, *inputs).matrix


def count_static(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network that is on the meta device, at (height, width) in pixels.

    The figures are those of ``harness.measure.cost.count``; operators that count as nothing are
    not looked for.
    """
    return work_of(deployed, torch.empty(1, 3, *size, device="meta")).cost(size)
