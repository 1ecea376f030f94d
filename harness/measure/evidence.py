"""Watches, between rounds, whether a measurement has its machine for itself.

The verdict is ``proven``, ``unproven`` (something could not be seen) or ``violated``, with the
reasons in plain words. Nothing is looked at while the clock runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.measure.cpu_watch import CpuWatch
from harness.measure.finding import Finding, verdict
from harness.measure.gpu_watch import GpuWatch
from harness.measure.proc import ROOT


@contextmanager
def watch(
    device: torch.device, threads: int, *, root: Path = ROOT, nvml: Any = None
) -> Iterator[Watch]:
    """Watches a measurement on a device with a number of CPU threads, from here to the end.

    Enter it before anything is put on a CUDA device: the processes there before this one can be
    told apart only then. ``root`` and ``nvml`` stand for the machine's own in tests.
    """
    yield Watch(
        cpu=CpuWatch.start(threads, root),
        gpu=GpuWatch.start(device, nvml) if device.type == "cuda" else None,
    )


@dataclass
class Watch:
    """What is seen of a machine while something is measured on it."""

    cpu: CpuWatch
    gpu: GpuWatch | None = None
    _seen: list[Finding] = field(default_factory=list)

    def check(self) -> tuple[Finding, ...]:
        """Looks once, between two rounds; gives what spoiled the time since the last look.

        Takes less than a millisecond on a CPU.
        """
        seen = self.cpu.check() + (self.gpu.check() if self.gpu else ())
        self._seen += seen
        return seen

    def findings(self) -> tuple[Finding, ...]:
        """What spoiled the measurement as a whole, one finding a fault."""
        whole = self.cpu.findings() + (self.gpu.findings() if self.gpu else ())
        return tuple({each.name: each for each in whole}.values())

    def record(self) -> dict[str, Any]:
        """All that was seen, and the verdict: values that JSON can hold, no names of processes.

        ``num_spoiled_checks`` is the number of findings that single looks gave; a short burst of
        other work is among them without spoiling the whole.
        """
        self.check()
        found = self.findings()
        unseen = self.cpu.unseen() + (self.gpu.unseen() if self.gpu else ())
        return {
            "verdict": verdict(len(found), len(unseen)),
            "reasons": [f"{each.where}: {each.told}" for each in found] + list(unseen),
            "findings": [each.record() for each in found],
            "num_spoiled_checks": len(self._seen),
            "cpu": self.cpu.record(),
            "gpu": self.gpu.record() if self.gpu else None,
        }
