"""Who else uses a machine is seen, named and judged; what cannot be read is None and said."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from harness.measure import cpu_watch, proc
from harness.measure.cpu_watch import Span, found_in, threads_above
from harness.measure.evidence import watch
from harness.measure.finding import verdict
from harness.measure.proc import available_cores, cpu_state, machine, quota_cores

CPU = torch.device("cpu")
CORES = 4


class Machine:
    """A machine whose /proc, clock and CPU time a test sets."""

    def __init__(self, root, monkeypatch):
        self.root, self.now, self.own = root, 0.0, 0.0
        self.busy = self.stolen = self.waited = 0.0
        ns = SimpleNamespace(
            monotonic_ns=lambda: int(self.now * 1e9), process_time_ns=lambda: int(self.own * 1e9)
        )
        monkeypatch.setattr(proc, "time", ns)
        monkeypatch.setattr(proc, "affinity", lambda: tuple(range(CORES)))
        monkeypatch.setattr(cpu_watch, "affinity", lambda: tuple(range(CORES)))
        self.put("proc/cpuinfo", "model name\t: Some CPU\nphysical id\t: 0\nflags\t: fpu sse")
        self.passes(0)

    def put(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def passes(self, seconds, *, own=0.0, others=0.0, stolen=0.0, waited=0.0):
        """Time goes by; how much CPU time this process and others used, in seconds."""
        self.now, self.own = self.now + seconds, self.own + own
        self.busy, self.stolen = self.busy + own + others, self.stolen + stolen
        self.waited += waited
        tick = os.sysconf("SC_CLK_TCK")
        ticks = f"{round(self.busy * tick)} 0 0 7 0 0 0 {round(self.stolen * tick)} 0 0"
        self.put("proc/stat", f"cpu  {ticks}\ncpu0 1 2 3\nctxt 5\nprocs_running 3\n")
        total = round(self.waited * 1e6)
        self.put("proc/pressure/cpu", f"some avg10=1.50 avg60=0 avg300=0 total={total}\nfull a=b\n")


@pytest.fixture
def here(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


def seen(here, *, threads=1, seconds=10, **passed):
    with watch(CPU, threads, root=here.root) as watching:
        here.passes(seconds, **passed)
        checked = watching.check()
        record = watching.record()
    return {each.name for each in checked}, record


def test_a_machine_for_one_alone_is_proven(here):
    names, record = seen(here, own=9.9, others=0.5, waited=0.05)
    assert not names
    assert (record["verdict"], record["reasons"]) == ("proven", [])
    cpu = record["cpu"]
    assert cpu["others_cores"] == pytest.approx(0.05)
    assert cpu["pressure_percent"] == pytest.approx(0.5)
    assert cpu["stolen_percent"] == 0
    assert cpu["free_cores"] == pytest.approx(3.95)
    assert (cpu["num_checks"], cpu["runnable_at_end"]) == (1, 3)
    assert record["gpu"] is None
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize(
    ("passed", "name", "told"),
    [
        ({"own": 9, "others": 10}, "co_tenant_cpu", "other processes used 1.00 cores"),
        ({"own": 9, "waited": 1}, "cpu_pressure", "work waited for a CPU 10.0 % of the time"),
        ({"own": 9, "stolen": 0.2}, "stolen_time", "the host took 2.0 % of the time"),
    ],
)
def test_what_others_do_is_named(here, passed, name, told):
    names, record = seen(here, **passed)
    assert names == {name} == {each["name"] for each in record["findings"]}
    assert record["verdict"] == "violated"
    assert any(told in reason for reason in record["reasons"])


def test_a_short_burst_of_others_spoils_its_round_alone(here):
    with watch(CPU, 1, root=here.root) as watching:
        here.passes(1, own=1, others=1)
        assert [each.name for each in watching.check()] == ["co_tenant_cpu"]
        here.passes(30, own=30)
        assert not watching.check()
        record = watching.record()
    assert (record["verdict"], record["num_spoiled_checks"]) == ("proven", 1)
    assert record["cpu"]["most_others_cores"] == pytest.approx(1)


def test_a_look_after_too_short_a_time_waits_for_the_next(here):
    with watch(CPU, 1, root=here.root) as watching:
        here.passes(0.1, others=0.1)
        assert not watching.check()
        here.passes(0.2, others=0.2)
        assert [each.name for each in watching.check()] == ["co_tenant_cpu"]


def test_a_measurement_that_nobody_looked_at_proves_nothing(here):
    with watch(CPU, 1, root=here.root) as watching:
        pass
    record = watching.record()
    assert record["verdict"] == "unproven"
    assert "too short" in record["reasons"][0]


@pytest.mark.parametrize(
    ("threads", "others", "faulty"),
    [(4, 0.0, False), (4, 1.0, True), (5, 0.0, True), (1, 3.9, False)],
)
def test_more_threads_than_free_cores(threads, others, faulty):
    assert bool(threads_above(threads, CORES, others)) is faulty


def test_threads_above_the_cores_are_named_in_the_record(here):
    _, record = seen(here, threads=CORES + 2, own=9)
    assert [each["name"] for each in record["findings"]] == ["threads_above_free_cores"]
    assert "6 threads, and 4 of 4 cores are free" in record["reasons"][0]


def test_half_a_core_is_too_few_for_one_thread():
    assert threads_above(1, 0.5)
    assert not threads_above(1, 1.0)


def test_a_virtual_machine_proves_nothing_of_its_host(here):
    here.put("proc/cpuinfo", "flags\t: fpu hypervisor sse\n")
    _, record = seen(here, own=9)
    assert record["verdict"] == "unproven"
    assert "virtual machine" in record["reasons"][0]


@pytest.mark.parametrize("text", [None, "", "cpu x y\n", "some avg10=\n", "\0\xff", "nan " * 9])
def test_what_cannot_be_read_is_none_and_said(tmp_path, monkeypatch, text):
    for name in ("stat", "pressure/cpu", "cpuinfo", "loadavg", "meminfo", "self/cgroup"):
        file = tmp_path / "proc" / name
        if text is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    monkeypatch.setattr(cpu_watch, "SHORTEST_NS", 0)
    state = cpu_state(tmp_path)
    assert (state.busy_ns, state.pressure_ns, state.pressure_avg10) == (None, None, None)
    assert machine(tmp_path)["cpu"] is None
    with watch(CPU, 1, root=tmp_path) as watching:
        watching.check()
        record = watching.record()
    assert record["verdict"] == "unproven"
    assert "cpu: /proc/stat cannot be read" in record["reasons"]


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"a/cpu.max": "50000 100000", "cpu.max": "200000 100000"}, 0.5),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3.0),
        ({"a/b/cpu.max": "what ever"}, None),
    ],
)
def test_a_container_may_have_fewer_cores_than_it_sees(tmp_path, monkeypatch, files, cores):
    monkeypatch.setattr(proc, "affinity", lambda: tuple(range(CORES)))
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/a/b\n")
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert quota_cores(tmp_path) == cores
    assert available_cores(tmp_path) == min(cores or CORES, CORES)


def test_the_first_kind_of_cgroups(tmp_path):
    folder = tmp_path / "sys/fs/cgroup/cpu/box"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("250000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("9:name=systemd:/\n2:cpu,cpuacct:/box\n0::/\n")
    assert quota_cores(tmp_path) == 2.5
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert quota_cores(tmp_path) is None


def test_a_process_that_burns_the_cpus_is_found():
    burn = "import time\nend = time.time() + 20\nwhile time.time() < end: pass"
    burning = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(2)]
    try:
        time.sleep(0.3)
        with watch(CPU, 1) as watching:
            time.sleep(0.5)
            names = {each.name for each in watching.check()}
            record = watching.record()
    finally:
        for each in burning:
            each.kill()
            each.wait()
    if record["cpu"]["others_cores"] is None:
        pytest.skip("this system does not tell")
    assert "co_tenant_cpu" in names
    assert record["verdict"] == "violated"


def test_a_look_on_this_machine_raises_nothing_and_is_json():
    with watch(CPU, torch.get_num_threads()) as watching:
        watching.check()
    json.dumps(watching.record(), allow_nan=False)


def test_our_own_work_is_nobody_elses():
    state = Span(seconds=1, others_cores=0, pressure_percent=None, stolen_percent=None, switches=0)
    assert found_in(state, 1, CORES) == ()


def test_every_verdict_follows_from_what_was_seen():
    assert [verdict(0, 0), verdict(0, 1), verdict(1, 0)] == ["proven", "unproven", "violated"]
