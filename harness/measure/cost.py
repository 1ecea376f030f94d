"""Counts what a deployed network costs: parameters, multiply-adds and activations."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

with warnings.catch_warnings():  # torch deprecates what fvcore does when it is imported
    warnings.simplefilter("ignore", category=DeprecationWarning)
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
    from fvcore.nn.jit_handles import conv_flop_count, generic_activation_jit, get_shape

COST_PROTOCOL = 1
"""Raised when the same network would be counted differently."""

MATRIX_OPS = ("conv", "linear", "addmm", "mm", "matmul", "bmm", "baddbmm", "einsum")
"""The operators whose multiply-adds papers print; resizing and pooling are left out."""

SAME_PADDING = "aten::_convolution_mode"
"""A convolution with ``padding="same"``, which fvcore by itself counts as nothing."""

UNITS = {"params": "parameters", "gmacs": "GMACs", "activations": "activations"}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one forward pass of one image costs.

    ``params`` and ``activations`` (elements given by convolutions) are counts. ``gmacs`` is in
    1e9, one multiply-add = 1, over all operators that fvcore counts (bilinear resizing: 4 an
    output element); ``gmacs_conv`` is convolutions and matrix products only, which is what papers
    print. ``uncounted_ops`` are the operators that were met and count as nothing, by number.
    """

    params: int
    gmacs: float
    gmacs_conv: float
    activations: int
    uncounted_ops: dict[str, int] = field(default_factory=dict)
    cost_size: str
    cost_tool: str = f"fvcore {version('fvcore')}"
    cost_protocol: int = COST_PROTOCOL

    def record(self) -> dict[str, Any]:
        """The figures as a flat row."""
        return asdict(self)


def _same_padding_flops(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    image, weight = (get_shape(each) for each in inputs[:2])
    return Counter(conv=int(conv_flop_count(image, weight, get_shape(outputs[0]))))


def count(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network at (height, width) in pixels, for a batch of one.

    The network must be in eval mode, as ``harness.network.deploy`` gives it.
    """
    assert not deployed.training, "counting in train mode would change batch norm statistics"
    image = torch.zeros(1, 3, *size)
    with torch.no_grad(), _quiet():
        flops = _muted(FlopCountAnalysis(deployed, image))
        flops.set_op_handle(SAME_PADDING, _same_padding_flops)
        by_operator = flops.by_operator()
        given = _muted(ActivationCountAnalysis(deployed, image))
        given.set_op_handle(SAME_PADDING, generic_activation_jit("conv"))
        activations = int(given.total())
        uncounted = dict(sorted(flops.unsupported_ops().items()))
    matrix = sum(macs for name, macs in by_operator.items() if name in MATRIX_OPS)
    return Cost(
        params=sum(each.numel() for each in deployed.parameters()),
        gmacs=sum(by_operator.values()) / 1e9,
        gmacs_conv=matrix / 1e9,
        activations=activations,
        uncounted_ops=uncounted,
        cost_size=f"{size[0]}x{size[1]}",
    )


def _muted(analysis: Any) -> Any:
    """Silences fvcore's log: what it did not count is in the row."""
    return (
        analysis.unsupported_ops_warnings(False)
        .uncalled_modules_warnings(False)
        .tracer_warnings("none")
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences torch's deprecation notes on the tracing that fvcore relies on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        warnings.simplefilter("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        yield
