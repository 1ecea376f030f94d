"""Watches a machine's CPUs: who else uses them, what waits for them, what is taken from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.measure.finding import Finding
from harness.measure.proc import (
    ROOT,
    CpuState,
    affinity,
    available_cores,
    cpu_state,
    quota_cores,
    read,
)

SHORTEST_NS = 200_000_000
"""The kernel counts CPU time in hundredths of a second: shorter spans say little."""

OTHERS_CORES = 0.2
"""Cores that others may use, on the average, before a machine counts as shared.

What a quiet Linux does by itself takes a few hundredths of one.
"""

PRESSURE_PERCENT = 2.0
STOLEN_PERCENT = 0.5

VIRTUAL = "cpu: this is a virtual machine; what else its host runs is not to be seen from here"


@dataclass(frozen=True, kw_only=True)
class Span:
    """What happened between two looks; None for what the system does not tell.

    ``others_cores`` is the CPU time that other processes used per second, in cores.
    """

    seconds: float
    others_cores: float | None
    pressure_percent: float | None
    stolen_percent: float | None
    switches: int | None


def span(before: CpuState, after: CpuState) -> Span:
    """What happened between two states."""
    passed = max(after.at_ns - before.at_ns, 1)
    busy = _passed(before.busy_ns, after.busy_ns)
    own = after.own_ns - before.own_ns
    return Span(
        seconds=passed / 1e9,
        others_cores=None if busy is None else max(busy - own, 0) / passed,
        pressure_percent=_percent(_passed(before.pressure_ns, after.pressure_ns), passed),
        stolen_percent=_percent(_passed(before.stolen_ns, after.stolen_ns), passed),
        switches=_passed(before.switches, after.switches),
    )


def _passed(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _percent(part: int | None, whole: int) -> float | None:
    return None if part is None else 100 * part / whole


@dataclass
class CpuWatch:
    """The CPUs, from the start of a measurement to now."""

    threads: int
    root: Path
    cores: float
    first: CpuState
    last: CpuState
    spans: list[Span] = field(default_factory=list)
    load_at_start: str | None = None

    @classmethod
    def start(cls, threads: int, root: Path = ROOT) -> CpuWatch:
        """Begins to watch a measurement that uses a number of threads."""
        now = cpu_state(root)
        return cls(
            threads,
            root,
            available_cores(root),
            now,
            now,
            load_at_start=read(root / "proc/loadavg"),
        )

    def check(self) -> tuple[Finding, ...]:
        """Looks once; gives what spoiled the time since the last look, if that is long enough."""
        now = cpu_state(self.root)
        if now.at_ns - self.last.at_ns < SHORTEST_NS:
            return ()
        self.spans.append(span(self.last, now))
        self.last = now
        return found_in(self.spans[-1], self.threads, self.cores)

    def whole(self) -> Span:
        """All of it as one span."""
        return span(self.first, self.last)

    def findings(self) -> tuple[Finding, ...]:
        """What spoiled the measurement as a whole."""
        if not self.spans:
            return threads_above(self.threads, self.cores)
        return found_in(self.whole(), self.threads, self.cores)

    def unseen(self) -> tuple[str, ...]:
        """What would have to be seen to know that the CPUs were free, and was not."""
        if not self.spans:
            return ("cpu: too short a measurement to see who else used the CPUs",)
        whole = self.whole()
        named = {
            "/proc/stat": whole.others_cores,
            "/proc/pressure/cpu": whole.pressure_percent,
        }
        told = tuple(
            f"cpu: {name} cannot be read" for name, value in named.items() if value is None
        )
        return (*told, VIRTUAL) if _is_virtual(self.root) else told

    def record(self) -> dict[str, Any]:
        """What was seen, as values that JSON can hold; ``most`` are the worst single spans."""
        whole = self.whole()
        return {
            "threads": self.threads,
            "affinity": list(affinity() or ()) or None,
            "quota_cores": quota_cores(self.root),
            "available_cores": self.cores,
            "free_cores": free_cores(self.cores, whole.others_cores),
            "num_checks": len(self.spans),
            "seconds": whole.seconds,
            "others_cores": whole.others_cores,
            "pressure_percent": whole.pressure_percent,
            "stolen_percent": whole.stolen_percent,
            "involuntary_switches": whole.switches,
            "most_others_cores": _most([each.others_cores for each in self.spans]),
            "most_pressure_percent": _most([each.pressure_percent for each in self.spans]),
            "pressure_avg10_at_start": self.first.pressure_avg10,
            "pressure_avg10_at_end": self.last.pressure_avg10,
            "runnable_at_end": self.last.runnable,
            "loadavg_at_start": self.load_at_start,
            "loadavg_at_end": read(self.root / "proc/loadavg"),
        }


def _most(values: list[float | None]) -> float | None:
    return max((each for each in values if each is not None), default=None)


def _is_virtual(root: Path) -> bool:
    return " hypervisor" in (read(root / "proc/cpuinfo") or "")


def free_cores(available: float, others: float | None) -> float | None:
    """The cores that are left by others."""
    return None if others is None else max(available - others, 0.0)


def found_in(seen: Span, threads: int, available: float) -> tuple[Finding, ...]:
    """What in a span means that the CPUs were not free."""
    others, pressure, stolen = seen.others_cores, seen.pressure_percent, seen.stolen_percent
    found = list(threads_above(threads, available, others))
    if others is not None and others > OTHERS_CORES:
        told = f"other processes used {others:.2f} cores on the average"
        found.append(Finding(name="co_tenant_cpu", where="cpu", told=told))
    if pressure is not None and pressure > PRESSURE_PERCENT:
        told = f"work waited for a CPU {pressure:.1f} % of the time"
        found.append(Finding(name="cpu_pressure", where="cpu", told=told))
    if stolen is not None and stolen > STOLEN_PERCENT:
        told = f"the host took {stolen:.1f} % of the time for others"
        found.append(Finding(name="stolen_time", where="cpu", told=told))
    return tuple(found)


def threads_above(
    threads: int, available: float, others: float | None = None
) -> tuple[Finding, ...]:
    """More threads than cores are free wait for one another, and that for most of the time.

    Others' use up to ``OTHERS_CORES`` takes no core away.
    """
    used = others if others is not None and others > OTHERS_CORES else 0.0
    free = max(available - used, 0.0)
    if threads <= free or threads == 1 <= available:
        return ()
    told = f"{threads} threads, and {free:.2g} of {available:.3g} cores are free"
    return (Finding(name="threads_above_free_cores", where="cpu", told=told),)
