"""Samples are what their figure says: awaited, back to back, or the device's own."""

import gc
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness import Timing
from harness.data.augment import normalise
from harness.measure import arms, sampling
from harness.measure.latency import time_together

CPU = torch.device("cpu")


def test_bytes_from_the_host_are_normalised_as_training_does():
    timing = Timing(boundary_in="host_u8")
    image = arms.images((2, 5, 7), timing, CPU)[0]
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (2, 5, 7, 3))
    torch.testing.assert_close(arms._from_host(CPU)(image), normalise(image).contiguous())


def test_the_collector_rests_while_samples_are_taken():
    class Looks(nn.Module):
        def forward(self, image):
            seen.append(gc.isenabled())

    seen = []
    timing = Timing(rounds=1, burst=1, warmup=1, warmup_s=0.0)
    time_together({"a": Looks()}, timing, (32, 32), CPU)
    assert set(seen) == {False}
    assert gc.isenabled()


def test_warm_up_goes_on_until_steady_or_the_limit():
    settles = iter([90, 70, 50, 30, 20, 11, 10, 10, 10, 10, 10, 10, 10, 10, 10])
    found = sampling.warm_up(lambda _: (next(settles) * 10**6,), 6, 10.0)
    assert (found.calls, found.steady, found.call_ns) == (11, True, 10e6)
    never = sampling.warm_up(slower_and_slower(), 6, 0.02)
    assert (never.steady, never.calls) == (False, 20)
    none = sampling.warm_up(slower_and_slower(), 0, 1.0)
    assert (none.calls, none.steady) == (0, None)


def slower_and_slower():
    """A network that takes ever longer."""
    taken = []

    def take(_):
        taken.append(1)
        return (10**5 * len(taken),)

    return take


class Gpu:
    """A device that is busy for some ns after each blocker, on a clock of its own."""

    def __init__(self, busy_ns):
        self.now_ns, self.free_at, self.busy_ns = 0, 0, busy_ns

    def perf_counter_ns(self):
        return self.now_ns

    def _sleep(self, cycles):
        self.free_at = self.now_ns + self.busy_ns

    def synchronize(self, device=None):
        self.now_ns = max(self.now_ns, self.free_at)

    def launch(self):
        self.now_ns += 1000  # on the host
        self.free_at = max(self.free_at, self.now_ns) + 5_000_000

    def Event(self, enable_timing):
        event = SimpleNamespace()
        event.record = lambda: setattr(event, "at", max(self.now_ns, self.free_at))
        event.query = lambda: self.now_ns >= event.at
        event.elapsed_time = lambda end: (end.at - event.at) / 1e6
        return event


@pytest.fixture
def gpu(monkeypatch):
    """Puts a device in CUDA's place."""

    def put(busy_ns):
        device = Gpu(busy_ns)
        monkeypatch.setattr(sampling, "time", device)
        monkeypatch.setattr(sampling.torch, "cuda", device)
        return device

    return put


def test_device_time_is_between_events_behind_a_blocker(gpu):
    device = gpu(busy_ns=10_000)
    take = sampling._behind_a_blocker(device.launch)
    assert take(3) == (5_000_000,) * 3


def test_device_time_whose_queue_ran_dry_is_no_sample(gpu):
    device = gpu(busy_ns=100)
    with pytest.raises(RuntimeError, match="always done before its work was queued"):
        sampling._behind_a_blocker(device.launch)(3)


def test_host_time_waits_for_the_device_and_throughput_once_a_burst(gpu):
    device = gpu(busy_ns=0)
    cuda = SimpleNamespace(type="cuda")
    assert sampling.sampler("t_e2e", device.launch, cuda).take(2) == (5_001_000, 5_001_000)
    assert sampling.sampler("t_thr", device.launch, cuda).take(10) == (5_000_100,)
