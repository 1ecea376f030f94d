"""Latencies are taken in turns, say how they were taken, and leave torch as it was."""

import json
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness import Timing
from harness.measure import estimate, latency, rounds, sampling
from harness.measure.figured import SENTINEL, TWIN
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

    def __deepcopy__(self, memo):
        return type(self)(self.name, self.seen)


def timed(timing, names="abc", **options):
    seen = []
    networks = {name: Spy(name, seen) for name in names}
    return time_together(networks, timing, (32, 48), CPU, **options), seen


def fixed(rounds, **fields):
    """A timing of just so many rounds, in which every burst is whole."""
    rest = {"warmup": 0, "warmup_s": 0.0, "burst": 1, "burst_ms": 1e6, "limit_s": 1e6, **fields}
    return Timing(rounds=rounds, most_rounds=rounds, **rest)


def test_each_round_meets_all_in_a_random_order_and_back():
    found, _ = timed(fixed(8, burst=3), "abcde")
    names = [*"abcde", SENTINEL, TWIN]
    turns = [(burst.round, burst.arm) for burst in found.bursts]
    rounds = [[name for at, name in turns if at == number] for number in range(8)]
    assert len(turns) == 8 * 2 * len(names)
    assert all(sorted(each) == sorted(names * 2) for each in rounds)
    assert all(each == each[::-1] for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1
    assert [burst.place for burst in found.bursts[:14]] == list(range(14))
    starts = [burst.start_ns for burst in found.bursts]
    assert starts == sorted(starts)
    assert {row["latency_num_samples"] for row in found.rows.values()} == {8 * 2 * 3}
    assert set(found.rows) == set("abcde")


def test_the_order_is_drawn_anew_in_each_session():
    orders = [[each.arm for each in timed(fixed(8), "abcde")[0].bursts] for _ in "12"]
    assert orders[0] != orders[1]


def test_a_burst_comes_after_one_run_that_nobody_times_and_so_does_a_new_place():
    _, seen = timed(fixed(2, burst=3, warmup=2), "a")
    assert len(seen) == 2 + 2 * (1 + 2 * (1 + 3))


def test_one_network_alone_has_no_twin():
    found, _ = timed(fixed(2), "a")
    assert {burst.arm for burst in found.bursts} == {"a", SENTINEL}
    assert not any(name.startswith("latency_twin") for name in found.rows["a"])


class Weighty(nn.Module):
    """A network that notes what kind of tensor its weights are."""

    def __init__(self, seen):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.ones(1)), seen

    def __deepcopy__(self, memo):
        copied = Weighty(self.seen)
        copied.weight = nn.Parameter(self.weight.detach().clone())
        return copied

    def forward(self, image):
        self.seen.add((self.weight.is_inference(), torch.is_inference_mode_enabled()))
        return image


def test_the_weights_of_a_twin_are_of_the_kind_that_a_candidate_has():
    seen = set()
    time_together({"a": Weighty(seen), "b": nn.Identity()}, fixed(1), (4, 4), CPU)
    assert seen == {(False, True)}, "torch is a little faster with weights made in there"


def test_a_candidate_must_not_be_called_as_a_twin_is():
    with pytest.raises(ValueError, match="'sentinel' cannot be a candidate's name"):
        timed(fixed(1), ["sentinel"])


class Turns(nn.Module):
    """A network that takes so many ns on a clock of its own, and notes what it is given."""

    def __init__(self, clock, takes_ns, given=None):
        super().__init__()
        self.clock, self.takes_ns, self.given = clock, takes_ns, [] if given is None else given

    def __deepcopy__(self, memo):
        return Turns(self.clock, self.takes_ns, self.given)

    def forward(self, image):
        self.given.append(image)
        self.clock.now_ns += round(self.takes_ns * self.clock.slow)
        self.clock.slow *= self.clock.drift
        return image


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but for what networks take; ``drift`` slows them call by call."""
    found = SimpleNamespace(now_ns=0, slow=1.0, drift=1.0)
    found.perf_counter_ns = found.process_time_ns = lambda: found.now_ns
    found.monotonic = lambda: found.now_ns / 1e9
    monkeypatch.setattr(sampling, "time", found)
    monkeypatch.setattr(rounds, "time", found)
    return found


def run(clock, timing, **takes_ms):
    networks = {name: Turns(clock, 1e6 * each) for name, each in takes_ms.items()}
    return time_together(networks, timing, (32, 48), CPU), networks


def test_every_figure_of_a_row_can_be_made_again_from_the_bursts(clock):
    clock.drift = 1.001
    found, _ = run(clock, fixed(12, burst=4), a=10, b=11)
    for name, row in found.rows.items():
        bursts = rounds.of(found.bursts, name, "t_e2e")
        again = estimate.summary(bursts)
        assert row["latency_ms"] == again["median_ns"] / 1e6
        assert row["latency_low_ms"] == again["low_ns"] / 1e6 < row["latency_ms"]
        assert row["latency_high_ms"] == again["high_ns"] / 1e6 > row["latency_ms"]
        assert row["latency_p90_ms"] == again["p90_ns"] / 1e6
        assert row["latency_rounds_ns"] == list(estimate.round_values(bursts))
        assert row["latency_num_samples"] == 12 * 2 * 4
        json.dumps(row)


def test_a_drift_that_doubles_all_times_leaves_ratios_alone(clock):
    clock.drift = 1.001
    found, _ = run(clock, fixed(12, burst=4), a=10, b=10.5, c=10)
    assert clock.slow > 1.5
    slower = estimate.ratio_of_rows(found.rows["b"], found.rows["a"])
    assert (slower.answer, slower.value) == ("slower", pytest.approx(1.05, abs=0.005))
    assert estimate.ratio_of_rows(found.rows["c"], found.rows["a"]).value == pytest.approx(
        1, abs=0.005
    )
    row = found.rows["a"]
    assert row["latency_twin_low"] <= row["latency_twin_ratio"] <= row["latency_twin_high"]
    assert row["latency_twin_ratio"] == pytest.approx(1, abs=0.005)


def test_rows_of_two_sessions_are_not_compared(clock):
    one, _ = run(clock, fixed(8), a=1, b=2)
    two, _ = run(clock, fixed(8), a=1, b=2)
    assert estimate.ratio_of_rows(one.rows["a"], one.rows["b"]).value == pytest.approx(0.5)
    assert estimate.ratio_of_rows(one.rows["a"], two.rows["b"]) is None
    assert estimate.ratio_of_rows({}, {}) is None


def test_rounds_end_when_ratios_are_known_or_time_is_up(clock):
    timing = Timing(rounds=8, most_rounds=40, target=0.01, limit_s=1e6)
    found, _ = run(clock, timing, a=10, b=20)
    assert (found.facts["latency_ended"], found.facts["latency_rounds"]) == ("precise", 8)
    found, _ = run(clock, replace(timing, rounds=1, limit_s=0.9), a=10, b=20)
    assert (found.facts["latency_ended"], found.facts["latency_rounds"]) == ("time", 2)
    found, _ = run(clock, replace(timing, rounds=2, most_rounds=3), a=10, b=20)
    assert (found.facts["latency_ended"], found.facts["latency_rounds"]) == ("rounds", 3)


def test_a_slow_network_has_bursts_of_fewer_samples(clock):
    found, _ = run(clock, fixed(2, burst=5, burst_ms=100, warmup=6), a=30, b=10, c=500)
    num = {burst.arm: len(burst.samples_ns) for burst in found.bursts}
    assert (num["a"], num["b"], num["c"]) == (3, 5, 1)


def test_throughput_is_a_figure_of_its_own(clock):
    found, _ = run(clock, fixed(8, burst=4, figures=("t_e2e", "t_thr")), a=10)
    row = found.rows["a"]
    assert row["latency_figure"] == "t_e2e"
    assert (row["latency_ms"], row["latency_t_thr_ms"]) == (10, 10)
    assert {len(each.samples_ns) for each in rounds.of(found.bursts, "a", "t_e2e")} == {4}
    assert {len(each.samples_ns) for each in rounds.of(found.bursts, "a", "t_thr")} == {1}
    found, _ = run(clock, fixed(8, figures="t_thr"), a=10)
    assert found.rows["a"]["latency_figure"] == "t_thr"


def test_device_time_is_refused_without_such_a_device():
    with pytest.raises(ValueError, match="t_gpu needs a CUDA device"):
        timed(fixed(1, figures="t_gpu"), "a")


@pytest.mark.parametrize(
    ("boundary_in", "shape"), [("dev", (1, 3, 32, 48)), ("host_u8", (1, 3, 32, 48))]
)
def test_several_images_take_turns_and_come_in_as_the_boundary_says(clock, boundary_in, shape):
    _, networks = run(clock, fixed(4, boundary_in=boundary_in, images=3), a=1)
    given = networks["a"].given
    assert {each.shape for each in given} == {shape}
    assert {each.dtype for each in given} == {torch.float32}
    assert all(each.is_contiguous() for each in given)
    assert len({float(each.sum()) for each in given}) == 3
    assert 0.5 < float(torch.stack(given).std()) < 2


def test_a_watch_looks_between_rounds_and_its_record_is_kept():
    looked = []

    class Sees:
        def check(self):
            looked.append("round")

        def record(self):
            return {"verdict": "violated", "seen": len(looked)}

    @contextmanager
    def watch(device, threads):
        looked.append((device.type, threads))
        yield Sees()
        looked.append("left")

    found, _ = timed(fixed(3), "a", watch=watch)
    assert looked == [("cpu", 1), "round", "round", "round", "left"]
    assert found.evidence == {"verdict": "violated", "seen": 4}
    assert found.rows["a"]["latency_verdict"] == "violated"
    assert timed(fixed(1), "a")[0].rows["a"]["latency_verdict"] == "unproven"


def test_a_row_says_how_it_was_taken(monkeypatch):
    pressure = iter([3.0, 12.5])
    monkeypatch.setattr(latency, "cpu_pressure", lambda: next(pressure))
    timing = fixed(1, batch=2, warmup=1, threads=1)
    found, seen = timed(timing)
    row = found.rows["a"]
    assert {name: value for name, value in row.items() if name.startswith("latency_")} == row
    assert row["latency_device"]
    expected = {
        "latency_figure": "t_e2e",
        "latency_dtype": "float32",
        "latency_size": "32x48",
        "latency_batch": 2,
        "latency_threads": 1,
        "latency_boundary_in": "dev",
        "latency_boundary": "labels_full",
        "latency_method": "perf_counter",
        "latency_warmup": 1,
        "latency_rounds": 1,
        "latency_ended": "rounds",
        "latency_protocol": 4,
        "latency_place": "drawn each round",
        "latency_torch": torch.__version__,
        "latency_cpu_pressure_percent": 12.5,
        "latency_contended": True,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["latency_sentinel_ms"] > 0
    assert len({row["latency_session"] for row in found.rows.values()}) == 1
    monkeypatch.undo()
    assert timed(timing)[0].rows["a"]["latency_session"] != row["latency_session"]
    assert {shape for *_, shape in seen} == {(2, 3, 32, 48)}


@pytest.mark.parametrize(("pressure", "contended"), [(None, None), (10.0, False), (10.1, True)])
def test_work_beside_is_noticed_where_the_system_tells(monkeypatch, pressure, contended):
    monkeypatch.setattr(latency, "cpu_pressure", lambda: pressure)
    found, _ = timed(fixed(1), "a")
    assert found.rows["a"]["latency_contended"] is contended


def flushes_denormals():
    return float(torch.tensor(1e-40) * 1.0) == 0


def test_threads_and_denormals_are_set_while_timing_and_as_before_afterwards():
    before = torch.get_num_threads()
    _, seen = timed(fixed(1, warmup=1, threads=before + 1))
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
    timed(fixed(3), "ab", report=lambda *done: heard.append(done))
    assert heard == [(1, 3), (2, 3), (3, 3)]
