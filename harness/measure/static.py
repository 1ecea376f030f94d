"""Counts a network on the ``meta`` device: nothing is computed, so it takes a tenth of a second.

Torch's own formulas are applied to operators as they are dispatched, while
``harness.measure.cost`` reads a traced graph: the two share no code and must agree to the integer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from harness.measure.cost import Cost, num_params
from harness.measure.traffic import class_of, elementwise, is_view, moved

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


class Tally(TorchDispatchMode):
    """Adds up what the operators do that are dispatched while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.matrix = self.macs = self.activations = self.elementwise = 0
        self.traffic: dict[str, int] = {}

    def __torch_dispatch__(
        self, operator: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        output = operator(*inputs, **options)
        if is_view(operator):
            return output
        name = operator._schema.name
        kind = class_of(name)
        self.traffic[kind] = self.traffic.get(kind, 0) + moved(name, inputs, output)
        formula = flop_registry.get(operator._overloadpacket)
        if formula:  # torch counts a multiplication and an addition for each
            self.matrix += int(formula(*inputs, **options, out_val=output)) // 2
        else:
            self.elementwise += elementwise(name, inputs, output)
        if name in MATRIX_OPS or "scaled_dot_product" in name:
            self.activations += _first(output).numel()
        elif name in PER_ELEMENT:
            self.macs += PER_ELEMENT[name] * _first(output).numel()
        return output


def _first(output: Any) -> Tensor:
    tensor = output[0] if isinstance(output, tuple) else output
    assert isinstance(tensor, Tensor)
    return tensor


class Pooled(TorchFunctionMode):
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
    """What a module does for some inputs: weights, multiply-adds, elements that it gives, and more.

    ``elementwise`` is by the table of ``harness.measure.traffic``; ``traffic`` is in bytes, by
    class of operator.
    """

    params: int = 0
    matrix: int = 0
    others: int = 0
    activations: int = 0
    elementwise: int = 0
    traffic: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: Work) -> Work:
        kinds = {**self.traffic, **other.traffic}
        return Work(
            self.params + other.params,
            self.matrix + other.matrix,
            self.others + other.others,
            self.activations + other.activations,
            self.elementwise + other.elementwise,
            {kind: self.traffic.get(kind, 0) + other.traffic.get(kind, 0) for kind in kinds},
        )

    def cost(self, size: tuple[int, int]) -> Cost:
        """The work as a cost at (height, width) in pixels."""
        return Cost(
            params=self.params,
            gmacs=(self.matrix + self.others) / 1e9,
            gmacs_conv=self.matrix / 1e9,
            activations=self.activations,
            elementwise_flops=self.elementwise,
            gflops=(2 * self.matrix + self.elementwise) / 1e9,
            unfused_bytes=sum(self.traffic.values()),
            unfused_by_class={kind: self.traffic[kind] for kind in sorted(self.traffic)},
            unchecked=True,
            cost_size=f"{size[0]}x{size[1]}",
            cost_tool=TOOL,
        )


def work_of(module: nn.Module, *inputs: Any) -> Work:
    """The work of a module in eval mode that is on the meta device, as its inputs are."""
    tally, pooled = Tally(), Pooled()
    with torch.no_grad(), tally, pooled:
        module(*inputs)
    return tallied(module, tally, pooled)


def tallied(module: nn.Module, tally: Tally, pooled: Pooled) -> Work:
    """The work of a module that two modes saw."""
    return Work(
        params=num_params(module),
        matrix=tally.matrix,
        others=tally.macs + pooled.num_elements,
        activations=tally.activations,
        elementwise=tally.elementwise,
        traffic=tally.traffic,
    )


def matrix_macs(module: nn.Module, *inputs: Any) -> int:
    """Multiply-adds of convolutions and matrix products alone."""
    return work_of(module, *inputs).matrix


def count_static(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network that is on the meta device, at (height, width) in pixels.

    The figures are those of ``harness.measure.cost.count``; operators that count as nothing are
    not looked for.
    """
    return work_of(deployed, torch.empty(1, 3, *size, device="meta")).cost(size)
