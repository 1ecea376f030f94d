"""Counts what a deployed network costs, by reading its traced graph with fvcore."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

with warnings.catch_warnings():  # torch deprecates what fvcore does when it is imported
    warnings.simplefilter("ignore", category=DeprecationWarning)
    warnings.simplefilter("ignore", category=FutureWarning)
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
    from fvcore.nn.jit_handles import (
        conv_flop_count,
        elementwise_flop_counter,
        generic_activation_jit,
        get_shape,
    )

COST_PROTOCOL = 4
"""Raised when the same network would be counted differently."""

MATRIX_OPS = ("conv", "linear", "addmm", "mm", "matmul", "bmm", "baddbmm", "einsum")
"""The operators whose multiply-adds papers print; resizing and pooling are left out."""

SAME_PADDING = "aten::_convolution_mode"
"""A convolution with ``padding="same"``, which fvcore by itself counts as nothing."""

ATTENTION = "aten::scaled_dot_product_attention"
NEAREST = "aten::_upsample_nearest_exact2d"

_ELEMENT_BY_ELEMENT = """
abs add add_ amax amin argmax avg_pool2d adaptive_max_pool2d div elu elu_ exp feature_dropout gelu
hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh hardtanh_ leaky_relu leaky_relu_ log
max_pool2d max_pool2d_with_indices max_unpool2d maximum mean minimum mul mul_ neg pad pixel_shuffle
pixel_unshuffle pow prelu relu6 rsub scatter scatter_ sigmoid sigmoid_ silu silu_ softmax sqrt sub
sub_ sum tanh tanh_ unflatten unfold upsample_bicubic2d where
"""
WITHOUT_MACS = frozenset(f"aten::{name}" for name in _ELEMENT_BY_ELEMENT.split())
"""Operators that fvcore does not know and that multiply and add no matrices: pooling, activations,
sums and products element by element. They are named in a row and count as nothing."""

UNITS = {"params": "parameters", "gmacs": "GMACs", "activations": "activations"}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one forward pass of one image costs.

    ``params`` and ``activations`` (elements given by convolutions) are counts. ``gmacs`` is in
    1e9, one multiply-add = 1, over all operators that fvcore counts (bilinear resizing: 4 an
    output element); ``gmacs_conv`` is convolutions and matrix products only, which is what papers
    print. ``elementwise_flops`` are the operations of everything else, by the table of
    ``harness.measure.traffic``; ``gflops`` is ``2 * gmacs_conv`` and those, in 1e9.

    ``unfused_bytes`` is what a float32 pass reads and writes if no two operators are fused, and
    ``unfused_by_class`` the same by class of operator. ``inference_peak_bytes`` is the most that
    live tensors hold at a time in that pass, weights and image included, without the allocator's
    rounding and convolutions' workspaces. ``training_peak_bytes`` likewise, for a step of
    ``training_batch`` images of the size: see ``harness.measure.training_memory``. A figure that
    was not asked for is None.

    ``uncounted_ops`` are the operators that were met and count as nothing, by number;
    ``unknown_ops`` are those of them that may hide multiply-adds, so that the count is too low.
    ``dead_modules`` do work that does not reach the output, which ``gmacs`` includes;
    ``uncalled_modules`` hold parameters that no operator reads, which ``params`` includes. Nobody
    looked for any of these four in a count that is ``unchecked``.
    """

    params: int
    gmacs: float
    gmacs_conv: float
    activations: int
    elementwise_flops: int | None = None
    gflops: float | None = None
    unfused_bytes: int | None = None
    unfused_by_class: dict[str, int] | None = None
    inference_peak_bytes: int | None = None
    training_peak_bytes: int | None = None
    training_batch: int | None = None
    uncounted_ops: dict[str, int] = field(default_factory=dict)
    unknown_ops: dict[str, int] = field(default_factory=dict)
    dead_modules: tuple[str, ...] = ()
    uncalled_modules: tuple[str, ...] = ()
    unchecked: bool = False
    cost_size: str
    cost_tool: str = f"fvcore {version('fvcore')}"
    cost_protocol: int = COST_PROTOCOL

    @property
    def complete(self) -> bool:
        """Whether it was looked for operators that may hide multiply-adds, and none is there."""
        return not self.unknown_ops and not self.unchecked

    def record(self) -> dict[str, Any]:
        """The figures as a flat row, without those that were not asked for.

        ``count`` in it is "complete", "incomplete", or "unchecked".
        """
        row = {name: value for name, value in asdict(self).items() if value is not None}
        row |= {name: list(row[name]) for name in ("dead_modules", "uncalled_modules")}
        unchecked = row.pop("unchecked")
        row["count"] = "complete" if self.complete else "incomplete"
        return row | ({"count": "unchecked"} if unchecked else {})


def _same_padding_flops(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    image, weight = (get_shape(each) for each in inputs[:2])
    return Counter(conv=int(conv_flop_count(image, weight, get_shape(outputs[0]))))


def _attention_flops(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Both products of attention: queries by keys, and weights by values."""
    queries, keys, values = (get_shape(each) for each in inputs[:3])
    pairs = math.prod(queries[:-1]) * keys[-2]
    return Counter(matmul=pairs * (queries[-1] + values[-1]))


def count(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network at (height, width) in pixels, for a batch of one.

    The network must be in eval mode, as ``harness.network.deploy`` gives it.
    """
    assert not deployed.training, "counting in train mode would change batch norm statistics"
    image = torch.zeros(1, 3, *size)
    by_operator, uncounted = multiply_adds(deployed, image)
    return Cost(
        params=num_params(deployed),
        gmacs=sum(by_operator.values()) / 1e9,
        gmacs_conv=matrix_macs(by_operator) / 1e9,
        activations=_activations(deployed, image),
        uncounted_ops=uncounted,
        unknown_ops={k: v for k, v in uncounted.items() if k not in WITHOUT_MACS},
        cost_size=f"{size[0]}x{size[1]}",
    )


def num_params(module: nn.Module) -> int:
    """How many weights a module has, each once."""
    return sum(each.numel() for each in module.parameters())


def multiply_adds(module: nn.Module, *inputs: Any) -> tuple[Counter[str], dict[str, int]]:
    """Multiply-adds by operator, and the calls of operators that count as nothing."""
    with torch.no_grad(), _quiet():
        flops = _muted(FlopCountAnalysis(module, inputs))
        flops.set_op_handle(SAME_PADDING, _same_padding_flops)
        flops.set_op_handle(ATTENTION, _attention_flops)
        flops.set_op_handle(NEAREST, elementwise_flop_counter(0, 1))
        return flops.by_operator(), dict(sorted(flops.unsupported_ops().items()))


def matrix_macs(by_operator: Mapping[str, float]) -> int:
    """The multiply-adds of convolutions and matrix products, which papers print."""
    return int(sum(macs for name, macs in by_operator.items() if name in MATRIX_OPS))


def _activations(module: nn.Module, *inputs: Any) -> int:
    with torch.no_grad(), _quiet():
        given = _muted(ActivationCountAnalysis(module, inputs))
        given.set_op_handle(SAME_PADDING, generic_activation_jit("conv"))
        given.set_op_handle(ATTENTION, generic_activation_jit())
        return int(given.total())


def _muted(analysis: Any) -> Any:
    """Silences fvcore's log: what it did not count is in the row."""
    return (
        analysis.unsupported_ops_warnings(False)
        .uncalled_modules_warnings(False)
        .tracer_warnings("none")
    )


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keeps torch from the fast path of attention layers, which hides their products."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences torch's deprecation notes on the tracing that fvcore relies on."""
    with warnings.catch_warnings(), plain_attention():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        warnings.simplefilter("ignore", category=FutureWarning)
        warnings.simplefilter("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        yield
