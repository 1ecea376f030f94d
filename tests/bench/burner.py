"""Work beside a measurement: a process that uses one core on and off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from harness.measure.cpu_watch import span
from harness.measure.proc import cpu_state

QUIET, LOADED = "quiet", "loaded"

BURN = """
import random, time
while True:
    end = time.monotonic() + random.uniform(0.05, 1)
    while time.monotonic() < end:
        sum(range(1000))
    time.sleep(random.uniform(0.05, 1))
"""
"""About half of the time, in stretches longer than a burst and shorter than a session."""


@contextmanager
def burning() -> Iterator[None]:
    """Burns until it is left."""
    with subprocess.Popen([sys.executable, "-c", BURN]) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def under(condition: str) -> Iterator[dict[str, Any]]:
    """Meanwhile the machine is loaded or left alone; the dict is told at the end what was seen.

    ``others_cores`` is what all other processes used, ``pressure_percent`` how much of the time
    work waited for a CPU, ``stolen_percent`` what the host of a virtual machine took.
    """
    seen: dict[str, Any] = {}
    with burning() if condition == LOADED else nullcontext():
        before = cpu_state()
        yield seen
        passed = span(before, cpu_state())
    names = "others_cores", "pressure_percent", "stolen_percent", "switches"
    seen |= {name: getattr(passed, name) for name in names}
