"""The memory that a command and all processes it starts hold together."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

EVERY_S = 0.05
SHARED_OUT = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def most_held(command: Sequence[str]) -> float | None:
    """MiB at most, as Linux shares out what processes have in common.

    None elsewhere, and of a command that ended before it was looked at. That is done twenty times
    a second, which slows the command: it is not to be timed meanwhile. RuntimeError if it fails.
    """
    if not Path("/proc/self/smaps_rollup").is_file():
        return None
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    most = 0
    while child.poll() is None:
        most = max(most, _held_by_session(child.pid))
        time.sleep(EVERY_S)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return most / 1024 if most else None


def _held_by_session(leader: int) -> int:
    """kB of all processes of a session."""
    total = 0
    for number in (int(each) for each in os.listdir("/proc") if each.isdigit()):
        try:
            if os.getsid(number) == leader:
                told = Path(f"/proc/{number}/smaps_rollup").read_text()
                total += sum(map(int, SHARED_OUT.findall(told)))
        except OSError:  # it ended meanwhile
            continue
    return total
