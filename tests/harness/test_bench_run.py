"""The bench of what a study costs: made-up workers are as busy as a driver lets them be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.setattr("harness.trial._completed", None)  # the plugin's, until the test ends


def test_a_driver_that_keeps_up_lets_all_train_and_one_that_does_not_its_share(bench):
    from crowd import Load, simulate

    load = Load(workers=100, trial_s=10.0, report_s=1.0, serve_s=0.01, hear_s=0.002)
    assert load.wanted == 10 and load.ceiling == pytest.approx(1 / 0.03)
    assert 0.97 < simulate(load) <= 1
    for slower in (replace(load, serve_s=1.0), replace(load, hear_s=0.1)):
        share = slower.ceiling / slower.wanted
        assert simulate(slower) == pytest.approx(share, rel=0.1)
    often = replace(load, workers=1000, trial_s=600.0, report_s=0.5, hear_s=0.005)
    seldom = replace(often, report_s=50.0)
    assert simulate(often) < 0.3 and simulate(seldom) > 0.97


def test_a_crowd_ends_every_trial_once_and_the_bench_prints_all_it_found(bench, tmp_path, capsys):
    from crowd import crowded
    from run import main

    held = crowded(10, 25, tmp_path)
    assert len(held.ends_s) == 25 and held.ends_s == sorted(held.ends_s)
    words = ["--only", "plan", "ledger", "local", "propose", "cluster", "--planned", "50",
             "--trials", "20", "--told", "30", "--folder", str(tmp_path)]  # fmt: skip
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["local"]["studies"]["20"]["overhead_ms"] > 0
    assert set(found["ledger"]) == {"fsync", "100", "20"}
    assert main(["--only", "local", "--trials", "20"]) == 0
    assert "at most 20 ms" in capsys.readouterr().out
