"""The papers' tables are what the papers print, and their names and figures are checked."""

from collections import Counter

import pytest

from harness import papers
from harness.data.camvid import CLASSES
from harness.papers import PRINTED, PaperTable, Published
from studies.papers import bisenetv1, bisenetv2, bisenetv2_results

V1 = tuple(f"bisenetv1:{number}" for number in range(1, 10))
V2 = ("2", "3a", "3b", "3c", "4", "5-width", "5-depth", "6", "7", "8")
TABLES = (*V1, *(f"bisenetv2:{number}" for number in V2))
NUM_ROWS = (2, 8, 6, 4, 18, 12, 19, 5, 4, 7, 5, 4, 6, 8, 5, 4, 5, 40, 20)

SANE = {
    "miou": (0.2, 0.85),
    "pixel_accuracy": (0.5, 0.7),
    "gmacs": (0.1, 300),
    "params": (1e5, 3e7),
    "weights_mib": (1, 50),
    "latency_ms": (3, 640),
    "fps": (0.2, 420),
}


@pytest.fixture
def nothing_known(monkeypatch):
    monkeypatch.setattr(papers, "_known", {})


def rows(names=TABLES):
    return [(name, row) for name in names for row in papers.get(name).rows]


def find(name, label, **where):
    """The one row of a label at a dataset, size or device."""
    same = [
        row
        for _, row in rows([name])
        if row.label == label and all(getattr(row, key) == value for key, value in where.items())
    ]
    assert len(same) == 1
    return same[0]


def test_every_table_is_known_with_every_row():
    assert [name for name in papers.names() if name in TABLES] == list(TABLES)
    assert tuple(len(papers.get(name).rows) for name in TABLES) == NUM_ROWS


def test_every_row_says_where_it_stands():
    for name, row in rows():
        paper, number = name.split(":")
        assert row.source == f"BiSeNet {paper[-2:].upper()}, Table {number.split('-')[0]}"
        assert row.dataset in (
            "Cityscapes val",
            "Cityscapes test",
            "CamVid test",
            "COCO-Stuff val",
            "",
        )
        assert bool(row.dataset) == bool({"miou", "pixel_accuracy"} & {*row.figures} or row.iou)


def test_a_row_is_known_by_its_label_dataset_size_and_device():
    found = Counter((name, row.label, row.dataset, row.size, row.device) for name, row in rows())
    assert found.most_common(1)[0][1] == 1


def test_figures_are_in_their_units():
    assert set(SANE) == set(PRINTED)
    for _, row in rows():
        assert row.figures or row.iou
        for figure, value in row.figures.items():
            low, high = SANE[figure]
            assert low <= value <= high, row
        assert all(0.1 < each < 1 for each in row.iou.values())


def test_sizes_are_height_and_width():
    for _, row in rows():
        for height, width in filter(None, (row.size, row.counted_at)):
            assert height < width or row.dataset == "COCO-Stuff val"
            assert 360 <= height <= 1080


def test_what_is_counted_says_at_which_size():
    for name, row in rows():
        if "gmacs" in row.figures:
            assert row.counted_at == ((360, 640) if name in V1 else (512, 1024))


VAL, TEST = {"dataset": "Cityscapes val"}, {"dataset": "Cityscapes test"}
X39, R18 = "BiSeNetV1 (Xception39)", "BiSeNetV1 (Res18)"


# Typed by hand from the papers, not from the tables above.
@pytest.mark.parametrize(
    ("table", "label", "where", "figures"),
    [
        ("1:1", "FCN-32s (Xception39)", {}, {"gmacs": 0.1855, "weights_mib": 1.2, "miou": 0.6078}),
        ("1:2", "U-shape-4s", {"size": (720, 1280)}, {"latency_ms": 9, "fps": 114}),
        ("1:2", "U-shape-8s", VAL, {"miou": 0.6601}),
        ("1:3", "CP + SP (FFM) + ARM", {}, {"miou": 0.6872}),
        ("1:4", "ENet", {}, {"gmacs": 3.8, "params": 400_000}),
        ("1:4", R18, {}, {"gmacs": 10.8, "weights_mib": 49.0}),
        (
            "1:5",
            R18,
            {"size": (1080, 1920), "device": "Titan XP"},
            {"latency_ms": 29, "fps": 34.4},
        ),
        ("1:5", X39, {"size": (360, 640), "device": "Titan X"}, {"latency_ms": 5, "fps": 203.5}),
        ("1:6", X39, TEST | {"device": "Titan XP"}, {"miou": 0.684, "fps": 105.8}),
        ("1:6", "ICNet (PSPNet50)", VAL, {"miou": 0.677, "fps": 30.3}),
        ("1:7", "BiSeNetV1 (Res101)", TEST, {"miou": 0.789}),
        ("1:7", "RefineNet (Res101)", TEST, {"miou": 0.736}),
        ("1:8", R18, {"size": (720, 960)}, {"miou": 0.687}),
        ("1:9", R18, {}, {"miou": 0.281, "pixel_accuracy": 0.632}),
        ("2:2", "bga + booster + OHEM", VAL, {"miou": 0.7336, "gmacs": 21.15}),
        ("2:3a", "lambda=1/16", {}, {"miou": 0.6827, "gmacs": 19.61}),
        ("2:3b", "no gather layer", {}, {"miou": 0.6662, "gmacs": 15.78}),
        ("2:3c", "expansion=8", {}, {"miou": 0.6899, "gmacs": 22.49}),
        ("2:4", "stages 4, 5_4, 5_5", {}, {"miou": 0.7268}),
        ("2:5-width", "alpha=1.75", {}, {"miou": 0.7404}),
        ("2:5-depth", "d=3", {}, {"miou": 0.7428}),
        ("2:6", "ResNet-18", {}, {"miou": 0.7522}),
        ("2:7", "BiSeNetV2", VAL | {"device": "GTX 1080 Ti"}, {"miou": 0.734, "fps": 156}),
        ("2:7", "DABNet", TEST, {"miou": 0.701, "fps": 27.7}),
        ("2:8", "BiSeNetV2-L*", {"size": (720, 960)}, {"miou": 0.785, "fps": 32.7}),
        ("2:8", "SwiftNet (ResNet18, dagger)", {}, {"miou": 0.6333}),
    ],
)
def test_figures_are_the_printed_ones(table, label, where, figures):
    assert find(f"bisenetv{table}", label, **where).figures == figures


def test_milliseconds_and_fps_of_table_5_agree_within_rounding():
    """All but the one that the table's note names."""
    apart = [
        (row.label, row.size, row.device)
        for row in bisenetv1.SPEED.rows
        if not rounds_to(row.figures["latency_ms"], row.figures["fps"])
    ]
    assert apart == [(X39, (1080, 1920), "Titan XP")]
    assert any("57.3 FPS" in note for note in bisenetv1.SPEED.notes)


def rounds_to(latency_ms, fps):
    """Whether some speed prints as both, in whole milliseconds and with one decimal."""
    slowest, fastest = 1000 / (latency_ms + 0.5), 1000 / (latency_ms - 0.5)
    return slowest - 0.05 <= fps <= fastest + 0.05


def test_milliseconds_of_table_2_are_rounded_up_as_its_note_says():
    timed = [row.figures for row in bisenetv1.U_SHAPE.rows if "fps" in row.figures]
    assert len(timed) == 6
    assert all(0 <= each["latency_ms"] - 1000 / each["fps"] < 1 for each in timed)


@pytest.mark.parametrize("row", bisenetv1.CAMVID.rows[-2:], ids=lambda row: row.label)
def test_the_classes_of_camvid_average_to_the_miou(row):
    assert set(row.iou) == set(CLASSES)
    assert sum(row.iou.values()) / 11 == pytest.approx(row.figures["miou"], abs=0.0005)


@pytest.mark.parametrize(("label", "mean"), [("SegNet", 0.652), ("ENet", 0.683)])
def test_classes_that_average_to_something_else_are_marked(label, mean):
    row = bisenetv1.CAMVID.row(label)
    assert sum(row.iou.values()) / 11 == pytest.approx(mean, abs=0.0005)
    assert "another measure" in row.note


@pytest.mark.parametrize(
    "same",
    [
        [
            (bisenetv2.PARTS, "bga"),
            (bisenetv2.CHANNEL_RATIO, "lambda=1/4"),
            (bisenetv2.BLOCKS, "whole"),
            (bisenetv2.EXPANSION, "expansion=6"),
        ],
        [
            (bisenetv2.PARTS, "detail only"),
            (bisenetv2.CHANNEL_RATIO, "detail only"),
            (bisenetv2.EXPANSION, "detail only"),
        ],
        [
            (bisenetv2.BOOSTER, "stages 2, 3, 4, 5_4 + OHEM"),
            (bisenetv2.WIDTH, "alpha=1"),
            (bisenetv2.DEPTH, "d=1"),
            (bisenetv2.BACKBONES, "BiSeNetV2"),
        ],
        [(bisenetv1.U_SHAPE, "U-shape-8s"), (bisenetv1.COMPONENTS, "CP")],
    ],
    ids=lambda same: same[0][1],
)
def test_a_network_of_several_tables_has_the_same_figures(same):
    first, *others = [
        [row for row in table.rows if row.label == label][-1] for table, label in same
    ]
    assert all(each.figures == first.figures for each in others)


def test_v2_prints_what_v1_did_of_v1():
    for ours, theirs in ((X39, X39), (R18, "BiSeNetV1 (ResNet18)")):
        for split in (VAL, TEST):
            in_v1 = find("bisenetv1:6", ours, **split)
            assert find("bisenetv2:7", theirs, **split).figures == in_v1.figures
        in_v1, in_v2 = bisenetv1.CAMVID.row(ours), bisenetv2_results.CAMVID.row(theirs)
        assert in_v2.figures["miou"] == in_v1.figures["miou"]


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match=r"Here, Table 1, 'it': unknown figure 'mIoU'.*'miou'"):
        Published(label="it", source="Here, Table 1", dataset="", figures={"mIoU": 0.5})


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"miou": 72.6}, r"Here, 'it': miou is a share from 0 to 1, and 72.6 is none"),
        ({"pixel_accuracy": 95}, r"pixel_accuracy is a share from 0 to 1"),
        ({"params": 3.34}, r"params is a number of weights, and 3.34 are too few"),
    ],
)
def test_a_figure_in_another_unit_is_refused(figures, told):
    with pytest.raises(ValueError, match=told):
        Published(label="it", source="Here", dataset="", figures=figures)


def test_a_misspelt_table_or_row_is_answered_with_the_nearest():
    with pytest.raises(KeyError, match=r"Did you mean 'bisenetv2:5-width'\?"):
        papers.get("bisenetv2:5-widht")
    with pytest.raises(KeyError, match=r"unknown row of bisenetv2:2 'bgaa'. Did you mean 'bga'\?"):
        bisenetv2.PARTS.row("bgaa")


def test_a_name_that_is_taken_is_refused(nothing_known):
    table = PaperTable(name="it:1", title="It", rows=())
    assert papers.register(table) is table
    with pytest.raises(ValueError, match="table 'it:1': the name is taken"):
        papers.register(PaperTable(name="it:1", title="Other", rows=()))
    assert papers.names() == ("it:1",)
    assert papers.get("it:1") is table
