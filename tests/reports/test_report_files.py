"""The files of a report: all there, valid, self-contained, and safe with any name."""

import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from made_up import failed, noisy, rejected, row, study_of, timed
from pages import rest_of
from rich.console import Console

import reports

ATTACK = "<script>alert(1)</script>"
FILES = {
    "report.html",
    "table.md",
    "table.tex",
    "effects.png",
    "effects.svg",
    "effects.pdf",
    "ablation.md",
    "ablation.csv",
    "ablation.tex",
    "effects.tex",
    "fronts.tex",
    "table.csv",
    "trials.csv",
    "effects.md",
    "effects.csv",
    "fronts.md",
    "fronts.csv",
    "pareto.png",
    "pareto.svg",
    "pareto.pdf",
    "iou.png",
    "iou.svg",
    "iou.pdf",
}


class Page(HTMLParser):
    """What of a page matters here: its tags, ids, and everything that could load something."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    rows = noisy({"sum": 0.30, "bga": 0.40, ATTACK: 0.35}, seeds=2, sum=8, bga=14)
    rows += [
        failed("crash|ed", reason=f"ValueError: {ATTACK}"),
        rejected("heavy", **timed(20)),
        row("odd", 0, 0.9, latency_device="H100"),
    ]
    rows[0]["latency_contended"] = True
    rows[0]["absent_classes"] = ["pole"]
    rows[0]["recipe"] = {"lr": 0.05, "crop": [64, 128], "dataset": {"name": "streets"}}
    study = study_of(rows, name=ATTACK, question=f"Is it {ATTACK}?")
    return reports.write(study, rows, tmp_path_factory.mktemp("report") / "new" / "folder")


@pytest.fixture(scope="module")
def page(messy):
    return messy.page.read_text()


def test_all_files_are_written_and_nothing_else(messy):
    assert set(messy.files) == FILES
    assert {path.name for path in messy.page.parent.iterdir()} == FILES


def test_images_are_what_their_names_say(messy):
    for name in ("pareto", "iou"):
        assert messy.files[f"{name}.png"].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert ET.parse(messy.files[f"{name}.svg"]).getroot().tag.endswith("svg")


def test_the_page_loads_nothing(page):
    rest = rest_of(page)
    found = Page(rest)
    assert all(link.startswith("#") for link in found.links)
    assert not {"script", "link", "iframe", "img"} & set(found.tags)
    assert "//" not in re.sub(r"<pre>.*?</pre>", "", rest, flags=re.DOTALL)
    assert "@import" not in rest


def test_ids_of_the_drawings_do_not_meet(page):
    rest = rest_of(page)
    ids = Page(rest).ids
    assert len(ids) == len(set(ids)) > 20
    targets = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', rest))
    assert {a or b for a, b in targets} <= set(ids)


def test_names_are_text_and_never_markup(messy, page):
    rest = rest_of(page)
    assert "<script" not in rest
    assert rest.count("&lt;script&gt;alert(1)") >= 4
    assert "<script" not in messy.files["table.md"].read_text()


def test_a_terminal_is_told_why_there_are_no_milliseconds(messy):
    last = messy.troubles[-1]
    assert last.startswith("Other work used this machine's CPUs while latency was timed")
    assert last.endswith("a ratio to that of sum, not in milliseconds.")


def test_the_page_tells_everything_a_reader_needs(messy, page):
    for words in (
        messy.answer.replace("<", "&lt;").replace(">", "&gt;"),
        "Is it &lt;script&gt;",
        "crash|ed",
        "Traceback: here",
        "2 GMACs is over the budget of 1",
        "latency device is H100, where those compared have A CPU",
        "aten::sigmoid (3)",
        "left out of mIoU: pole",
        "timed beside other work on the machine",
        "Tukey",
        "<dt>lr</dt><dd>0.05</dd>",
        "labels_full",
        "fvcore 0.1.5",
        "twopath run &#39;&lt;script&gt;",
    ):
        assert words in page, words


def test_the_terminal_shows_table_answer_and_page_with_names_as_they_are(tmp_path):
    rows = [row("[red]a[/red]"), row("b")]
    console = Console(width=200, file=io.StringIO(), color_system=None)
    found = reports.write(study_of(rows), rows, tmp_path)
    found.show(console)
    text = console.file.getvalue()
    assert text.count("[red]a[/red]") >= 2
    assert found.answer in " ".join(text.split(" "))
    assert str(tmp_path / "report.html") in text


def test_a_given_command_is_shown_instead(tmp_path):
    study = study_of([row("a")], command="twopath run studies/mine.py --seeds 3")
    found = reports.write(study, [row("a")], tmp_path)
    assert "<pre>twopath run studies/mine.py --seeds 3</pre>" in found.page.read_text()


def test_charts_follow_the_page_into_the_dark(page):
    assert "var(--blue)" in page
    assert "prefers-color-scheme: dark" in page
    rest = rest_of(page)
    drawn = rest[rest.index("</style>") :]
    assert "#0b6fb8" not in drawn


def test_the_same_rows_give_the_same_files(tmp_path):
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=2)
    first = reports.write(study_of(rows), rows, tmp_path / "1")
    second = reports.write(study_of(rows), rows, tmp_path / "2")
    for name in FILES:
        assert first.files[name].read_bytes() == second.files[name].read_bytes(), name


def test_a_failed_write_leaves_the_old_file_whole(tmp_path, monkeypatch):
    reports.write(study_of([row("a")]), [row("a")], tmp_path)
    before = (tmp_path / "report.html").read_text()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        reports.write(study_of([row("b")]), [row("b")], tmp_path)
    assert (tmp_path / "report.html").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} < FILES, "and no half a file"


def test_a_study_without_rows_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="'fusion' has no rows"):
        reports.write(study_of([row("a")]), [], tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_importing_reports_costs_nothing_and_never_needs_torch():
    code = (
        "import sys, reports; "
        "heavy = {'pandas', 'scipy', 'matplotlib', 'jinja2', 'torch'} & set(sys.modules); "
        "reports.write; "
        "banned = {'torch', 'ray', 'optuna', 'studies', 'architectures'} & set(sys.modules); "
        "sys.exit(f'{heavy} {banned}' if heavy or banned else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'wirte'"):
        reports.wirte  # noqa: B018


def test_the_page_says_what_each_candidate_is_made_of(tmp_path):
    rows = [row("a"), row("b")]
    study = study_of(rows)
    for entry, fusion in zip(study["plan"], ("sum", "bga(width=8)"), strict=True):
        entry["parts"] = {"detail": "detail_branch", "fusion": fusion}
    html = reports.write(study, rows, tmp_path).page.read_text()
    assert '<th scope="col">fusion</th>' in html and "<td>bga(width=8)</td>" in html
    assert "In all of them: detail detail_branch." in html


def test_the_terminal_says_why_a_candidate_failed(tmp_path):
    rows = [row("a"), row("b", state="failed", miou=None, reason="ValueError: too narrow")]
    console = Console(width=80, record=True, file=io.StringIO())
    reports.write(study_of(rows), rows, tmp_path).show(console)
    assert "b failed: ValueError: too narrow" in console.export_text()


def test_a_still_page_has_no_script_and_all_else(tmp_path):
    rows = noisy({"a": 0.3, "b": 0.4}, seeds=3)
    live = reports.write(study_of(rows), rows, tmp_path / "live", formats=["html"]).page
    still = reports.write(
        study_of(rows), rows, tmp_path / "still", formats=["html"], interactive=False
    ).page
    page, whole = (Page(each.read_text(encoding="utf-8")) for each in (still, live))
    assert "script" not in page.tags and "script" in whole.tags
    assert {"front", "ablation", "effects", "fronts"} <= set(page.ids) & set(whole.ids)
    assert still.stat().st_size < 300_000
