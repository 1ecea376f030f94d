"""Latencies are taken in turns, say how they were taken, and leave torch as it was."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny import ALONE, BOTH
from torch import nn

from harness import Part, Timing
from harness.measure import candidates, latency
from harness.measure.candidates import latencies_of, timing_device
from harness.measure.latency import time_together

CPU = torch.device("cpu")


class Spy(nn.Module):
    """A network that notes when it runs, and how torch is set then."""

    def __init__(self, name, seen):
        super().__init__()
        self.name, self.seen = name, seen

    def forward(self, image):
        denormal = torch.tensor(1e-40) * 1.0
        self.seen.append((self.name, torch.get_num_threads(), float(denormal), image.shape))
        return torch.zeros(len(image), 2, *image.shape[2:])


def timed(timing, names="abc", **options):
    seen = []
    networks = {name: Spy(name, seen) for name in names}
    return time_together(networks, timing, (32, 48), CPU, **options), seen


def test_each_round_meets_all_in_a_random_order_and_back():
    timing = Timing(warmup=2, rounds=8, burst=3)
    found, seen = timed(timing, "abcde")
    order = [name for name, *_ in seen]
    assert order[:10] == list("aabbccddee"), "warm-up, one after the other"
    # A burst of three comes after one run that nobody times.
    bursts = [order[start : start + 4] for start in range(10, len(order), 4)]
    assert all(len(set(burst)) == 1 for burst in bursts)
    turns = [burst[0] for burst in bursts]
    rounds = [turns[start : start + 10] for start in range(0, len(turns), 10)]
    assert len(rounds) == 8
    assert all(sorted(each) == sorted("aabbccddee") for each in rounds)
    assert all(each == each[::-1] for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1
    assert {row["latency_num_samples"] for row in found.values()} == {8 * 2 * 3}


@pytest.fixture
def clock(monkeypatch):
    """A clock on which the n-th timed run takes n ms, and runs in between take no time."""
    ticks = [0]

    def now():
        ticks[0] += 1
        number = (ticks[0] + 1) // 2
        passed = sum(range(number)) + (number if ticks[0] % 2 == 0 else 0)
        return passed * 1_000_000

    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter_ns=now))


def test_the_median_and_the_outer_deciles_are_of_all_samples(clock):
    found, _ = timed(Timing(warmup=0, rounds=2, burst=5), "a")
    row = found["a"]
    assert row["latency_num_samples"] == 20
    assert row["latency_ms"] == pytest.approx(10.5)
    assert row["latency_p10_ms"] == pytest.approx(2.9)
    assert row["latency_p90_ms"] == pytest.approx(18.1)


def test_a_drift_of_the_machine_meets_all_alike(clock):
    found, _ = timed(Timing(warmup=0, rounds=4, burst=2), "abc")
    medians = [row["latency_ms"] for row in found.values()]
    assert max(medians) - min(medians) < 0.25 * max(medians), (
        "though the last is 48 times the first"
    )


def test_a_row_says_how_it_was_taken(monkeypatch):
    monkeypatch.setattr(latency, "cpu_pressure", lambda: 12.5)
    timing = Timing(batch=2, warmup=1, rounds=1, burst=1, threads=1)
    found, seen = timed(timing)
    row = found["a"]
    assert {name: value for name, value in row.items() if name.startswith("latency_")} == row
    assert row["latency_device"]
    expected = {
        "latency_dtype": "float32",
        "latency_size": "32x48",
        "latency_batch": 2,
        "latency_threads": 1,
        "latency_boundary": "labels_full",
        "latency_method": "perf_counter",
        "latency_warmup": 1,
        "latency_rounds": 1,
        "latency_protocol": 1,
        "latency_torch": torch.__version__,
        "latency_cpu_pressure_percent": 12.5,
        "latency_contended": True,
    }
    assert {name: row[name] for name in expected} == expected
    assert len({row["latency_session"] for row in found.values()}) == 1
    assert timed(timing)[0]["a"]["latency_session"] != row["latency_session"]
    assert {shape for *_, shape in seen} == {(2, 3, 32, 48)}


@pytest.mark.parametrize(("pressure", "contended"), [(None, None), (10.0, False), (10.1, True)])
def test_work_beside_is_noticed_where_the_system_tells(monkeypatch, pressure, contended):
    monkeypatch.setattr(latency, "cpu_pressure", lambda: pressure)
    found, _ = timed(Timing(warmup=0, rounds=1, burst=1), "a")
    assert found["a"]["latency_contended"] is contended


def flushes_denormals():
    return float(torch.tensor(1e-40) * 1.0) == 0


def test_threads_and_denormals_are_set_while_timing_and_as_before_afterwards():
    before = torch.get_num_threads()
    _, seen = timed(Timing(warmup=1, rounds=1, burst=1, threads=before + 1))
    assert {threads for _, threads, *_ in seen} == {before + 1}
    if torch.set_flush_denormal(False):  # where the processor can
        assert {denormal for _, _, denormal, _ in seen} == {0.0}
    assert torch.get_num_threads() == before
    assert not flushes_denormals()


def test_torch_is_as_before_even_when_a_network_breaks():
    class Breaks(nn.Module):
        def forward(self, image):
            raise RuntimeError("no")

    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="no"):
        time_together({"a": Breaks()}, Timing(threads=before + 1), (32, 32), CPU)
    assert torch.get_num_threads() == before
    assert not flushes_denormals()
    assert torch.ones(1, requires_grad=True).mul(2).requires_grad


def test_rounds_are_reported():
    heard = []
    timed(Timing(warmup=0, rounds=3, burst=1), "ab", report=lambda *done: heard.append(done))
    assert heard == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("boundary", "shape", "dtype"),
    [
        ("labels_full", (1, 45, 60), torch.uint8),
        ("logits_full", (1, 5, 45, 60), torch.float32),
        ("logits_native", (1, 5, 6, 8), torch.float32),
    ],
)
def test_the_clock_stops_where_the_boundary_says(monkeypatch, boundary, shape, dtype):
    given = []

    def note(calls, *_):
        given.extend(call() for call in calls.values())
        return {name: [1.0, 1.0] for name in calls}

    monkeypatch.setattr(latency, "_interleave", note)
    timing = Timing(boundary=boundary)
    row = latencies_of({"it": BOTH}, 5, timing, (45, 60))["it"]
    assert (tuple(given[0].shape), given[0].dtype) == (shape, dtype)
    assert row["latency_boundary"] == boundary


QUICK = Timing(warmup=0, rounds=1, burst=1)


def test_a_network_that_gives_no_number_is_not_timed_and_the_others_are(odd):
    broken = replace(ALONE, head=Part("odd", act="unbounded"))
    found = latencies_of({"bad": broken, "good": ALONE}, 5, QUICK, (32, 32), (odd,))
    why = "FloatingPointError: an untrained forward pass is not finite"
    assert found["bad"] == {"latency_error": why}
    assert found["good"]["latency_ms"] > 0


def test_a_network_that_cannot_run_is_not_timed_and_the_others_are(monkeypatch):
    class Breaks(nn.Module):
        def forward(self, image):
            raise RuntimeError("no\nway")

    build = candidates._deployed
    monkeypatch.setattr(
        candidates,
        "_deployed",
        lambda each, *rest: Breaks() if each is BOTH else build(each, *rest),
    )
    found = latencies_of({"bad": BOTH, "good": ALONE}, 5, QUICK, (32, 32))
    assert found["bad"] == {"latency_error": "RuntimeError: no way"}
    assert found["good"]["latency_ms"] > 0


def test_many_networks_are_timed_in_groups_that_fit_in_memory(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_TOGETHER", 2)
    sessions = latencies_of(dict.fromkeys("abc", ALONE), 5, QUICK, (32, 32))
    a, b, c = (sessions[name]["latency_session"] for name in "abc")
    assert a == b != c


def test_a_device_is_named_with_all_that_a_latency_depends_on():
    one, two = timing_device(Timing(threads=1)), timing_device(Timing(threads=2))
    assert one != two
    assert torch.__version__ in one
