"""Beside other work, ratios of networks that had to wait unlike are of CPU time."""

import json

import numpy as np
import pytest

from harness import Timing
from harness.measure.estimate import Burst, clock_of_ratios, cpu_values, ratio_of_rows
from harness.measure.figured import SENTINEL, controls_of, ratios_of, rows_of
from harness.measure.latency import time_together
from harness.measure.processes import combined
from harness.measure.receipt import as_bursts, as_lists

NAMES = ("short", "long")


def bursts(waits=6.0, cpu=True):
    """Rounds of a call of 0.5 ms that nobody stops, and of one of 3 ms that waits for a CPU."""
    dice = np.random.default_rng(0)
    found = []
    for number in range(12):
        for name, ns, factor in (("short", 5e5, 1.0), ("long", 3e6, waits), (SENTINEL, 1e6, 1.0)):
            works = ns * dice.normal(1, 0.01)
            samples = tuple(round(works * factor * dice.normal(1, 0.01)) for _ in range(4))
            found += [
                Burst(
                    arm=name,
                    figure="t_e2e",
                    round=number,
                    place=place,
                    start_ns=number,
                    samples_ns=samples,
                    cpu_ns=round(4 * works) if cpu else None,
                )
                for place in (0, 1)
            ]
    return tuple(found)


def rows(taken, contended):
    controls = controls_of(taken, "t_e2e", NAMES, contended=contended)
    facts = {"latency_session": "s", "latency_contended": contended, **controls}
    return {name: facts | row for name, row in rows_of(taken, NAMES, ["t_e2e"]).items()}


@pytest.mark.parametrize(
    ("contended", "waits", "cpu", "clock", "value"),
    [
        (True, 6.0, True, "cpu", 6.0),
        (True, 1.0, True, "wall", 6.0),
        (False, 6.0, True, "wall", 36.0),
        (True, 6.0, False, "wall", 36.0),
    ],
)
def test_cpu_time_is_compared_where_candidates_waited_unlike(contended, waits, cpu, clock, value):
    taken = bursts(waits, cpu)
    found = rows(taken, contended)
    assert found["long"]["latency_ratio_by"] == clock
    told = ratio_of_rows(found["long"], found["short"])
    assert told.low < told.value < told.high and told.value == pytest.approx(value, rel=0.02)
    [said] = ratios_of(taken, NAMES, ["t_e2e"], (), clock)
    assert (said["value"], said["by"]) == (told.value, clock)


def test_several_processes_are_compared_by_cpu_time_if_one_had_to():
    alone, beside = rows(bursts(1.0), contended=True), rows(bursts(6.0), contended=True)
    rest = {"latency_num_samples": 1, "latency_warmup_s": 0.0, "latency_steady": True}
    rest |= {"latency_sentinel_ms": 1.0, "latency_ended": "time", "latency_verdict": "violated"}
    rest |= {"latency_cpu_pressure_percent": 90.0}
    processes = [{name: rest | row for name, row in each.items()} for each in (alone, beside)]
    found = combined(processes)
    assert found["long"]["latency_ratio_by"] == "cpu"
    told = ratio_of_rows(found["long"], found["short"])
    assert told.value == pytest.approx(6.0, rel=0.02)


def test_bursts_with_cpu_time_travel_as_json():
    taken = bursts()
    assert as_bursts(json.loads(json.dumps(as_lists(taken)))) == taken
    assert cpu_values(bursts(cpu=False)) is None and cpu_values([]) is None
    assert clock_of_ratios([], contended=True) == "wall"


@pytest.mark.parametrize(("threads", "has"), [(1, True), (2, False)])
def test_cpu_time_is_that_of_one_thread(threads, has):
    import torch
    from torch import nn

    timing = Timing(
        rounds=2, most_rounds=2, warmup=1, warmup_s=0.0, burst=2, threads=threads, limit_s=1e6
    )
    networks = {"a": nn.Conv2d(3, 8, 3), "b": nn.Conv2d(3, 8, 1)}
    session = time_together(networks, timing, (32, 32), torch.device("cpu"))
    assert all((each.cpu_ns is not None) == has for each in session.bursts)
    assert bool(session.rows["a"]["latency_rounds_cpu_ns"]) == has
