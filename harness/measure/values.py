"""Looks at the numbers in a network: weights and results that are no numbers, too small, or dead.

A convolution over denormal numbers takes a CPU a hundred times as long (2326 ms for 19 ms), and an
untrained network has them sooner than a trained one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.measure.finding import Finding
from harness.measure.traffic import tensors_in

DENORMAL_WEIGHTS = 1e-3
DENORMAL_RESULTS = 1e-2
"""The shares above which it is said. A sigmoid in a sound network gives a few in a thousand."""

FEWEST = 64
"""A result of fewer elements may well be zero throughout, as what a global pooling gives."""

MAY_BE_INFINITE = ("full", "fill", "masked_fill", "where", "new_full", "scalar_tensor")
"""Operators by which code masks what is not to be seen, on purpose."""

AT_WORK = ("convolution", "batch_norm", "relu", "hardtanh", "addmm", "mm", "silu", "gelu")
"""Operators, by a part of their names, that are slow over denormal numbers, and that a living
network gets something else than zeros from."""

EXPONENT = {
    torch.float32: (torch.int32, 0x7F800000, 0x007FFFFF),
    torch.float64: (torch.int64, 0x7FF0000000000000, 0x000FFFFFFFFFFFFF),
    torch.bfloat16: (torch.int16, 0x7F80, 0x007F),
}
"""Where the bits of exponent and mantissa are. Half precision is left out: its denormals begin at
6e-5, which is common, and no GPU is slow about them."""


def denormal_share(tensor: Tensor) -> float:
    """The share of a tensor's elements that are denormal.

    By their bits, since a processor told to flush them takes them for zeros when it compares.
    """
    if tensor.dtype not in EXPONENT or not tensor.numel():
        return 0.0
    whole, exponent, mantissa = EXPONENT[tensor.dtype]
    bits = tensor.detach().contiguous().view(whole)
    return float((((bits & exponent) == 0) & ((bits & mantissa) != 0)).float().mean())


def faulty_weights(module: nn.Module) -> tuple[Finding, ...]:
    """Weights, and statistics, that are not finite; weights that are denormal. One a fault."""
    found: dict[str, tuple[str, str]] = {}
    for path, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta or not tensor.is_floating_point():
            continue
        if not torch.isfinite(tensor).all():
            told = f"{int((~torch.isfinite(tensor)).sum())} of {tensor.numel()} are not finite"
            found.setdefault("non_finite_weights", (path, told))
        share = denormal_share(tensor) if isinstance(tensor, nn.Parameter) else 0.0
        if share > DENORMAL_WEIGHTS:
            found.setdefault("denormal_weights", (path, f"{share:.1%} of them are denormal"))
    return tuple(Finding(name=n, where=path, told=told) for n, (path, told) in found.items())


def faulty_activations(module: nn.Module, image: Tensor) -> tuple[Finding, ...]:
    """What is wrong with a network's results for an image, and where first; one a fault.

    The network runs as it is, as a copy, on the image's device.
    """
    ours = copy.deepcopy(module).to(image.device)
    given = image.clone()
    with _aside(), denormals_kept(), _Values(ours) as values:
        ours(given)
    found = tuple(values.found.values())
    if torch.equal(given, image):
        return found
    told = "writes over the image that it is given, so each call sees another one"
    return (*found, Finding(name="overwrites_input", where="the network", told=told))


def outputs_of(module: nn.Module, image: Tensor, *, seed: int = 0) -> tuple[Tensor, ...]:
    """All that a network gives for an image, as it is; it is left so. On the CPU."""
    ours = copy.deepcopy(module).to(image.device)
    with _aside():
        torch.manual_seed(seed)
        return tuple(each.cpu() for each in tensors_in(ours(image.clone())))


@contextmanager
def _aside() -> Iterator[None]:
    """Without gradients; torch's dice are as they were before."""
    with torch.no_grad(), torch.random.fork_rng():
        yield


@contextmanager
def denormals_kept() -> Iterator[None]:
    """Meanwhile the processor does not take denormal numbers for zeros."""
    flushes = float(torch.tensor(1e-40) * 1.0) == 0.0
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushes)


class _Values(TorchDispatchMode):
    """Looks at what every operator gives, and keeps the first finding of each kind."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: dict[str, Finding] = {}
        self._paths: list[str] = []
        for path, each in module.named_modules():
            each.register_forward_pre_hook(self._entering(path), prepend=True)
            each.register_forward_hook(self._leaving)

    def _entering(self, path: str) -> Any:
        return lambda *_: self._paths.append(path)

    def _leaving(self, *_: Any) -> None:
        self._paths.pop()

    def __torch_dispatch__(
        self, operator: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        name = operator._schema.name.removeprefix("aten::").strip("_")
        works = any(each in name for each in AT_WORK)
        if works and isinstance(inputs[0], Tensor):
            self._look_before(name, inputs[0])
        output = operator(*inputs, **(options or {}))
        for tensor in (output,) if isinstance(output, Tensor) else tensors_in(output):
            if tensor.is_floating_point():
                self._look_after(name, tensor, works)
        return output

    def _look_before(self, name: str, tensor: Tensor) -> None:
        share = denormal_share(tensor)
        if share > DENORMAL_RESULTS:
            self._note("denormal_activations", name, f"reads denormal numbers, {share:.1%} of all")

    def _look_after(self, name: str, tensor: Tensor, works: bool) -> None:
        if name not in MAY_BE_INFINITE and not torch.isfinite(tensor).all():
            self._note("non_finite_activations", name, "gives NaN or infinity")
        if works and tensor.numel() >= FEWEST and not tensor.any():
            self._note("dead_activations", name, "gives nothing but zeros")

    def _note(self, fault: str, operator: str, told: str) -> None:
        where = (self._paths[-1] if self._paths else "") or "the network"
        finding = Finding(name=fault, where=where, told=f"{operator} {told}")
        self.found.setdefault(fault, finding)
