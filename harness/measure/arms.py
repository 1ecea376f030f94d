"""What takes turns in a measurement: the candidates, a twin of the first, and a sentinel."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from harness.backends.contract import Running
from harness.data.augment import MEAN, STD
from harness.measure.figured import SENTINEL, TWIN
from harness.measure.places import Tenant
from harness.measure.sampling import Sampler, sampler
from harness.study import Timing

SENTINEL_SIZE = 128, 256

Timed = nn.Module | Running
"""What is timed: a network as it is, or on a backend."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One call that takes turns with others, and how each figure of it is sampled."""

    name: str
    call: Tenant
    samplers: tuple[Sampler, ...]
    dtype: str


def arms_of(
    networks: Mapping[str, Timed], timing: Timing, size: tuple[int, int], device: torch.device
) -> tuple[Arm, ...]:
    """The arms of a measurement, the candidates first; a twin only where there are several.

    ValueError for a candidate that has the name of a twin or sentinel.
    """
    for name in (TWIN, SENTINEL):
        if name in networks:
            raise ValueError(f"{name!r} cannot be a candidate's name when latency is timed")
    ready = {name: _on(each, device) for name, each in networks.items()}
    if len(ready) > 1:
        ready[TWIN] = _twin_of(next(iter(ready.values())))
    given = images((timing.batch, *size), timing, device)
    enter = _from_host(device) if timing.boundary_in == "host_u8" else _as_it_is
    found = [
        _arm(name, running, given, enter, timing.figures, device) for name, running in ready.items()
    ]
    return *found, _sentinel(timing, device)


def _on(timed: Timed, device: torch.device) -> Running:
    if isinstance(timed, Running):
        return timed
    return Running(network=timed.to(device), device=device)


def _twin_of(running: Running) -> Running:
    """A copy with weights of its own; an engine, which cannot be copied, is its own twin."""
    if running.engine is not None:
        return running
    return replace(running, network=copy.deepcopy(running.network))


def _arm(
    name: str,
    running: Running,
    given: list[Tensor],
    enter: Callable[[Tensor], Tensor],
    figures: Iterable[str],
    device: torch.device,
) -> Arm:
    """An arm that takes turns with images, which lie where and as its backend wants them.

    Of bytes on the host that is part of what is timed.
    """
    placed = [running.place(each) for each in given] if enter is _as_it_is else given
    call = Tenant(running, placed, enter)
    samplers = tuple(sampler(figure, call, device, len(given)) for figure in figures)
    return Arm(name=name, call=call, samplers=samplers, dtype=str(running.dtype)[6:])


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
    return _arm(SENTINEL, _on(network, device), [image], _as_it_is, timing.figures[:1], device)
