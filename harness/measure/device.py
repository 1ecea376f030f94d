"""Says on what a figure was measured."""

from __future__ import annotations

import os
import platform

import torch

from harness.measure.proc import affinity, cpu_info, pressure


def best_device(number: int = 0) -> torch.device:
    """The CUDA device of a number if there are any, else the CPU."""
    return torch.device(f"cuda:{number}" if torch.cuda.is_available() else "cpu")


def check_devices(processes: int) -> None:
    """ValueError if this machine has GPUs, but not one for each process of a trial."""
    gpus = torch.cuda.device_count()
    if 0 < gpus < processes:
        raise ValueError(
            f"--processes-per-trial {processes} wants a GPU for each; this machine has {gpus}"
        )


def num_cores() -> int:
    """The number of cores this process may use."""
    return len(affinity() or ()) or os.cpu_count() or 1


def device_name(device: torch.device) -> str:
    """The name of a device as its maker calls it."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return cpu_name()


def cpu_name() -> str:
    """The processor's model name, or its architecture where the system does not tell."""
    return cpu_info().get("model name") or platform.processor() or platform.machine()


def cpu_pressure() -> float | None:
    """The share of the last 10 s, in percent, in which work waited for a CPU; None if unknown."""
    return pressure()[0]
