"""What a GPU's driver tells is judged; a driver that was made up answers, or refuses."""

import json
import os
from types import SimpleNamespace

import pytest
import torch

from harness.measure.evidence import watch
from harness.measure.gpu_watch import GpuWatch, is_steady
from harness.measure.nvml import gpu_facts, gpu_state, open_gpu

GPU = torch.device("cuda")


class Driver:
    """A driver of one card that answers as a test says; None stands for a refusal."""

    def __init__(self, **answers):
        self.processes, self.events, self.uuid = [()], 0, "GPU-0123"
        self.thermal, self.used, self.mig, self.clock = 0, 0, (0, 0), 1800
        self.__dict__.update(answers)

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetHandleByUUID(self, name):
        return name

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        now = self.processes.pop(0) if len(self.processes) > 1 else self.processes[0]
        return self._given(now) and [SimpleNamespace(pid=each) for each in now]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle):
        return self._given(None)

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        return SimpleNamespace(used=self.used * 2**20, total=80 * 2**30)

    def nvmlDeviceGetClockInfo(self, handle, kind):
        return self.clock

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return self._given(self.events)

    def nvmlDeviceGetViolationStatus(self, handle, policy):
        return SimpleNamespace(violationTime=self.thermal if policy == 1 else 0)

    def nvmlDeviceGetUUID(self, handle):
        return self.uuid.encode()

    def nvmlDeviceGetMigMode(self, handle):
        return self.mig

    def _given(self, value):
        if value is None:
            raise RuntimeError("Not Supported")
        return value


class Refuses:
    """A driver that is there and throws on every call but the first."""

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def __getattr__(self, name):
        raise OSError("no")


OURS, THEIRS = 71, 99


@pytest.fixture(autouse=True)
def without_a_context(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)


def watched(driver, looks=2):
    watching = GpuWatch.start(GPU, driver)
    seen = [each.name for _ in range(looks) for each in watching.check()]
    return watching, seen


def test_a_gpu_for_one_alone():
    watching, names = watched(Driver(processes=[(), (OURS,)]))
    assert (names, watching.findings(), watching.unseen()) == ([], (), ())
    record = watching.record()
    assert (record["num_others"], record["num_processes_before"]) == (0, 0)
    assert record["sm_mhz"] == [1800, 1800, 1800]
    assert record["clock_steady"] is True
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize(
    "processes",
    [
        [(THEIRS,), (THEIRS, OURS)],
        [(), (OURS,), (OURS, THEIRS)],
        [(THEIRS,), (THEIRS,)],
        [(THEIRS, 5), (THEIRS, 5, OURS), (OURS,)],
    ],
    ids=["before", "later", "and we are not listed", "and gone again"],
)
def test_another_process_on_the_gpu(processes):
    watching, _ = watched(Driver(processes=list(processes)), looks=3)
    assert [each.name for each in watching.findings()] == ["co_tenant_gpu"]


def test_a_process_that_was_gone_before_ours_came_is_none():
    watching, _ = watched(Driver(processes=[(THEIRS,), (OURS,)]))
    assert watching.findings() == ()


def test_our_own_number_is_known_where_it_is_the_drivers(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    watching, _ = watched(Driver(processes=[(os.getpid(),)]))
    assert (watching.findings(), watching.unseen()) == ((), ())
    watching, _ = watched(Driver(processes=[(os.getpid(), THEIRS)]))
    assert [each.name for each in watching.findings()] == ["co_tenant_gpu"]


def test_with_a_context_before_one_process_is_ours_and_two_are_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert watched(Driver(processes=[(OURS,)]))[0].findings() == ()
    assert watched(Driver(processes=[(OURS, THEIRS)]))[0].findings()


@pytest.mark.parametrize("processes", [[()], [None]], ids=["none listed", "refused"])
def test_a_driver_that_lists_no_process_proves_nothing(processes):
    watching, names = watched(Driver(processes=processes))
    assert names == []
    assert "the driver does not list the processes here" in watching.unseen()[0]


def test_memory_in_use_before_belongs_to_somebody():
    watching, names = watched(Driver(processes=[()], used=500))
    assert set(names) == {"co_tenant_gpu"}
    assert "500 MiB were in use" in watching.findings()[0].told


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ({"events": 0x20}, "because of heat"),
        ({"events": 0x80}, "the power supply"),
        ({"events": 0x04}, None),
    ],
)
def test_what_holds_the_clocks_back(driver, told):
    watching, names = watched(Driver(processes=[(), (OURS,)], **driver))
    assert set(names) == ({"gpu_throttled"} if told else set())
    assert watching.record()["power_capped"] is (told is None)
    assert all(told in each.told for each in watching.findings())


def test_heat_that_came_and_went_between_two_looks():
    driver = Driver(processes=[(), (OURS,)])
    watching, names = watched(driver)
    driver.thermal = 5_000_000
    assert [each.name for each in watching.check()] == ["gpu_throttled"]
    assert not names
    assert not watching.check(), "that look is past"
    assert "5 ms" in watching.findings()[0].told


def test_a_clock_that_wanders_is_said():
    driver = Driver(processes=[(), (OURS,)])
    watching, _ = watched(driver)
    driver.clock = 1500
    watching.check()
    assert watching.record()["clock_steady"] is False
    assert is_steady([]) is None


def test_a_slice_of_a_card_proves_nothing():
    watching, _ = watched(Driver(processes=[(), (OURS,)], mig=(1, 1)))
    assert "MIG" in watching.unseen()[0]


@pytest.mark.parametrize("driver", [Refuses, SimpleNamespace])
def test_a_driver_that_refuses_everything(driver):
    watching, names = watched(driver())
    assert (names, watching.findings()) == ([], ())
    assert watching.unseen()
    json.dumps(watching.record(), allow_nan=False)


def test_a_card_that_refuses_everything_has_facts_of_none():
    gpu = open_gpu(0, Refuses())
    assert set(gpu_facts(gpu).values()) == {None}
    state = gpu_state(gpu)
    assert (state.processes, state.used_mb, state.events) == (None, None, None)


def test_a_card_is_named_by_a_hash():
    facts = gpu_facts(open_gpu(0, Driver(uuid="GPU-secret")))
    assert facts["gpu_id"] and "secret" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("visible", "index", "handle"),
    [("", 1, 1), ("3,5", 1, 5), ("GPU-ab, GPU-cd", 1, "GPU-cd"), ("3", 1, None)],
)
def test_the_card_that_cuda_counts_is_meant(monkeypatch, visible, index, handle):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    gpu = open_gpu(index, Driver())
    assert (gpu and gpu.handle) == handle


def test_a_gpu_is_watched_with_its_host(tmp_path):
    driver = Driver(processes=[(), (OURS,), (OURS, 5)])
    with watch(GPU, 1, root=tmp_path, nvml=driver) as watching:
        watching.check()
        record = watching.record()
    assert record["verdict"] == "violated"
    assert record["reasons"][0] == "gpu: 1 other process on it"
    assert [each["name"] for each in record["findings"]] == ["co_tenant_gpu"]
    assert record["cpu"]["threads"] == 1
    json.dumps(record, allow_nan=False)
