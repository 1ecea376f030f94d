"""A report that is watched while a real run trains its study: it grows, and ends with it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "harness"))  # drive.py, tiny.py

from drive import kill, start

from harness.cli import main
from harness.ledger import Ledger
from reports import watching

SLOW_STUDY = Path(__file__).parent.parent / "harness" / "slow_study.py"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(watching, "LOOK_S", 0.1)
    monkeypatch.setattr(watching, "REST", 0.0)


def test_it_is_written_as_trials_end_and_ends_with_the_run(tmp_path, quick, capsys):
    Ledger(tmp_path / "ledger.db")  # the study is not in it yet
    run = start(SLOW_STUDY, tmp_path, TWOPATH_TEST_STEP_S="0.1")
    try:
        words = ["report", "slow", "--watch", "--format", "csv,md", "--runs", str(tmp_path)]
        assert main([*words, "--json"]) == 0
    finally:
        kill(run, group=True)
    told = capsys.readouterr()
    wrote = [line.split(" trials in")[0] for line in told.err.splitlines() if "wrote" in line]
    assert len(wrote) > 1
    assert wrote == sorted(wrote, key=lambda line: int(line.split()[-3]))
    assert wrote[-1].endswith("3 of 3")
    assert told.err.rstrip().endswith("complete")
    found = json.loads(told.out)
    assert found["study"] == "slow"
    lines = (tmp_path / "reports" / "slow" / "trials.csv").read_text().splitlines()
    assert len(lines) == 4
    assert not any(",pending," in line for line in lines)
