"""What answers from a ledger does so where nothing can be written, and writes where it is told."""

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent.parent / "reports"))  # made_up.py

from made_up import kept, noisy, study_of

from reports import load


@pytest.fixture
def runs(tmp_path):
    rows = noisy({"sum": 0.3, "bga": 0.4}, seeds=3, sum=8, bga=10)
    again = [{**each, "key": f"again/{each['key']}"} for each in rows]
    kept(tmp_path / "runs", study_of(rows), rows).rest()
    kept(tmp_path / "runs", study_of(again, name="again"), again).rest()
    return tmp_path / "runs"


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def one_line(said):
    assert said.code == 2
    (line,) = said.err.splitlines()
    return line


def test_reports_and_the_board_lie_where_out_says_and_link_to_each_other(twopath, runs, read_only):
    before, place, out = files(runs), read_only(runs), ["--out", "here/reports"]
    made = twopath("report", "fusion", "again", "--format", "html,csv", "--runs", place, *out)
    assert made.code == 0
    assert "here/reports/fusion/report.html" in made.out
    page = twopath("board", "--runs", place, *out)
    assert page.out.rstrip().endswith("here/reports/index.html")
    board = Path("here/reports/index.html").read_text()
    assert 'href="fusion/report.html"' in board and 'href="again/report.html"' in board
    assert files(runs) == before
    usual = twopath("report", "fusion", "again", "--format", "html,csv", "--runs", runs)
    assert usual.code == 0
    twopath("board", "--runs", runs)
    assert files(runs / "reports") == files(Path("here/reports"))


def test_a_comparison_and_a_watched_report_lie_there_too(twopath, runs, read_only):
    where = ["--runs", read_only(runs), "--out", "out", "--format", "csv"]
    assert twopath("report", "--compare", "fusion", "again", *where).code == 0
    watched = twopath("report", "fusion", "--watch", *where)
    assert watched.err.rstrip().endswith("complete")
    assert {path.name for path in Path("out").iterdir()} == {"fusion", "fusion-again"}


def test_other_commands_and_a_notebook_read_it(twopath, runs, read_only):
    place, file = read_only(runs), Path("fusion.db")
    pd.testing.assert_frame_equal(load(place), load(runs))
    storage = f"sqlite:///{file.absolute()}"
    assert twopath("export-optuna", "fusion", "--runs", place, "--storage", storage).code == 0


def test_a_page_elsewhere_has_the_sheet_that_was_drawn(twopath, runs):
    sheet = runs / "reports" / "fusion" / "sheet.jpg"
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"a picture")
    twopath("report", "fusion", "--format", "csv", "--runs", runs, "--out", "tables")
    assert not Path("tables/fusion/sheet.jpg").exists()
    twopath("report", "fusion", "--still", "--runs", runs, "--out", "pages")
    assert "On images" in Path("pages/fusion/report.html").read_text()
    assert Path("pages/fusion/sheet.jpg").read_bytes() == b"a picture"


def test_where_nothing_can_be_written_the_option_is_named(twopath, runs, read_only):
    place = read_only(runs)
    for words in (["report", "fusion"], ["report", "--compare", "fusion", "again"], ["board"]):
        line = one_line(twopath(*words, "--runs", place))
        assert line.startswith(f"twopath: --runs {place}/reports")
        assert "Read-only file system; twopath report or board with --out FOLDER" in line


def test_out_that_is_no_folder_to_write_in_is_refused_at_once(twopath, runs, read_only):
    place, file = read_only(runs), Path("file")
    file.touch()
    for words in (["report", "unknown"], ["board"]):
        line = one_line(twopath(*words, "--runs", place, "--out", place / "reports"))
        assert line == f"twopath: --out {place}: Permission denied"
        assert "--out file: Not a directory" in one_line(twopath(*words, "--out", file))
