"""Watches a GPU through its driver: who else is on it, and what holds its clocks back."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.measure.finding import Finding
from harness.measure.nvml import POWER_CAPPED, SLOWED, Gpu, GpuState, gpu_facts, gpu_state, open_gpu

CLOCK_SPREAD = 0.02
"""The share by which the SM clock may leave its median before it is said."""

IDLE_MB = 100.0
"""Memory in use above this, before this process is on the GPU, belongs to somebody."""


@dataclass
class GpuWatch:
    """A GPU, from before this process has a CUDA context to now.

    ``before`` is None where a context was there already: then this process cannot be told from
    the others by who was there first.
    """

    gpu: Gpu | None
    before: GpuState | None
    states: list[GpuState] = field(default_factory=list)

    @classmethod
    def start(cls, device: torch.device, nvml: Any = None) -> GpuWatch:
        """Begins to watch a CUDA device."""
        gpu = open_gpu(device.index or 0, nvml)
        fresh = gpu is not None and not torch.cuda.is_initialized()
        return cls(gpu, gpu_state(gpu) if gpu is not None and fresh else None)

    def check(self) -> tuple[Finding, ...]:
        """Looks once; gives what spoils the time around now."""
        if self.gpu is None:
            return ()
        self.states.append(gpu_state(self.gpu))
        return slowed(self.states[-2:]) + self._co_tenants()

    def findings(self) -> tuple[Finding, ...]:
        """What spoiled the measurement as a whole."""
        return slowed(self.states) + self._co_tenants()

    def others(self) -> frozenset[int] | None:
        """The processes that were on the GPU and are not this one; None if that is not known.

        Ids are the driver's. In a container they are the host's, and ours is not to be known by
        its number: who was there before it is somebody else, and so is all but one of those that
        came later.
        """
        seen = [state.processes for state in self.states]
        if not seen or None in seen:
            return None
        during = frozenset().union(*(each or () for each in seen))
        if os.getpid() in during:
            return during - {os.getpid()}
        earlier = (self.before.processes if self.before else None) or frozenset()
        came = during - earlier
        if not came:  # this process is on the GPU, and the driver does not list it
            return (during & earlier) or None
        return during - {max(came)}  # one of those that came is this process

    def _co_tenants(self) -> tuple[Finding, ...]:
        others, where = self.others(), "gpu"
        if others:
            told = f"{len(others)} other process{'es' * (len(others) > 1)} on it"
            return (Finding(name="co_tenant_gpu", where=where, told=told),)
        used = self.before.used_mb if self.before else None
        if used is not None and used > IDLE_MB:
            told = f"{used:.0f} MiB were in use before this process came"
            return (Finding(name="co_tenant_gpu", where=where, told=told),)
        return ()

    def unseen(self) -> tuple[str, ...]:
        """What would have to be seen to know that the GPU was free, and was not."""
        if self.gpu is None:
            return ("gpu: the driver cannot be asked; is nvidia-ml-py installed?",)
        told = []
        if self.others() is None:
            told.append("gpu: the driver does not list the processes here")
        if self.states and self.states[-1].events is None:
            told.append("gpu: the driver does not tell what holds its clocks back")
        if gpu_facts(self.gpu)["mig"]:
            told.append("gpu: MIG shares one card, whose other slices are not to be seen")
        return tuple(told)

    def record(self) -> dict[str, Any]:
        """What was seen, as values that JSON can hold; processes by number only."""
        if self.gpu is None:
            return {"facts": None, "num_checks": 0}
        clocks = [each.sm_mhz for each in self.states if each.sm_mhz is not None]
        others = self.others()
        return {
            "facts": gpu_facts(self.gpu),
            "num_checks": len(self.states),
            "context_before": self.before is None,
            "num_processes_before": _num(self.before.processes if self.before else None),
            "num_others": _num(others),
            "used_mb_before": self.before.used_mb if self.before else None,
            "sm_mhz": _range(clocks),
            "memory_mhz": _range([each.memory_mhz for each in self.states]),
            "temperature_c": _range([each.temperature_c for each in self.states]),
            "power_w": _range([each.power_w for each in self.states]),
            "used_mb": _range([each.used_mb for each in self.states]),
            "clock_steady": is_steady(clocks),
            "power_capped": _any_bit([each.events for each in self.states], POWER_CAPPED),
            "events": sorted({each.events for each in self.states if each.events is not None}),
            "violations_ns": violations(self.states),
        }


def slowed(states: list[GpuState]) -> tuple[Finding, ...]:
    """What held the clocks back that a card does not do by itself: heat, or its supply."""
    events = [each.events for each in states if each.events is not None]
    told = [what for bit, what in SLOWED.items() if any(each & bit for each in events)]
    grown = violations(states)
    if not told and (grown["thermal"] or 0) > 0:
        told = [f"heat held the clocks back for {(grown['thermal'] or 0) / 1e6:.0f} ms"]
    return tuple(Finding(name="gpu_throttled", where="gpu", told=each) for each in told[:1])


def violations(states: list[GpuState]) -> dict[str, int | None]:
    """How long each limit held the clocks back between the first state and the last, in ns."""
    if not states:
        return {"power": None, "thermal": None, "sync_boost": None, "board_limit": None}
    first, last = states[0].violations, states[-1].violations
    pairs = {name: (first[name], last[name]) for name in first}
    return {k: None if a is None or b is None else b - a for k, (a, b) in pairs.items()}


def is_steady(clocks: list[int]) -> bool | None:
    """Whether a clock stayed near its median."""
    if not clocks:
        return None
    middle = statistics.median(clocks)
    return max(abs(each - middle) for each in clocks) <= CLOCK_SPREAD * middle


def _num(given: frozenset[int] | None) -> int | None:
    return None if given is None else len(given)


def _range(values: list[Any]) -> list[float] | None:
    known = [each for each in values if each is not None]
    return [min(known), statistics.median(known), max(known)] if known else None


def _any_bit(events: list[int | None], bit: int) -> bool | None:
    known = [each for each in events if each is not None]
    return any(each & bit for each in known) if known else None
