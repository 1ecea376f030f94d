"""Holds the parts of a network to what they declare, so that the part at fault is the one named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from harness.architecture import Architecture
from harness.components import Context, Detail, Feature, Head, Semantic, described
from harness.mistakes import one_line
from harness.network import BrokenPromise, Network

SIZE = (72, 104)
"""Height and width in pixels of the image that shows whether promises are kept."""


def check_promises(network: Network, architecture: Architecture) -> None:
    """Runs a network once on a small image, in eval mode, part by part.

    ValueError, naming the part, its class and file: a part whose forward pass fails, or gives
    other channels, another size or other taps than it declares. The network is left in the mode
    that it was in.
    """
    parts, modules = architecture.parts(), _modules(network)
    running: list[str] = []
    with _eval(network), ExitStack() as hooks, torch.inference_mode():
        for kind, module in modules.items():
            hooks.enter_context(module.register_forward_pre_hook(partial(_began, running, kind)))
            where = described(kind, parts[kind])
            hooks.enter_context(module.register_forward_hook(partial(_ended, running, where)))
        try:
            network(torch.zeros(1, 3, *SIZE))
        except BrokenPromise:
            raise
        except Exception as error:
            if not running:
                raise
            raise failing(described(running[-1], parts[running[-1]]), error, SIZE) from error


def check_traceable(network: Network, architecture: Architecture) -> None:
    """BrokenPromise for the first part whose forward pass ``torch.fx`` cannot trace."""
    for kind, module in _modules(network).items():
        try:
            fx.symbolic_trace(module)
        except Exception as error:
            where = described(kind, architecture.parts()[kind])
            seen = f"{type(error).__name__}: {one_line(error)[:300]}"
            raise BrokenPromise(
                f"{where}: torch.fx cannot trace its forward pass, as deploying needs: {seen}"
            ) from error


def _modules(network: Network) -> dict[str, nn.Module]:
    paths = network.paths
    found = {
        "detail": paths.detail,
        "semantic": paths.semantic,
        "context": paths.context,
        "fusion": paths.fusion,
        "head": network.head,
    }
    return {kind: module for kind, module in found.items() if module is not None}


def failing(where: str, error: Exception, size: tuple[int, int]) -> BrokenPromise:
    """What is said of a part, as ``described``, whose forward pass raises for an image size."""
    seen = f"{type(error).__name__}: {one_line(error)[:300]}"
    return BrokenPromise(f"{where}: its forward pass fails for a {size[0]}x{size[1]} image: {seen}")


@contextmanager
def _eval(network: Network) -> Iterator[None]:
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _began(running: list[str], kind: str, module: nn.Module, inputs: Any) -> None:
    running.append(kind)


def _ended(running: list[str], where: str, module: Any, inputs: Any, output: Any) -> None:
    running.pop()
    check_output(where, module, inputs, output, SIZE)


def check_output(
    where: str, module: Any, inputs: Sequence[Any], output: Any, size: tuple[int, int]
) -> None:
    """BrokenPromise if what a part gives for one image of (height, width) is not as declared."""
    declared: Mapping[str, Feature]
    if isinstance(module, (Detail, Semantic)):
        declared, given = module.taps, output
    elif isinstance(module, Context) and module.taps:
        declared, given = {**module.taps, "out": module.out}, output
    else:
        declared, given = {"output": module.out}, {"output": output}
    if not isinstance(given, Mapping) or list(given) != list(declared):
        names = list(given) if isinstance(given, Mapping) else type(given).__name__
        raise BrokenPromise(f"{where} declares the taps {list(declared)} and gives {names}")
    spread = _spread(inputs[0], output) if isinstance(module, Head) else 1
    for name, feature in declared.items():
        _check(f"{where}: its {name}", given[name], feature, size, spread)


def _spread(feature: Tensor, output: Any) -> float:
    """Pixels a side that a head makes of one place; it may end up to so many beyond the image."""
    if not isinstance(output, Tensor) or output.dim() != 4:
        return 1
    return max(1, output.shape[2] / feature.shape[2])


def _check(what: str, given: Any, feature: Feature, size: tuple[int, int], spread: float) -> None:
    if not isinstance(given, Tensor):
        raise BrokenPromise(f"{what} is a {type(given).__name__}, not a tensor")
    sides = zip(given.shape[2:], size, strict=False)
    near = given.dim() == 4 and all(
        abs(got - side / feature.stride) < spread for got, side in sides
    )
    if given.shape[:2] != (1, feature.channels) or not near:
        raise BrokenPromise(
            f"{what} is {tuple(given.shape)} for a {size[0]}x{size[1]} image, "
            f"not {feature.channels} channels at stride {feature.stride} as it declares"
        )
