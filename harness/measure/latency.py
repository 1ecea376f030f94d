"""Times deployed networks together, so that a drift of the machine meets all of them alike."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from harness.measure.device import cpu_pressure, device_name
from harness.study import Timing

LATENCY_PROTOCOL = 1
"""Raised when the same network would be timed differently."""

CONTENDED_PERCENT = 10.0
"""CPU pressure above which absolute times are marked as taken beside other work."""

Call = Callable[[], Any]
Report = Callable[[int, int], None]


def time_together(
    networks: Mapping[str, nn.Module],
    timing: Timing,
    size: tuple[int, int],
    device: torch.device,
    report: Report = lambda done, total: None,
) -> dict[str, dict[str, Any]]:
    """Times networks, deployed to end at ``timing.boundary``, by name, as flat rows in ms.

    Each round meets every network once, in a random order and then in the same order mirrored.
    A CUDA device is timed by events, a CPU by the clock. ``report`` hears of the rounds done and
    of their number.
    """
    pressure = cpu_pressure()
    with torch.inference_mode(), _threads(timing.threads):
        calls = {name: _call(net, timing, size, device) for name, net in networks.items()}
        samples = _interleave(calls, timing, device, report)
        about = _about(timing, size, device, pressure)
    return {name: {**_summary(each), **about} for name, each in samples.items()}


def _call(network: nn.Module, timing: Timing, size: tuple[int, int], device: torch.device) -> Call:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(timing.batch, 3, *size, generator=generator).to(device)
    network = network.to(device)
    return lambda: network(image)


def _interleave(
    calls: dict[str, Call], timing: Timing, device: torch.device, report: Report
) -> dict[str, list[float]]:
    """Takes the samples of all networks, in ms, burst by burst."""
    burst = _cuda_burst if device.type == "cuda" else _cpu_burst
    for call in calls.values():
        burst(call, timing.warmup)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    shuffler = random.Random(0)
    for done in range(timing.rounds):
        order = shuffler.sample(list(calls), len(calls))
        for name in order + order[::-1]:
            calls[name]()  # the caches still hold the network before
            samples[name] += burst(calls[name], timing.burst)
        report(done + 1, timing.rounds)
    return samples


def _cpu_burst(call: Call, num_samples: int) -> list[float]:
    times = []
    for _ in range(num_samples):
        start = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - start) / 1e6)
    return times


def _cuda_burst(call: Call, num_samples: int) -> list[float]:
    pairs = []
    for _ in range(num_samples):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        pairs.append((start, end))
    torch.cuda.synchronize()
    return [float(start.elapsed_time(end)) for start, end in pairs]


def _summary(samples: list[float]) -> dict[str, Any]:
    deciles = statistics.quantiles(samples, n=10, method="inclusive")
    return {
        "latency_ms": statistics.median(samples),
        "latency_p10_ms": deciles[0],
        "latency_p90_ms": deciles[-1],
        "latency_num_samples": len(samples),
    }


def _about(
    timing: Timing,
    size: tuple[int, int],
    device: torch.device,
    pressure: float | None,
) -> dict[str, Any]:
    """The protocol of a figure, without which it says nothing."""
    return {
        "latency_device": device_name(device),
        "latency_dtype": "float32",
        "latency_size": f"{size[0]}x{size[1]}",
        "latency_batch": timing.batch,
        "latency_threads": torch.get_num_threads(),
        "latency_boundary": timing.boundary,
        "latency_method": "cuda_events" if device.type == "cuda" else "perf_counter",
        "latency_warmup": timing.warmup,
        "latency_rounds": timing.rounds,
        "latency_protocol": LATENCY_PROTOCOL,
        "latency_session": uuid.uuid4().hex[:12],
        "latency_torch": torch.__version__,
        "latency_cpu_pressure_percent": pressure,
        "latency_contended": None if pressure is None else pressure > CONTENDED_PERCENT,
    }


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Holds torch to a number of CPU threads, and keeps denormal numbers from slowing it.

    One convolution over denormal activations can take a hundred times as long, and untrained
    networks have them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
