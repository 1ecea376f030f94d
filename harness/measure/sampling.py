"""Takes samples of a call: host time with the result awaited, device time, or throughput."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Call = Callable[[], Any]

WINDOW = 3
"""Calls that are compared with as many before them to see whether a network is warm."""

STEADY = 0.05
"""By what share two windows of a steady network may differ."""

BLOCK_FACTOR = 1.5
"""How much longer than enqueuing takes the device is kept busy before an event."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How one figure of one call is sampled; ``take`` gives that many samples in whole ns.

    ``method`` names the clock.
    """

    figure: str
    method: str
    take: Callable[[int], tuple[int, ...]]


def sampler(figure: str, call: Call, device: torch.device, turns: int = 1) -> Sampler:
    """The sampler of a figure of ``harness.study.TIMES``, for a call that does ``turns`` in turn.

    ValueError for ``t_gpu`` on a device that is not CUDA.
    """
    wait = _waiter(device)
    if figure == "t_e2e":
        return Sampler(figure=figure, method="perf_counter", take=_one_by_one(call, wait))
    if figure == "t_thr":
        return Sampler(figure=figure, method="perf_counter", take=_back_to_back(call, wait))
    if device.type != "cuda":
        raise ValueError(f"t_gpu needs a CUDA device, and this machine has {device.type} only")
    return _on_device(call, turns)


def _waiter(device: torch.device) -> Callable[[], None]:
    """Waits until a device has done all it was given; a CPU is done when the call returns."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def _one_by_one(call: Call, wait: Callable[[], None]) -> Callable[[int], tuple[int, ...]]:
    def take(number: int) -> tuple[int, ...]:
        taken = []
        wait()
        for _ in range(number):
            start = time.perf_counter_ns()
            call()
            wait()
            taken.append(time.perf_counter_ns() - start)
        return tuple(taken)

    return take


def _back_to_back(call: Call, wait: Callable[[], None]) -> Callable[[int], tuple[int, ...]]:
    """A burst is one sample, the mean of its frames."""

    def take(number: int) -> tuple[int, ...]:
        wait()
        start = time.perf_counter_ns()
        for _ in range(number):
            call()
        wait()
        return ((time.perf_counter_ns() - start) // number,)

    return take


# What follows needs CUDA and has not run on a GPU yet, only on a stand-in for one in the tests.


def _on_device(call: Call, turns: int) -> Sampler:
    """Device time: a CUDA graph's replay, or the call itself where it cannot be captured."""
    try:
        launch, method = _captured(call, turns), "cuda_graph"
    except RuntimeError:  # a network that waits for the device, or allocates, in its middle
        torch.cuda.synchronize()
        launch, method = call, "cuda_events"
    return Sampler(figure="t_gpu", method=method, take=_behind_a_blocker(launch))


def _captured(call: Call, turns: int) -> Call:
    """The call as graphs of kernels, one a turn, which are replayed one after the other."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WINDOW):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graphs = [torch.cuda.CUDAGraph() for _ in range(turns)]
    for graph in graphs:
        with torch.cuda.graph(graph, pool=graphs[0].pool() if graph is not graphs[0] else None):
            call()
    order = itertools.cycle(graphs)
    return lambda: next(order).replay()


def _behind_a_blocker(launch: Call) -> Callable[[int], tuple[int, ...]]:
    """Times between events that the device meets only after all of a call is queued.

    A sample whose first event the device had already reached holds gaps between launches: it is
    dropped, and RuntimeError is raised if none is left.
    """
    cycles = _cycles(launch)

    def take(number: int) -> tuple[int, ...]:
        pairs = []
        for _ in range(number):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in "ab")
            torch.cuda._sleep(cycles)
            start.record()
            launch()
            end.record()
            if not start.query():
                pairs.append((start, end))
            torch.cuda.synchronize()
        if not pairs:
            raise RuntimeError("t_gpu: the device was always done before its work was queued")
        return tuple(round(1e6 * start.elapsed_time(end)) for start, end in pairs)

    return take


def _cycles(launch: Call) -> int:
    """Device cycles in which a call can be queued, at the most that a clock of 2 GHz makes."""
    torch.cuda.synchronize()
    start = time.perf_counter_ns()
    launch()
    queued = time.perf_counter_ns() - start
    torch.cuda.synchronize()
    return int(BLOCK_FACTOR * (queued + 20_000) * 2)


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """How a call became warm: after how many calls and seconds, and whether it was steady then.

    ``call_ns`` is what it takes by then, None where it was not called at all.
    """

    calls: int
    seconds: float
    steady: bool | None
    call_ns: float | None


def warm_up(take: Callable[[int], tuple[int, ...]], least: int, limit_s: float) -> WarmUp:
    """Calls until two windows of calls agree, at least ``least`` times, for about ``limit_s``.

    ``take`` samples one call at a time. With ``least`` 0 nothing is called.
    """
    if least == 0:
        return WarmUp(calls=0, seconds=0.0, steady=None, call_ns=None)
    taken: list[int] = []
    while len(taken) < least or not (_is_steady(taken) or sum(taken) >= limit_s * 1e9):
        taken += take(1)
    return WarmUp(
        calls=len(taken),
        seconds=sum(taken) / 1e9,
        steady=_is_steady(taken),
        call_ns=float(np.median(taken[-WINDOW:])),
    )


def _is_steady(taken: list[int]) -> bool:
    if len(taken) < 2 * WINDOW:
        return False
    last, before = np.median(taken[-WINDOW:]), np.median(taken[-2 * WINDOW : -WINDOW])
    return bool(abs(last - before) <= STEADY * before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector, which would take its time in the middle of a sample."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
