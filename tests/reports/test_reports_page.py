"""The page on reports: its notebook runs as it stands, and its table of columns is whole."""

import re
from pathlib import Path

import pandas as pd
import pytest
from made_up import kept, noisy, row, study_of

from reports import load
from reports.loading import UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")

TABLE = "".join(line for line in PAGE.splitlines(keepends=True) if line.startswith("|"))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = noisy({"sum": 0.3, "bga": 0.4}, seeds=3)
    kept(tmp_path / "runs", study_of([*rows, row("late")]), rows)
    return tmp_path / "runs"


def test_the_notebook_of_the_page_runs(runs):
    known = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, known)
    assert known["best"] == "bga"
    assert list(known["by_fusion"]["count"]) == [3, 3]
    assert Path("report/report.html").is_file()


def test_a_ledger_is_loaded_from_its_folder_its_file_or_its_url(runs):
    found = load("runs", study="fusion")
    assert list(found["state"]) == ["done"] * 6 + ["pending"]
    assert set(found["study"]) == {"fusion"}
    for where in (runs, runs / "ledger.db", f"sqlite:///{runs}/ledger.db"):
        pd.testing.assert_frame_equal(load(where), found)


def test_what_is_not_there_is_refused_by_name(runs, tmp_path):
    with pytest.raises(KeyError, match="Did you mean 'fusion'"):
        load("runs", study="fuson")
    with pytest.raises(FileNotFoundError, match="no ledger"):
        load(tmp_path / "elsewhere")


def test_the_page_names_every_column_with_a_unit_and_the_frame_tells_it(runs):
    told = {name.replace("<class>", "*") for name in re.findall("`([^`]+)`", TABLE)}
    assert set(UNITS) <= told
    units = load("runs").attrs["units"]
    assert units["miou"] == units["iou.road"] == "share, 0 to 1"
    assert units["latency_ms"] == "ms"


def test_a_trial_that_has_not_ended_is_named_by_its_parts_too(tmp_path):
    rows = [row("a"), row("late")]
    study = study_of(rows)
    for entry in study["plan"]:
        entry["parts"] = {"fusion": f"{entry['candidate']}(width=4)", "head": "seg"}
    del rows[0]["fusion"]
    kept(tmp_path, study, rows[:1])
    found = load(tmp_path, "fusion")
    assert list(found["state"]) == ["done", "pending"]
    assert list(found["fusion"]) == ["a(width=4)", "late(width=4)"]
    assert list(found["head"]) == ["seg", "seg"]
    assert "parts" not in found
