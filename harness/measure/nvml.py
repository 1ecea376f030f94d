"""Reads what NVIDIA's driver tells of a GPU, through ``nvidia-ml-py``; what it does not is None."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

SM_CLOCK, MEMORY_CLOCK = 1, 2
TEMPERATURE_OF_GPU = 0
MEMORY_V2 = 0x02000028
"""Asks for used memory without what the driver reserves for itself."""

POLICIES = MappingProxyType({"power": 0, "thermal": 1, "sync_boost": 2, "board_limit": 3})
"""The limits that hold a clock back, by NVML's numbers; for each the driver adds up the time."""

SLOWED = MappingProxyType(
    {
        0x08: "the hardware slowed its clocks",
        0x20: "the driver slowed the clocks because of heat",
        0x40: "the hardware slowed its clocks because of heat",
        0x80: "the power supply slowed the clocks",
    }
)
"""Bits of the clock event reasons that spoil a sample, and what they mean.

The power cap (0x04) is not among them: it is how that card runs that network.
"""

POWER_CAPPED = 0x04


@dataclass(frozen=True, kw_only=True)
class GpuState:
    """The GPU at a moment: clocks in MHz, memory in MiB, power in W, violations in ns.

    ``processes`` are the driver's ids, which in a container are not this container's.
    """

    processes: frozenset[int] | None
    used_mb: float | None
    sm_mhz: int | None
    memory_mhz: int | None
    temperature_c: int | None
    power_w: float | None
    events: int | None
    violations: Mapping[str, int | None]


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU as the driver knows it: the module that asks, and the driver's handle."""

    nvml: Any
    handle: Any

    def ask(self, name: str, *given: Any) -> Any:
        """What ``nvmlDeviceGet<name>`` answers for this GPU; None if it does not."""
        return asked(self.nvml, f"nvmlDeviceGet{name}", self.handle, *given)


def asked(nvml: Any, function: str, *given: Any) -> Any:
    """What a function of the driver answers; None for any refusal, or if it has none such."""
    try:
        return getattr(nvml, function)(*given)
    except Exception:  # a driver too old, a right that is missing, a card that cannot
        return None


def open_gpu(index: int = 0, nvml: Any = None) -> Gpu | None:
    """The GPU that CUDA counts as number ``index``, or None if the driver cannot be asked.

    No CUDA context is made, so that the processes there before it can be seen.
    """
    try:
        nvml = nvml or importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no driver, or no package
        return None
    handle = _handle(nvml, index)
    return None if handle is None else Gpu(nvml=nvml, handle=handle)


def _handle(nvml: Any, index: int) -> Any:
    """Follows CUDA_VISIBLE_DEVICES, whose entries are numbers or the ids of cards."""
    visible = [each.strip() for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if visible == [""]:
        return asked(nvml, "nvmlDeviceGetHandleByIndex", index)
    if index >= len(visible):
        return None
    name = visible[index]
    if name.isdecimal():
        return asked(nvml, "nvmlDeviceGetHandleByIndex", int(name))
    return asked(nvml, "nvmlDeviceGetHandleByUUID", name)


def gpu_state(gpu: Gpu) -> GpuState:
    """The GPU as it is now."""
    power = gpu.ask("PowerUsage")
    return GpuState(
        processes=processes(gpu),
        used_mb=_used_mb(gpu),
        sm_mhz=gpu.ask("ClockInfo", SM_CLOCK),
        memory_mhz=gpu.ask("ClockInfo", MEMORY_CLOCK),
        temperature_c=_temperature(gpu),
        power_w=None if power is None else power / 1000,
        events=_events(gpu),
        violations={name: _violation(gpu, policy) for name, policy in POLICIES.items()},
    )


def processes(gpu: Gpu) -> frozenset[int] | None:
    """The processes on a GPU, whether they compute or draw; None if neither list can be read."""
    lists = [gpu.ask("ComputeRunningProcesses"), gpu.ask("GraphicsRunningProcesses")]
    known = [each for each in lists if each is not None]
    return frozenset(process.pid for each in known for process in each) if known else None


def _used_mb(gpu: Gpu) -> float | None:
    memory = gpu.ask("MemoryInfo", MEMORY_V2) or gpu.ask("MemoryInfo")
    used = getattr(memory, "used", None)
    return None if used is None else used / 2**20


def _temperature(gpu: Gpu) -> Any:
    known = gpu.ask("TemperatureV", TEMPERATURE_OF_GPU)
    return gpu.ask("Temperature", TEMPERATURE_OF_GPU) if known is None else known


def _events(gpu: Gpu) -> Any:
    known = gpu.ask("CurrentClocksEventReasons")
    return gpu.ask("CurrentClocksThrottleReasons") if known is None else known


def _violation(gpu: Gpu, policy: int) -> int | None:
    return getattr(gpu.ask("ViolationStatus", policy), "violationTime", None)


def gpu_facts(gpu: Gpu) -> dict[str, Any]:
    """What does not change meanwhile. The card's own id is hashed."""
    name, uuid = gpu.ask("Name"), gpu.ask("UUID")
    return {
        "gpu": _text(name),
        "gpu_id": None if uuid is None else hashed(_text(uuid) or ""),
        "driver": _text(asked(gpu.nvml, "nvmlSystemGetDriverVersion")),
        "vbios": _text(gpu.ask("VbiosVersion")),
        "memory_mb": _mb(getattr(gpu.ask("MemoryInfo"), "total", None)),
        "max_sm_mhz": gpu.ask("MaxClockInfo", SM_CLOCK),
        "max_memory_mhz": gpu.ask("MaxClockInfo", MEMORY_CLOCK),
        "default_sm_mhz": gpu.ask("DefaultApplicationsClock", SM_CLOCK),
        "default_memory_mhz": gpu.ask("DefaultApplicationsClock", MEMORY_CLOCK),
        "power_limit_w": _thousandth(gpu.ask("EnforcedPowerLimit")),
        "default_power_limit_w": _thousandth(gpu.ask("PowerManagementDefaultLimit")),
        "persistence": _switch(gpu.ask("PersistenceMode")),
        "ecc": _switch(_first(gpu.ask("EccMode"))),
        "mig": _switch(_first(gpu.ask("MigMode"))),
        "compute_mode": gpu.ask("ComputeMode"),
        "pcie_generation": gpu.ask("CurrPcieLinkGeneration"),
        "pcie_width": gpu.ask("CurrPcieLinkWidth"),
    }


def hashed(text: str) -> str:
    """A short hash that tells two things apart and names neither."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(given: Any) -> str | None:
    """Some versions of the package give bytes."""
    return given.decode(errors="replace") if isinstance(given, bytes) else given


def _first(given: Any) -> Any:
    """Of a pair, what is in force now; the other is what comes after a reset."""
    return given[0] if isinstance(given, (list, tuple)) and given else None


def _switch(given: Any) -> bool | None:
    return None if given is None else bool(given)


def _mb(given: Any) -> int | None:
    return None if given is None else int(given / 2**20)


def _thousandth(given: Any) -> float | None:
    return None if given is None else given / 1000
