"""What several processes found becomes one row, compared process by process."""

import os

from harness.measure.estimate import ratio_of_rows
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


def test_what_broke_in_one_process_is_broken():
    found = combined([rows_of(a=1.0, b=2.0), {**rows_of(a=1.0), "b": {"latency_error": "no"}}])
    assert found["b"] == {"latency_error": "no"}
    assert found["a"]["latency_processes"] == 2
