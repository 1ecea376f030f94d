"""Reads from /proc and /sys what tells whether a CPU is shared; what is not there is None."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")


def read(path: Path) -> str | None:
    """A file's text without its ends, or None if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except (OSError, ValueError):
        return None


def number(text: str | None) -> float | None:
    """A finite number, or None for what is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True, kw_only=True)
class CpuState:
    """The counters of a moment. Times are in ns; what the system does not tell is None.

    ``pressure_ns`` has grown while any work waited for a CPU, ``busy_ns`` is the time that all
    processes used (summed over CPUs), ``stolen_ns`` what a hypervisor gave to others, ``own_ns``
    the CPU time of this process; ``switches`` are its involuntary context switches.
    """

    at_ns: int
    own_ns: int
    switches: int | None
    pressure_avg10: float | None
    pressure_ns: int | None
    busy_ns: int | None
    stolen_ns: int | None
    runnable: int | None


def cpu_state(root: Path = ROOT) -> CpuState:
    """The counters as they are now; takes well under a millisecond."""
    avg10, waited = pressure(root)
    busy, stolen, runnable = _stat(root)
    return CpuState(
        at_ns=time.monotonic_ns(),
        own_ns=time.process_time_ns(),
        switches=_switches(),
        pressure_avg10=avg10,
        pressure_ns=waited,
        busy_ns=busy,
        stolen_ns=stolen,
        runnable=runnable,
    )


def _switches() -> int | None:
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def pressure(root: Path = ROOT) -> tuple[float | None, int | None]:
    """The share of the last 10 s in percent, and all the time in ns, in which work waited."""
    lines = (read(root / "proc/pressure/cpu") or "").splitlines()
    some = next((line for line in lines if line.startswith("some ")), "")
    values = dict(word.partition("=")[::2] for word in some.split()[1:])
    total = number(values.get("total"))
    return number(values.get("avg10")), None if total is None else int(total * 1000)


def _stat(root: Path) -> tuple[int | None, int | None, int | None]:
    """Busy time, stolen time and the number of runnable threads."""
    busy = stolen = runnable = None
    for line in (read(root / "proc/stat") or "").splitlines():
        name, *words = line.split()
        if name == "cpu":
            ticks = [number(word) for word in words]
            if len(ticks) >= 8 and None not in ticks[:8]:
                user, nice, system, _, _, irq, softirq, steal = (int(t or 0) for t in ticks[:8])
                busy = _ns(user + nice + system + irq + softirq)
                stolen = _ns(steal)
        elif name == "procs_running" and words and words[0].isdecimal():
            runnable = int(words[0])
    return busy, stolen, runnable


def _ns(ticks: int) -> int:
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def affinity() -> tuple[int, ...] | None:
    """The CPUs that this process may run on."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return tuple(sorted(os.sched_getaffinity(0)))


def quota_cores(root: Path = ROOT) -> float | None:
    """The CPU time per second that this process's cgroups allow, in cores; None if all of it.

    A container may see sixty-four CPUs and be given two.
    """
    limits = [each for each in _quotas(root) if each is not None and each > 0]
    return min(limits, default=None)


def _quotas(root: Path) -> Iterator[float | None]:
    groups = root / "sys/fs/cgroup"
    for line in (read(root / "proc/self/cgroup") or "0::/").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        is_v1 = "cpu" in controllers.split(",")
        if not controllers or is_v1:
            folder = groups / "cpu" if is_v1 else groups
            for each in _ancestors(folder, path):
                yield _quota_v1(each) if is_v1 else _quota_v2(each)


def _ancestors(folder: Path, path: str) -> Iterator[Path]:
    """The folder of a cgroup, and of those that it is in."""
    steps = [each for each in path.split("/") if each not in ("", "..")]
    for depth in range(len(steps) + 1):
        yield folder.joinpath(*steps[:depth])


def _quota_v2(folder: Path) -> float | None:
    words = (read(folder / "cpu.max") or "").split()
    return _divided(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    return _divided(read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us"))


def _divided(quota: str | None, period: str | None) -> float | None:
    above, below = number(quota), number(period)
    return above / below if above is not None and below else None


def available_cores(root: Path = ROOT) -> float:
    """The cores that this process may use: by affinity, and by its cgroups' quota."""
    cpus = len(affinity() or ()) or os.cpu_count() or 1
    quota = quota_cores(root)
    return float(cpus) if quota is None else min(float(cpus), quota)


def machine(root: Path = ROOT) -> dict[str, Any]:
    """What does not change meanwhile: processor, governor, turbo, SMT, NUMA, memory, kernel."""
    info = cpu_info(root)
    cpu = root / "sys/devices/system/cpu"
    return {
        "cpu": info.get("model name"),
        "microcode": info.get("microcode"),
        "sockets": _sockets(root),
        "logical_cpus": os.cpu_count(),
        "cores_per_socket": _whole(info.get("cpu cores")),
        "smt": _yes(read(cpu / "smt/active"), "1", "0"),
        "governor": read(cpu / "cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(cpu),
        "numa_nodes": read(root / "sys/devices/system/node/online"),
        "memory_mb": _memory_mb(root),
        "kernel": read(root / "proc/sys/kernel/osrelease"),
        "virtual": "hypervisor" in info["flags"].split() if "flags" in info else None,
        "affinity": list(affinity() or ()) or None,
        "quota_cores": quota_cores(root),
    }


def cpu_info(root: Path = ROOT) -> dict[str, str]:
    """What /proc/cpuinfo says of the first CPU."""
    first = (read(root / "proc/cpuinfo") or "").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _sockets(root: Path) -> int | None:
    lines = (read(root / "proc/cpuinfo") or "").splitlines()
    return len({line for line in lines if line.startswith("physical id")}) or None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _yes(text: str | None, yes: str, no: str) -> bool | None:
    return {yes: True, no: False}.get(text or "")


def _turbo(cpu: Path) -> bool | None:
    intel = _yes(read(cpu / "intel_pstate/no_turbo"), "0", "1")
    return _yes(read(cpu / "cpufreq/boost"), "1", "0") if intel is None else intel


def _memory_mb(root: Path) -> int | None:
    first = (read(root / "proc/meminfo") or "").partition("\n")[0].split()
    kb = number(first[1]) if len(first) > 1 and first[0] == "MemTotal:" else None
    return None if kb is None else int(kb / 1024)
