"""Holds the parts of a network to what they declare, so that the part at fault is the one named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from harness.architecture import Architecture, Part
from harness.components import REGISTRIES, Context, Detail, Feature, Head, Semantic
from harness.mistakes import one_line
from harness.network import BrokenPromise, Network
from harness.registry import place

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
            where = f"{kind} {_described(kind, parts[kind])}"
            hooks.enter_context(module.register_forward_hook(partial(_ended, running, where)))
        try:
            network(torch.zeros(1, 3, *SIZE))
        except BrokenPromise:
            raise
        except Exception as error:
            if not running:
                raise
            where = f"{running[-1]} {_described(running[-1], parts[running[-1]])}"
            seen = f"{type(error).__name__}: {one_line(error)[:300]}"
            raise BrokenPromise(
                f"{where}: its forward pass fails for a {SIZE[0]}x{SIZE[1]} image: {seen}"
            ) from error


def check_traceable(network: Network, architecture: Architecture) -> None:
    """BrokenPromise for the first part whose forward pass ``torch.fx`` cannot trace."""
    for kind, module in _modules(network).items():
        try:
            fx.symbolic_trace(module)
        except Exception as error:
            where = f"{kind} {_described(kind, architecture.parts()[kind])}"
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


def _described(kind: str, part: Part) -> str:
    return f"{part.name!r} ({place(REGISTRIES[kind].get(part.name))})"


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
        _check(where, name, given[name], feature, spread)


def _spread(feature: Tensor, output: Any) -> float:
    """Pixels a side that a head makes of one place; it may end up to so many beyond the image."""
    if not isinstance(output, Tensor) or output.dim() != 4:
        return 1
    return max(1, output.shape[2] / feature.shape[2])


def _check(where: str, name: str, given: Any, feature: Feature, spread: float) -> None:
    if not isinstance(given, Tensor):
        raise BrokenPromise(f"{where}: its {name} is a {type(given).__name__}, not a tensor")
    sides = zip(given.shape[2:], SIZE, strict=False)
    near = given.dim() == 4 and all(
        abs(got - side / feature.stride) < spread for got, side in sides
    )
    if given.shape[:2] != (1, feature.channels) or not near:
        raise BrokenPromise(
            f"{where}: its {name} is {tuple(given.shape)} for a {SIZE[0]}x{SIZE[1]} image, "
            f"not {feature.channels} channels at stride {feature.stride} as it declares"
        )
