"""What takes turns in a measurement: the candidates, a twin of the first, and a sentinel."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.augment import MEAN, STD
from harness.measure.sampling import Call, Sampler, sampler
from harness.study import Timing

TWIN = "twin of the first"
"""A copy of the first candidate: what is found between those two is what nothing looks like."""

SENTINEL = "sentinel"
"""A fixed network: its time in this session beside its time in others shows the machine alone."""

SENTINEL_SIZE = 128, 256


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One call that takes turns with others, and how each figure of it is sampled."""

    name: str
    call: Call
    samplers: tuple[Sampler, ...]


def arms_of(
    networks: Mapping[str, nn.Module], timing: Timing, size: tuple[int, int], device: torch.device
) -> tuple[Arm, ...]:
    """The arms of a measurement, the candidates first; a twin only where there are several.

    ValueError for a candidate that has the name of a twin or sentinel.
    """
    for name in (TWIN, SENTINEL):
        if name in networks:
            raise ValueError(f"{name!r} cannot be a candidate's name when latency is timed")
    modules = {name: each.to(device) for name, each in networks.items()}
    if len(modules) > 1:
        modules[TWIN] = copy.deepcopy(next(iter(modules.values())))
    given = images((timing.batch, *size), timing, device)
    enter = _from_host(device) if timing.boundary_in == "host_u8" else _as_it_is
    found = [
        _arm(name, network, given, enter, timing.figures, device)
        for name, network in modules.items()
    ]
    return *found, _sentinel(timing, device)


def _arm(
    name: str,
    network: nn.Module,
    given: list[Tensor],
    enter: Callable[[Tensor], Tensor],
    figures: Iterable[str],
    device: torch.device,
) -> Arm:
    turns = itertools.cycle(given)

    def call() -> Any:
        return network(enter(next(turns)))

    samplers = tuple(sampler(figure, call, device, len(given)) for figure in figures)
    return Arm(name=name, call=call, samplers=samplers)


def _as_it_is(image: Tensor) -> Tensor:
    return image


def _from_host(device: torch.device) -> Callable[[Tensor], Tensor]:
    """The way of a camera's bytes (N, H, W, 3) to a normalised image (N, 3, H, W) on a device."""
    mean = (torch.tensor(MEAN) * 255).view(3, 1, 1).to(device)
    std = (torch.tensor(STD) * 255).view(3, 1, 1).to(device)

    def enter(image: Tensor) -> Tensor:
        there = image.to(device, non_blocking=True).permute(0, 3, 1, 2)
        return ((there.float() - mean) / std).contiguous()

    return enter


def images(shape: tuple[int, int, int], timing: Timing, device: torch.device) -> list[Tensor]:
    """Different images of noise that take turns, as a camera's do: the same for every arm.

    ``shape`` is (N, H, W). Of ``host_u8`` they are bytes (N, H, W, 3) on the host, in pinned
    memory for a CUDA device; else they are normalised (N, 3, H, W) on the device.
    """
    dice = torch.Generator().manual_seed(0)
    num, height, width = shape
    if timing.boundary_in == "dev":
        drawn = [torch.randn(num, 3, height, width, generator=dice) for _ in range(timing.images)]
        return [each.to(device) for each in drawn]
    drawn = [
        torch.randint(256, (num, height, width, 3), generator=dice, dtype=torch.uint8)
        for _ in range(timing.images)
    ]
    return [each.pin_memory() for each in drawn] if device.type == "cuda" else drawn


def _sentinel(timing: Timing, device: torch.device) -> Arm:
    """Three convolutions with fixed weights over a fixed image, whatever is being measured."""
    dice = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    for inner, outer in ((3, 16), (16, 32), (32, 32)):
        convolution = nn.Conv2d(inner, outer, 3, stride=2, padding=1)
        for each in convolution.parameters():
            each.data.normal_(0, 0.1, generator=dice)
        layers += [convolution, nn.ReLU()]
    network = nn.Sequential(*layers).eval().requires_grad_(False).to(device)
    image = torch.randn(1, 3, *SENTINEL_SIZE, generator=dice).to(device)
    return _arm(SENTINEL, network, [image], _as_it_is, timing.figures[:1], device)
