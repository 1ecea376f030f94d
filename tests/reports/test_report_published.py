"""What papers printed stands beside the measured figures, and no judgement rests on it."""

from dataclasses import replace

import pytest
from made_up import noisy, rejected, row, study_of, timed
from pages import rest_of

import reports
from harness.keys import plain
from harness.papers import Published
from reports.columns import MISSING
from reports.pareto_chart import pareto_chart
from reports.pareto_drawing import draw_pareto
from reports.pareto_published import Overlay
from reports.published import figure_of, published, published_table
from reports.rows import frame
from reports.verdict import judge

ATTACK = "<script>alert(1)</script>"
PARTS = {"source": "V2, Table 2", "dataset": "Cityscapes val", "counted_at": (512, 1024)}
SPEED = {"source": "V2, Table 7", "dataset": "Cityscapes val", "size": (1024, 2048)}
MEASURED = noisy({"sum": 0.50, "bga": 0.60}, seeds=3, sum=8, bga=12)


def timed_row(label="V2", miou=0.70, fps=100.0, device="GTX 1080 Ti", **more):
    return Published(
        label=label, figures={"miou": miou, "fps": fps}, **{**SPEED, "device": device, **more}
    )


def counted(label="V2", miou=0.55, gmacs=0.07, **more):
    return Published(label=label, figures={"miou": miou, "gmacs": gmacs}, **{**PARTS, **more})


def chart_of(*printed, rows=MEASURED, **fields):
    study = study_of(rows, **fields)
    return pareto_chart(judge(study, frame(study, rows)), printed)


def drawn(*printed, **given):
    return [each.label for each in chart_of(*printed, **given).published.marks]


def written(folder, *printed, rows=MEASURED, **fields):
    records = [{k: v for k, v in plain(each).items() if k != "architecture"} for each in printed]
    return reports.write(study_of(rows, published=records, **fields), rows, folder)


def test_a_published_point_is_in_the_units_of_the_axes_and_its_speed_is_a_latency():
    (mark,) = chart_of(timed_row()).published.marks
    assert (mark.label, mark.x, mark.y) == ("V2", 10, pytest.approx(70))


@pytest.mark.parametrize(
    ("figures", "key", "value"),
    [
        ({"latency_ms": 4, "fps": 285.2}, "latency_ms", 4),
        ({"fps": 250}, "latency_ms", 4),
        ({"fps": 0}, "latency_ms", None),
        ({"gmacs": 3.8}, "gmacs", 3.8),
        ({"gmacs": float("nan")}, "gmacs", None),
        ({"weights_mib": 4}, "params", None),
    ],
)
def test_a_printed_figure_is_taken_as_it_is(figures, key, value):
    assert figure_of(Published(label="a", source="b", dataset="", figures=figures), key) == value


@pytest.mark.parametrize(("x", "y"), [("gmacs", "miou"), ("params", "pixel_accuracy")])
def test_any_axis_of_the_chart_that_papers_print_will_do(x, y):
    objectives = {y: "max", x: "min"}
    rows = [row("a"), row("b", 0, 0.6, gmacs=0.09, params=900_000)]
    figures = {"gmacs": 0.07, "params": 7e5, "miou": 0.5, "pixel_accuracy": 0.8}
    (mark,) = chart_of(
        replace(counted(), figures=figures), rows=rows, objectives=objectives
    ).published.marks
    assert mark.x == pytest.approx({"gmacs": 0.07, "params": 0.7}[x])
    assert mark.y == pytest.approx({"miou": 50, "pixel_accuracy": 80}[y])


def test_everything_that_is_measured_or_judged_stays_as_it_was(tmp_path):
    printed = [timed_row("better in all", 0.65, 150), timed_row("worse in all", 0.45, 70)]
    before, after = chart_of(), chart_of(*printed)
    assert len(after.published.marks) == 2
    assert replace(after, published=Overlay(), remarks=before.remarks) == before
    bare, beside = written(tmp_path / "1"), written(tmp_path / "2", *printed)
    assert beside.answer == bare.answer
    for name in ("table.md", "table.csv", "trials.csv", "iou.svg"):
        assert beside.files[name].read_bytes() == bare.files[name].read_bytes(), name


def test_a_study_stored_before_there_were_published_rows_has_none(tmp_path):
    study = study_of(MEASURED)
    assert "published" not in study
    assert published(study) == ()
    old = reports.write(study, MEASURED, tmp_path / "1")
    for name, file in written(tmp_path / "2").files.items():
        assert old.files[name].read_bytes() == file.read_bytes(), name


def test_what_lies_far_off_is_left_out_by_name():
    near, slow = timed_row("near"), timed_row("slow", fps=1)
    chart = chart_of(near, slow, timed_row("hopeless", miou=0.99))
    assert [each.label for each in chart.published.marks] == ["near"]
    assert chart.caption.endswith(
        "Published, but too far from the measured figures to be drawn: "
        "slow and hopeless (V2, Table 7)."
    )


def test_the_measured_points_keep_half_of_an_axis_against_points_on_one_side():
    rows = [row("a", 0, 0.5, **timed(8)), row("b", 0, 0.6, **timed(12))]
    assert drawn(timed_row(miou=0.699), timed_row(miou=0.401), rows=rows) == ["V2", "V2"]
    assert drawn(timed_row(miou=0.701), timed_row(miou=0.399), rows=rows) == []


def test_on_a_logarithmic_axis_nearness_is_a_ratio():
    rows = [row("a", 0, 0.5, **timed(1)), row("b", 0, 0.6, **timed(100))]
    chart = chart_of(timed_row("far", fps=0.05), timed_row("near", fps=0.2), rows=rows)
    assert chart.log
    assert [each.x for each in chart.published.marks] == [pytest.approx(5000)]


def test_published_points_do_not_make_an_axis_logarithmic():
    rows = [row("a", 0, 0.5, **timed(1)), row("b", 0, 0.6, **timed(20))]
    chart = chart_of(timed_row(fps=26), rows=rows)
    assert chart.published.marks[0].x > 30
    assert not chart.log


def test_one_candidate_alone_leaves_room_for_what_is_within_half_of_it():
    assert drawn(timed_row(fps=80), timed_row(fps=60), rows=[row("a", 0, 0.6)]) == ["V2"]


def test_beside_nothing_measured_nothing_is_drawn():
    chart = chart_of(timed_row(), rows=[rejected("a", gmacs=None, params=None)])
    assert chart.published == Overlay()


def test_a_row_without_one_of_the_figures_is_named_in_the_caption():
    others = [counted(f"c{i}") for i in range(5)]
    chart = chart_of(timed_row(), *others)
    assert "two figures: c0, c1, c2 and 2 others." in chart.caption


def test_caption_and_head_say_from_where_and_that_it_is_not_comparable():
    chart = chart_of(timed_row("a"), timed_row("b"), timed_row("c", device=None, size=None))
    where = "V2, Table 7, Cityscapes val, input 1024x2048, GTX 1080 Ti"
    assert "Hollow squares are published figures, taken in another way and not" in chart.caption
    assert f"a and b ({where}); c (V2, Table 7, Cityscapes val, device not said)." in chart.caption
    assert chart.published.subtitle == (
        "published (not comparable): V2, Table 7; Cityscapes val; input 1024x2048; "
        "GTX 1080 Ti, device not said"
    )


def test_multiply_adds_say_at_which_size_they_were_counted():
    rows = [row("a"), row("b", 0, 0.6, gmacs=0.09)]
    chart = chart_of(counted(), rows=rows, objectives={"miou": "max", "gmacs": "min"})
    assert chart.published.subtitle.endswith("Table 2; Cityscapes val; counted at 512x1024")


def test_one_label_of_several_points_says_what_tells_them_apart():
    test = timed_row("V1", miou=0.69, dataset="Cityscapes test")
    labels = drawn(timed_row(), timed_row("V1"), test, timed_row("V1", device="Titan X"))
    assert labels[0] == "V2"
    assert labels[1:] == [
        "V1, Cityscapes val, GTX 1080 Ti",
        "V1, Cityscapes test, GTX 1080 Ti",
        "V1, Cityscapes val, Titan X",
    ]


@pytest.mark.parametrize(
    "printed",
    [
        [timed_row()],
        [timed_row(fps=1)],
        [timed_row("n" * 200 + " $\\x$ 日本", source="s" * 200)],
        [timed_row(f"c{i}", 0.5 + i / 200, 80 + i) for i in range(40)],
        [timed_row("same")] * 3,
    ],
    ids=["close", "far", "odd names", "crowd", "equal points"],
)
def test_every_record_can_be_drawn(printed):
    chart = chart_of(*printed)
    drawing = draw_pareto(chart)
    assert drawing.png.startswith(b"\x89PNG")
    # A point is a use of the marker in its colour; the head and the key have it too.
    assert ("#875f86" in drawing.svg) == bool(chart.published.marks)
    assert draw_pareto(chart).svg == drawing.svg


def test_the_chart_is_drawn_higher_for_what_it_says_of_papers():
    assert tall(chart_of(timed_row())) > tall(chart_of(timed_row(fps=1))) == tall(chart_of())


def test_a_key_of_all_kinds_takes_two_lines():
    means = {"a": 0.3, "b": 0.5, "c": 0.502, "d": 0.2, "e": 0.499}
    rows = noisy(means, seeds=3, sd=0.003, a=5, b=8, c=9, d=9, e=9.5)
    chart = chart_of(rows=[*rows, rejected("heavy", **timed(14))], baseline="a")
    assert len({mark.kind for mark in chart.marks}) == 5
    assert tall(chart) > tall(chart_of())


def tall(chart):
    """The height of a chart's drawing in points."""
    return float(draw_pareto(chart).svg.split('height="')[1].split("pt")[0])


def test_a_logarithmic_axis_has_plain_numbers():
    rows = [row("a", 0, 0.5, **timed(1)), row("b", 0, 0.6, **timed(100))]
    assert "mathdefault" not in draw_pareto(chart_of(rows=rows)).svg


def test_the_table_has_figures_as_printed_and_how_they_were_taken():
    rows = (
        counted("a", 0.6967, 21.15, protocol="one scale"),
        counted("b", 0.69, 0.1855, protocol="one scale"),
        timed_row("c", 0.734, 156, protocol="one scale", note="not ours."),
        timed_row("d", fps=1.2, device=None),
        replace(timed_row("e"), figures={"latency_ms": 4, "fps": 285.2, "params": 29.5e6}),
    )
    table = published_table(rows)
    assert table.headings[:5] == ("published", "source", "data set", "input (HxW)", "device")
    assert table.headings[5:] == (
        "mIoU (%)", "latency (ms) [FPS]", "GMACs [counted at]", "params (M)",
    )  # fmt: skip
    assert [line[5:] for line in table.lines] == [
        ("69.67", MISSING, "21.15 [512x1024]", MISSING),
        ("69", MISSING, "0.1855 [512x1024]", MISSING),
        ("73.4", "6.41 [156]", MISSING, MISSING),
        ("70", "833 [1.2]", MISSING, MISSING),
        (MISSING, "4 [285.2]", MISSING, "29.5"),
    ]
    assert [line[3:5] for line in table.lines[2:4]] == [
        ("1024x2048", "GTX 1080 Ti"),
        ("1024x2048", MISSING),
    ]
    assert table.notes == (
        "V2, Table 2; c (V2, Table 7): one scale.",
        "c (V2, Table 7): not ours.",
    )


def test_the_page_has_a_section_where_there_are_published_rows(tmp_path):
    assert "Published figures" not in written(tmp_path / "1").page.read_text()
    far = counted("too far to draw", gmacs=21.15, protocol="one scale")
    page = written(tmp_path / "2", timed_row(), far).page.read_text()
    section = page[page.index(">Published figures</h2>") : page.index(">Classes</h2>")]
    for words in ("not comparable", "too far to draw", "21.15 [512x1024]", "GTX 1080 Ti"):
        assert words in section
    assert "V2, Table 2: one scale." in section


def test_published_text_is_never_markup_and_follows_the_page_into_the_dark(tmp_path):
    printed = timed_row(ATTACK, source=ATTACK, dataset=ATTACK, device=ATTACK, note=ATTACK)
    page = written(tmp_path, printed).page.read_text()
    rest = rest_of(page)
    assert "<script" not in rest
    assert rest.count("&lt;script&gt;alert(1)") >= 9
    body = rest[rest.index("</style>") :]
    assert "var(--plum)" in body
    assert "#875f86" not in body
