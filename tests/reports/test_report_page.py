"""The page: what it holds, what it may run, and what it leaves to the files beside it."""

import base64
import hashlib
import itertools
import json
import re

import pytest
from made_up import failed, noisy, rejected, row, study_of, timed
from pages import Tags, data_of, rest_of

import reports
from reports.columns import FIGURES
from reports.curves import MOST_POINTS, curves
from reports.front import fronts
from reports.iou_map import shades
from reports.live_chart import chart_data, live_chart
from reports.pareto_chart import pareto_chart
from reports.rows import frame
from reports.sections import Picture, Section
from reports.tables import candidates_table
from reports.verdict import judge

ATTACK = "</script><script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\nrest"


def with_parts(study, parts):
    """The study with a fusion for each candidate, in plan order."""
    for entry, fusion in zip(study["plan"], parts, strict=True):
        entry["parts"] = {"detail": "detail_branch", "fusion": fusion}
    return study


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    rows = noisy({"sum": 0.30, ATTACK: 0.35, "bga": 0.40}, seeds=2, sum=8, bga=14)
    rows += [failed("crashed", reason=ATTACK), rejected("heavy", **timed(20))]
    rows[0]["recipe"] = {ATTACK: ATTACK}
    for each in rows[:6]:
        each["iou"] = {"road": 0.5, ATTACK: 0.2}
    study = with_parts(study_of(rows, name=ATTACK), [each["candidate"] for each in rows])
    return reports.write(study, rows, tmp_path_factory.mktemp("page")).page.read_text()


def live_of(rows, parts=None, **fields):
    study = study_of(rows, **fields)
    if parts:
        with_parts(study, parts)
    verdict = judge(study, frame(study, rows))
    found = fronts(study, verdict)
    return live_chart(verdict, pareto_chart(verdict), found, candidates_table(verdict))


def test_a_page_runs_its_own_scripts_and_no_others(page):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    allowed = re.findall(r"sha256-([\w+/=]+)", policy)
    run = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in run]
    assert len(run) == 2 and digests == allowed
    assert "unsafe" not in policy.split("script-src")[1] and "http" not in policy
    assert policy.startswith("default-src &#39;none&#39;")


def test_no_name_leaves_the_place_it_was_put_in(page):
    assert "alert(1)" in page
    assert "<script" not in rest_of(page)
    candidates = data_of(page)["candidates"]
    assert ATTACK in [each["name"] for each in candidates], "a script is given text, not markup"
    told = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    for around in ("<title>{}", ">{}</th>", "<span>{}", "<dt>{}</dt>", "<dd>{}</dd>", "failed: {}"):
        assert around.format(told) in rest_of(page), around


def test_a_page_is_small_enough_to_send(page):
    assert len(page.encode()) < 6_000_000


def test_every_part_of_the_page_is_in_its_contents(page):
    found = Tags(rest_of(page))
    titles = [each["id"] for each in found.all("h2")]
    links = [each["href"].removeprefix("#") for each in found.all("a")]
    assert links == titles
    assert {"candidates", "effects", "classes", "training", "failed", "measured"} <= set(titles)


def test_headings_leave_no_level_out(page):
    levels = [int(tag[1]) for tag, _ in Tags(rest_of(page)).found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_what_is_seen_is_also_said(page):
    found = Tags(rest_of(page))
    assert all(each.get("aria-label") for each in found.all("svg"))
    scrolled = [each for each in found.all("div") if each.get("class") == "wide"]
    assert scrolled and all(e["aria-label"] and e["tabindex"] == "0" for e in scrolled)
    assert all(each.get("scope") in ("col", "colgroup", "row") for each in found.all("th"))


def test_classes_are_a_table_that_can_be_read_and_copied(page):
    rest = rest_of(page)
    table = rest[rest.index('<table class="map') :]
    table = table[: table.index("</table>")]
    assert re.findall(r'<td class="s(\d+)">([\d.]+)</td>', table)[:2] == [
        ("10", "50.0"),
        ("4", "20.0"),
    ]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """WCAG 2's contrast ratio of two colours."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_stand_out_from_their_paper_in_the_light_and_in_the_dark(page):
    blocks = re.findall(r":root \{([^}]*)\}", page[: page.index("@media print")])
    assert len(blocks) == 2
    for block in blocks:
        tones = dict(re.findall(r"--(\w+): (#\w{6})", block))
        for role in ("ink", "muted", "blue", "plum"):
            for paper in ("paper", "wash"):
                assert contrast(tones[role], tones[paper]) >= 4.5, (role, paper)
        assert contrast(tones["orange"], tones["paper"]) >= 3, "marks, no words"


def test_numbers_can_be_read_on_every_shade_of_the_map():
    assert all(contrast(each.paper, each.ink) >= 4.5 for each in shades())


def test_the_chart_is_there_by_every_cost_with_the_standings_of_each():
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=2, a=8, b=14)
    for each in rows[:2]:
        each["gmacs"] = 0.09
    views = chart_data(live_of(rows))["views"]
    assert [each["cost"] for each in views] == ["latency", "GMACs", "params"]
    kinds = [[point["kind"].split()[0] for point in each["points"]] for each in views]
    assert kinds == [["front", "front"], ["dominated", "front"], ["dominated", "front"]]
    assert [len(each["front"]) for each in views] == [2, 1, 1]


def test_a_mark_is_told_with_its_architecture_and_the_figures_of_the_table():
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=2, a=8, b=14)
    live = live_of(rows, parts=["sum", "sum", "bga(width=8)", "bga(width=8)"])
    one = live.details["b"]
    assert one.parts == (("fusion", "bga(width=8)"),) and live.shared == "detail detail_branch"
    told = dict(one.figures)
    assert told["latency (ms)"].startswith("14.00 [13.86")
    assert told["mIoU (%) ± sd"].endswith("(2)") and "status" in told
    assert told["share of fronts by latency"].endswith(" %")


def test_each_view_says_where_a_mark_stands_by_its_own_front():
    rows = noisy({"a": 0.30, "b": 0.40}, seeds=2, a=8, b=14)
    first, by_gmacs, _ = chart_data(live_of(rows))["views"]
    assert first["status"] == "status" and by_gmacs["status"] == "status by mIoU and GMACs"
    words = [[point["words"] for point in view["points"]] for view in (first, by_gmacs)]
    assert words[0][0].startswith("on the front") and words[1][0].startswith("dominated by b")
    for view in (first, by_gmacs):
        for point in view["points"]:
            assert ("on the front" in point["words"]) == point["kind"].startswith("front")


def test_names_beside_marks_are_brief_and_differ_where_the_candidates_do():
    names = [f"{'x' * 100}{i}{'y' * 100}" for i in range(3)]
    rows = [row(name, 0, 0.3 + i / 99, **timed(5 + i)) for i, name in enumerate(names)]
    data = chart_data(live_of(rows))
    labels = [point["label"] for point in data["views"][0]["points"]]
    for shown in (labels, [each["brief"] for each in data["candidates"]]):
        assert len(set(shown)) == 3 and max(map(len, shown)) <= 40


def test_filters_are_what_the_study_varied_unless_they_are_too_many():
    rows = [row(f"c{i}", 0, 0.3 + i / 100, **timed(5 + i)) for i in range(14)]
    live = live_of(rows, parts=["sum", "bga"] * 7)
    assert live.filters == (("fusion", ("sum", "bga")),), "and not the fourteen names"
    assert live.details["c3"].values == ("bga",)


def test_a_crowd_is_points_and_all_on_some_front_can_be_told(monkeypatch):
    monkeypatch.setattr("reports.verdict.MOST_LISTED", 5)
    monkeypatch.setattr("reports.live_chart.MOST_POINTS", 10)
    rows = [row(f"c{i}", 0, 0.3 + i / 100, **timed(100 - i)) for i in range(24)]
    rows.append(row("small", 0, 0.2, gmacs=0.01, **timed(200)))
    live = live_of(rows, baseline="c0")
    first, by_gmacs, _ = chart_data(live)["views"]
    names = [list(live.details)[point["candidate"]] for point in by_gmacs["points"]]
    assert len(first["points"]) == len(names) == 5
    assert "small" in names, "although the table leaves it out"
    assert dict(live.details["small"].figures)["GMACs"] == "0.010"
    assert len(first["crowd"]) == 10 and "One point in 2 is drawn here." in first["remarks"]
    assert len(json.dumps(first["crowd"])) < 200


def test_where_nothing_can_be_drawn_nothing_is_run(tmp_path):
    rows = [failed("a"), failed("b")]
    text = reports.write(study_of(rows), rows, tmp_path).page.read_text()
    assert "<script" not in text and "script-src &#39;none&#39;" in text
    assert len(text) < 200_000


def test_a_long_curve_is_thinned_to_what_a_small_drawing_shows_and_keeps_its_end():
    history = [[step, 2.0 - step / 1e4, 0.1] for step in range(10_000)]
    study = study_of([row("a", history=history)])
    (panel,) = curves(judge(study, frame(study, [row("a", history=history)]))).panels
    points = panel.curves[0].points
    assert len(points) <= MOST_POINTS + 1
    assert points[-1][0] == 1.0 and panel.curves[0].last == pytest.approx(1.0001)


def test_a_section_may_be_pictures_and_no_table():
    one = Section(
        name="sheet", title="Sheet", pictures=(Picture(data=PNG, alt="a street"),), caption=("Why",)
    )
    assert one.pictures[0].uri == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert one.markdown == "Why\n"


def test_figures_of_every_kind_have_a_heading_for_the_axes():
    assert all(column.heading for column in FIGURES.values())
