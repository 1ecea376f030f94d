"""Who a driver is, and whether another one that holds a trial is still alive."""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

BEAT_S = 5.0
"""How often a driver says in the ledger that it is alive."""

LEASE_S = 60.0
"""For how long a driver must have been silent before its trials are taken over."""

PROC = Path("/proc")


def new_owner() -> str:
    """A name for a driver that no other one has ever had: host, process, start, machine, number."""
    pid = os.getpid()
    host = "".join(socket.gethostname().split())[:64] or "unknown"
    return f"{host} {pid} {_start(pid)} {_machine()} {uuid.uuid4().hex[:12]}"


def named(owner: str) -> str:
    """A driver as messages call it."""
    host, pid, *_ = owner.split()
    return f"process {pid} on {host}"


def is_gone(owner: str) -> bool:
    """Whether a driver of this machine has ended for certain; of another one that is not known."""
    _, pid, start, machine, _ = owner.split()
    return machine != "-" and machine == _machine() and _start(int(pid)) != start


def is_here(owner: str) -> bool:
    """Whether a driver runs on this machine for certain."""
    _, pid, start, machine, _ = owner.split()
    return machine != "-" and machine == _machine() and _start(int(pid)) == start


def _machine() -> str:
    """What tells apart machines, their boots and their containers; a dash where unknown."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return "-"


def _start(pid: int) -> str:
    """When a process began, in ticks since the machine did; a dash for one that has ended."""
    try:
        after = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "-"
    return "-" if after[0] in "ZX" else after[19]


@dataclass
class Silence:
    """For how long each driver has been silent, as far as this process could hear it.

    The clock is a steady one of this process; and a time in which nobody listened, since the
    database or this process itself stood still, counts only in part.
    """

    _heard: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def is_over(self, owner: str, beat: int) -> bool:
        """Whether a driver whose beat is now this has been silent for a whole lease."""
        now = time.monotonic()
        last_beat, silent, last = self._heard.get(owner, (beat, 0.0, now))
        silent = silent + min(now - last, LEASE_S / 3) if beat == last_beat else 0.0
        self._heard[owner] = (beat, silent, now)
        return silent >= LEASE_S
