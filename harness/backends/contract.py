"""The contract of a backend: one step on the way from a deployed network to what is timed.

A backend is named by its steps in order, as ``folded+channels_last+fp16+compile``: each takes what
the one before it gives. Steps that change the network come first; an engine, which turns the
network into something else, comes after them.
"""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from harness.mistakes import NotInstalledError
from harness.registry import Registry

Call = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A network on its way: the network itself, and what an engine has made of it.

    ``network`` is a copy that a step may change, and None once an engine has taken it. ``dtype``
    and ``layout`` are how it wants its input; ``facts`` go into the row.
    """

    network: nn.Module | None
    device: torch.device
    engine: Call | None = None
    dtype: torch.dtype = torch.float32
    layout: torch.memory_format = torch.contiguous_format
    facts: Mapping[str, Any] = field(default_factory=dict)

    def place(self, image: Tensor) -> Tensor:
        """An image (N, 3, H, W) where and as the network wants it; itself if it is so already."""
        return image.to(self.device, self.dtype, memory_format=self.layout)

    def __call__(self, image: Tensor) -> Tensor:
        """What the network gives for an image, at its own output boundary."""
        run = self.network if self.engine is None else self.engine
        assert run is not None
        given: Tensor = run(self.place(image))
        return given

    def taken(self, engine: Call, **facts: Any) -> Running:
        """This network once an engine has taken it."""
        return replace(self, network=None, engine=engine, facts={**self.facts, **facts})


CHANGES, RUNS, REPLAYS = range(3)
"""What a step does, in the order of steps: changes the network, runs it, replays what ran."""


class Backend(ABC):
    """One step. ``device`` is the only type of device that it runs on, if there is only one.

    ``stage`` says what it does, where that is known before it is applied. ``packages`` are what
    it imports beside torch, by the names that ``import`` knows, and ``extra`` is the extra of
    this distribution that brings them.
    """

    stage: ClassVar[int | None] = None
    device: ClassVar[str | None] = None
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None

    @abstractmethod
    def apply(self, running: Running, example: Tensor) -> Running:
        """The next state of a network that is in eval mode, for inputs like an example.

        ``example`` (N, 3, H, W) is normalised. ValueError for a network that is past what the
        step changes.
        """


backends: Registry[Backend] = Registry("backend", Backend, ())


def steps_of(name: str) -> tuple[str, ...]:
    """The steps of a backend's name; KeyError for an unknown one.

    ValueError for one twice, for two that each run the network, and for another order than that
    of their stages, which it says.
    """
    steps = tuple(step.strip() for step in name.split("+"))
    stages = {step: backends.get(step).stage for step in steps}
    twice = [step for at, step in enumerate(steps) if step in steps[:at]]
    if twice:
        raise ValueError(f"backend {name!r} has {twice[0]!r} twice")
    runs = [step for step in steps if stages[step] == RUNS]
    if len(runs) > 1:
        both = " and ".join(map(repr, runs))
        raise ValueError(f"backend {name!r} has {both}, and each runs the network: name one")
    known = [step for step in steps if stages[step] is not None]
    right = sorted(known, key=lambda step: stages[step] or CHANGES)
    if known != right:
        raise ValueError(
            f"backend {name!r} has its steps in the wrong order, the right one is "
            f"{'+'.join(right)!r}: what changes the network comes before what runs it"
        )
    return steps


def why_unavailable(name: str, device: torch.device) -> str | None:
    """Why a backend cannot run here, with what to install; what ``steps_of`` raises comes through.

    None if it can.
    """
    steps_of(name)
    try:
        check_available(name, device)
    except ValueError as error:
        return str(error)
    return None


def check_available(name: str, device: torch.device) -> None:
    """Whether a backend can run here at all.

    What ``steps_of`` raises; ValueError for another device, NotInstalledError for a package that
    is not there.
    """
    for step in steps_of(name):
        kind = backends.get(step)
        if kind.device not in (None, device.type):
            raise ValueError(
                f"backend {step!r} runs on {_said(kind.device)}, and this is {_said(device.type)}"
            )
        missing = [each for each in kind.packages if importlib.util.find_spec(each) is None]
        if missing:
            how = f"pip install 'twopath[{kind.extra}]'" if kind.extra else "install it"
            raise NotInstalledError(f"backend {step!r} needs {', '.join(missing)}: {how}")


def _said(device: str | None) -> str:
    return {"cuda": "a CUDA device", "cpu": "a CPU"}.get(str(device), str(device))


def still_a_network(running: Running, step: str) -> nn.Module:
    """The network that a step is to change; ValueError if an engine has taken it."""
    if running.network is None:
        raise ValueError(f"{step!r} changes the network, so it comes before what runs it")
    return running.network


def in_fp32(running: Running, step: str) -> nn.Module:
    """The network that an engine takes in fp32 alone; ValueError for one in anything else."""
    if running.dtype is not torch.float32:
        raise ValueError(f"{step!r} takes networks in fp32, not in {str(running.dtype)[6:]}")
    return still_a_network(running, step)


def package_version(package: str) -> str:
    """A package with its version, for the row."""
    return f"{package} {importlib.import_module(package).__version__}"
