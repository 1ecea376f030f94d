"""Faults that need a GPU to happen, against a device and switches that are made up."""

from types import SimpleNamespace

import torch
from torch import nn

from harness.measure import faults
from harness.measure.faults import tf32, unsynchronised

LAYER = nn.Conv2d(3, 4, 1)


def test_tf32_is_a_fault_of_float32_on_a_gpu_alone(monkeypatch):
    gpu = torch.device("cuda")
    monkeypatch.setattr(faults, "rounds_to_tf32", lambda: {"convolutions": True, "other": False})
    assert [each.where for each in tf32(LAYER, gpu)] == ["convolutions"]
    assert not list(tf32(nn.Conv2d(3, 4, 1).half(), gpu))
    assert not list(tf32(LAYER, torch.device("cpu")))


def test_torchs_own_switches_for_tf32_are_read(monkeypatch):
    conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = conv.fp32_precision, matmul.fp32_precision
    try:
        for value, is_on in (("tf32", True), ("ieee", False)):
            conv.fp32_precision = matmul.fp32_precision = value
            assert set(faults.rounds_to_tf32().values()) == {is_on}
    finally:
        conv.fp32_precision, matmul.fp32_precision = before


class Device:
    """A device that works on while the host is free again."""

    def __init__(self, monkeypatch):
        self.now = self.done = 0
        monkeypatch.setattr(faults, "time", SimpleNamespace(perf_counter_ns=lambda: self.now))

    def launch(self):
        self.now += 1_000
        self.done = max(self.done, self.now) + 50_000

    def wait(self):
        self.now = max(self.now, self.done)


def test_a_clock_that_stops_before_the_device_is_done(monkeypatch):
    device = Device(monkeypatch)
    witness = faults.synchronised_ns(device.launch, device.wait)
    assert witness == 51_000
    assert [each.name for each in unsynchronised([1_000] * 9, witness)] == [
        "missing_synchronisation"
    ]
    assert not list(unsynchronised([50_500, 51_000, 60_000], witness))
    assert not list(unsynchronised([], witness))
