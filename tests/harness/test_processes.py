"""What several processes found becomes one row, compared process by process."""

import os

from harness.measure.estimate import ratio_of_rows
from harness.measure.headline import ONE_PROCESS
from harness.measure.processes import combined, in_fresh_processes


def rows_of(**ms):
    shared = {
        "latency_rounds": 8,
        "latency_num_samples": 16,
        "latency_warmup_s": 0.5,
        "latency_contended": None,
        "latency_cpu_pressure_percent": 3.0,
        "latency_ended": "precise",
        "latency_verdict": "proven",
        "latency_steady": True,
        "latency_sentinel_ms": 1.0,
        "latency_p90_ms": 9.0,
        "latency_device": "A CPU",
        "latency_twin": "slower",
        "latency_twin_ratio": 1.01,
        "latency_twin_low": 1.005,
        "latency_twin_high": 1.02,
    }
    return {
        name: {**shared, "latency_ms": each, "latency_rounds_ns": [round(each * 1e6)] * 8}
        for name, each in ms.items()
    }


def test_each_process_is_a_fresh_one():
    found = list(in_fresh_processes(2, os.getpid))
    assert len({*found, os.getpid()}) == 3


def test_a_row_of_several_processes_says_what_holds_in_all():
    second = rows_of(a=12.0, b=24.4)
    second["b"] |= {"latency_contended": True, "latency_ended": "time", "latency_steady": False}
    second["b"] |= {"latency_verdict": "unproven", "latency_twin_ratio": 0.99}
    found = combined([rows_of(a=10.0, b=20.0), second, rows_of(a=11.0, b=22.1)])
    row = found["b"]
    assert row["latency_low_ms"] < 22 < row["latency_high_ms"]
    assert (row["latency_processes"], row["latency_rounds"]) == (3, 24)
    assert (row["latency_contended"], row["latency_ended"]) == (True, "time")
    assert (row["latency_verdict"], row["latency_steady"]) == ("unproven", False)
    assert row["latency_twin"] == "not distinguishable"
    assert row["latency_device"] == "A CPU"
    assert "latency_p90_ms" not in row and "latency_rounds_ns" not in row
    compared = ratio_of_rows(row, found["a"])
    assert compared.answer == "slower" and compared.low < 2.01 < compared.high
    assert compared.high - compared.low < 0.1, "though both took 20 % longer in the second process"


def judged(*reasons, twin=1.0, **ms):
    """Rows as one process gives them, with what speaks against a headline of its own."""
    found = rows_of(**ms)
    for row in found.values():
        row |= {"latency_headline_reasons": [*reasons, ONE_PROCESS], "latency_twin_ratio": twin}
    return found


def test_what_spoke_against_one_process_does_not_speak_against_five():
    odd = "a network was found slower than its own copy"
    twins = (1.01, 0.99, 1.02, 0.98, 1.001)
    every = [judged(odd, a=10.0 + at / 100, twin=twin) for at, twin in enumerate(twins)]
    row = combined(every)["a"]
    assert row["latency_twin"] == "not distinguishable"
    assert (row["latency_headline_ok"], row["latency_headline_reasons"]) == (True, [])
    busy = judged("the machine was busy", a=10.1)
    assert combined([*every, busy])["a"]["latency_headline_reasons"] == ["the machine was busy"]
    (told,) = combined(every[:3])["a"]["latency_headline_reasons"]
    assert told == "it was timed in 3 processes, and a headline takes 5 fresh ones"


def test_a_twin_that_all_processes_tell_apart_speaks_against_them():
    every = [judged(a=10.0, twin=1.01 + at / 1000) for at in range(5)]
    (told,) = combined(every)["a"]["latency_headline_reasons"]
    assert told == "a network was found slower than its own copy"


def test_what_was_not_timed_together_is_not_compared():
    processes = [rows_of(a=1.0, b=2.0, c=3.0) for _ in range(2)]
    for at, rows in enumerate(processes):
        for name, row in rows.items():
            row["latency_session"] = f"{at} {'ab' if name in 'ab' else 'c'}"
    found = combined(processes)
    assert ratio_of_rows(found["b"], found["a"]) is not None
    assert ratio_of_rows(found["c"], found["a"]) is None


def test_what_broke_in_one_process_is_broken():
    found = combined([rows_of(a=1.0, b=2.0), {**rows_of(a=1.0), "b": {"latency_error": "no"}}])
    assert found["b"] == {"latency_error": "no"}
    assert found["a"]["latency_processes"] == 2
