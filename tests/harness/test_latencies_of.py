"""Candidates are timed in groups, and one that cannot be timed costs the others nothing."""

from dataclasses import replace

import pytest
import torch
from test_latency import fixed
from tiny import ALONE, BOTH
from torch import nn

from harness import Part, Timing
from harness.measure import candidates, contenders
from harness.measure.candidates import Order, latencies_of, sessions_of, timing_device
from harness.measure.figured import SENTINEL, TWIN
from harness.measure.headline import ONE_PROCESS, TOO_FEW
from harness.plugins import load_plugins

CPU = torch.device("cpu")

QUICK = fixed(1)


def ordered(given, *, timing=QUICK, size=(32, 32), plugins=(), backends=()):
    """What is to be timed for five classes."""
    return Order(
        given=given, num_classes=5, timing=timing, size=size, plugins=plugins, backends=backends
    )


def measured(given, **options):
    """What was timed of it."""
    return latencies_of(ordered(given, **options))


def test_a_network_that_gives_no_number_is_not_timed_and_the_others_are(odd):
    broken = replace(ALONE, head=Part("odd", act="unbounded"))
    found = measured({"bad": broken, "good": ALONE}, plugins=(odd,)).rows
    why = "FloatingPointError: NaN or infinity for an image of random numbers: non_finite_activ"
    assert [name for name in found["bad"]] == ["latency_error"]
    assert found["bad"]["latency_error"].startswith(why)
    assert found["good"]["latency_ms"] > 0


def test_a_network_that_cannot_run_is_not_timed_and_the_others_are(monkeypatch):
    class Breaks(nn.Module):
        def forward(self, image):
            raise RuntimeError("no\nway")

    build = contenders._trained
    monkeypatch.setattr(
        contenders,
        "_trained",
        lambda each, *rest: Breaks() if each is BOTH else build(each, *rest),
    )
    found = measured({"bad": BOTH, "good": ALONE}).rows
    assert found["bad"] == {"latency_error": "RuntimeError: no way"}
    assert found["good"]["latency_ms"] > 0


def test_many_networks_are_timed_in_groups_that_fit_in_memory(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_TOGETHER", 2)
    sessions = measured(dict.fromkeys("abc", ALONE)).rows
    a, b, c = (sessions[name]["latency_session"] for name in "abc")
    assert a == b != c


def test_a_device_is_named_with_all_that_a_latency_depends_on():
    one, two = timing_device(Timing(threads=1)), timing_device(Timing(threads=2))
    assert one != two
    assert torch.__version__ in one


def test_raw_samples_are_given_group_by_group(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_TOGETHER", 2)
    (one, _), (two, _) = sessions_of(ordered(dict.fromkeys("abc", ALONE)))
    assert ({*one.rows}, {*two.rows}) == ({"a", "b"}, {"c"})
    assert {each.arm for each in one.bursts} == {"a", "b", TWIN, SENTINEL}
    assert {each.arm for each in two.bursts} == {"c", SENTINEL}


def test_a_group_of_which_nothing_can_be_timed_is_a_session_of_reasons(odd):
    load_plugins((odd,))
    broken = replace(ALONE, head=Part("odd", act="unbounded"))
    ((found, receipt),) = sessions_of(ordered({"bad": broken}))
    assert set(found.rows["bad"]) == {"latency_error"}
    assert (found.bursts, receipt) == ((), None)


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
    build = contenders._trained

    def note(*args):
        network = build(*args)
        network.register_forward_hook(lambda module, image, output: given.append(output))
        return network

    monkeypatch.setattr(contenders, "_trained", note)
    timing = fixed(1, boundary=boundary, backend="eager")
    row = measured({"it": BOTH}, timing=timing, size=(45, 60)).rows["it"]
    assert (tuple(given[-1].shape), given[-1].dtype) == (shape, dtype)
    assert row["latency_boundary"] == boundary


def test_a_timing_in_fresh_processes_gives_one_row_and_all_receipts(monkeypatch):
    told = []

    def here(number, function, order):
        assert order.timing.processes == 1
        return (function(order) for _ in range(number))

    monkeypatch.setattr(candidates, "in_fresh_processes", here)
    order = ordered({"a": ALONE, "b": BOTH}, timing=replace(QUICK, processes=3))
    found = latencies_of(order, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert {row["latency_processes"] for row in found.rows.values()} == {3}
    ids = [each["id"] for each in found.receipts]
    assert len(set(ids)) == 3 and found.rows["a"]["latency_receipts"] == ids
    told = found.rows["a"]["latency_headline_reasons"]
    assert "it was timed in 3 processes, and a headline takes 5 fresh ones" in told
    assert ONE_PROCESS not in told and TOO_FEW not in told
