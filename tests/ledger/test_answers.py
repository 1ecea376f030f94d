"""The commands that answer from a ledger say the same of both kinds of database."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "reports"))  # made_up.py

from made_up import failed, noisy, planned, row, study_of

from harness.cli import main
from harness.ledger import Ledger

ROWS = [*noisy({"sum": 0.3, "bga": 0.4}, seeds=4, sum=8, bga=10), failed("x")]


def answers(capsys, runs, url, *words):
    assert main([*words, "--json", "--runs", str(runs), "--ledger", url]) == 0
    return json.loads(capsys.readouterr().out)


def files_of(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.suffix in (".csv", ".md")}


@pytest.fixture
def both(tmp_path, postgres):
    """A folder and a ledger of each kind, with the same study in them."""
    places = [
        (tmp_path / "lite", f"sqlite:///{tmp_path}/ledger.db"),
        (tmp_path / "server", postgres),
    ]
    study = study_of([*ROWS, row("late")])
    for _, url in places:
        ledger = Ledger(url)
        ledger.put_study({k: v for k, v in study.items() if k != "plan"}, planned(study))
        for each in ROWS:
            ledger.put_trial(each)
    return places


def test_a_report_is_the_same(capsys, both):
    found = [(runs, answers(capsys, runs, url, "report", "fusion")) for runs, url in both]
    (first, one), (second, other) = found
    assert one["answer"] == other["answer"]
    assert one["rows"] == other["rows"]
    first, second = (runs / "reports" / "fusion" for runs in (first, second))
    assert files_of(first) == files_of(second)
    assert (second / "report.html").is_file()


def test_a_board_is_the_same(capsys, both):
    one, other = (answers(capsys, runs, url, "board")["studies"] for runs, url in both)
    assert one == other
    assert one[0]["best"] == "bga"
    assert (one[0]["num_ended"], one[0]["num_failed"], one[0]["state"]) == (9, 1, "stopped")


def test_a_watch_of_a_complete_study_ends(capsys, both):
    for runs, url in both:
        Ledger(url).put_trial(row("late"))
        words = ["report", "fusion", "--watch", "--format", "csv"]
        assert main([*words, "--runs", str(runs), "--ledger", url]) == 0
        assert capsys.readouterr().err.rstrip().endswith("complete")
