"""The most memory that one arm takes, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import arms
import torch

MIB = 2**20


def peak_of(name: str, bench: arms.Bench, words: Sequence[str]) -> float:
    """MiB at most while an arm runs one burst, by a command line that is this one's.

    On a CPU resident memory of the process, torch and all, on CUDA what torch's allocator held.
    """
    command = [sys.executable, str(Path(__file__).with_name("train.py")), *words]
    asked = [*command, "--only", name, "--folder", str(bench.folder)]
    done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout))


def peak_here(name: str, bench: arms.Bench) -> float | None:
    """MiB at most, of a process that does nothing else; None where the system does not tell."""
    arms.arms(bench)[name]()
    if bench.device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(bench.device)) / MIB
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
