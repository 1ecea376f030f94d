"""The bench of reports: its ledger is one that reports read, and its exponent is found again."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import reports
from harness.ledger import open_ledger, progress

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import report

    return report


def test_the_made_ledger_has_what_real_ones_have(bench, tmp_path):
    bench.make_ledger(tmp_path, 1000)
    ledger = open_ledger(tmp_path)
    found = progress(ledger, bench.STUDY)
    assert found.num_planned == 1000
    assert {"done", "failed", "rejected"} == set(found.num)
    rows = ledger.rows(bench.STUDY)
    report = reports.write(ledger.study(bench.STUDY), rows, tmp_path / "out", formats=["csv"])
    assert len(report.files["table.csv"].read_text().splitlines()) == 201
    assert report.num_failed == found.num["failed"]


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_an_exponent_is_found_within_its_interval(bench, power):
    dice = np.random.default_rng(0)
    sizes = np.repeat([100, 1000, 3000, 10_000, 30_000, 100_000], 3)
    values = (2 + 1e-4 * sizes**power) * dice.normal(1, 0.02, len(sizes))
    found = bench.exponent(list(zip(sizes, values, strict=True)))
    assert found["low"] < power < found["high"]
    assert found["high"] - found["low"] < 0.2


def test_the_front_is_the_same_as_by_the_plain_search(bench):
    assert bench.front(300)["same"]


def test_memory_is_that_of_all_processes_together(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import held

    hold = "import sys, time; kept = b'x' * (100 << 20); time.sleep(float(sys.argv[1]))"
    twice = (
        "import subprocess, sys;"
        f" each = [subprocess.Popen([sys.executable, '-c', {hold!r}, '2']) for _ in range(2)];"
        " [one.wait() for one in each]"
    )
    alone, both = (
        held.most_held([sys.executable, "-c", *rest]) for rest in ((hold, "2"), (twice,))
    )
    if alone is None:
        pytest.skip("Linux alone shares memory out over processes")
    assert 100 < alone < 150
    assert 200 < both < 300
    with pytest.raises(RuntimeError, match="ended with 3"):
        held.most_held([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_command_that_ended_before_it_was_looked_at_has_no_memory_told(bench, monkeypatch):
    import held

    begin = subprocess.Popen

    def ended(*given, **options):
        child = begin(*given, **options)
        child.wait()
        return child

    monkeypatch.setattr(subprocess, "Popen", ended)
    assert held.most_held([sys.executable, "-c", "pass"]) is None
    assert shown(bench, None) == shown(bench, 0.4).replace(" 0 ", "   ")


def shown(bench, held_mib):
    """What the bench prints of one report."""
    keys = ("seconds", "cpu_seconds", "page_mb", "ledger_mb")
    each = {key: [1.0, 1.0, 1.0] for key in keys} | {"held_mib": held_mib}
    told = {"cores": 2, "load_before": 0.0, "load_after": 0.0, "exponent": {}, "fronts": []}
    out = io.StringIO()
    bench.show({**told, "reports": {"100": each}}, Console(file=out, width=200))
    return out.getvalue()
