"""The map of classes as it is drawn: a number in each cell, in every kind of file."""

import io
import re
import zlib
from collections import Counter

import numpy as np
import pytest
from fontTools.subset import Options
from PIL import Image

from reports.columns import MISSING
from reports.iou_drawing import draw_iou
from reports.iou_map import IouMap, best_of, blocks_of
from reports.numbers_drawing import Number, Numbers
from reports.style import COLUMN_INCHES, DOTS_PER_INCH, MUTED, Drawing, house, new_figure

BLACK, WHITE = "#000000", "#ffffff"
RECORD = IouMap(
    candidates=("bga", "sum", "ffm"),
    classes=("road", "sky", "pole"),
    values=((100.0, 87.46, None), (9.96, 0.0, None), (50.0, 61.2, None)),
    absent=("pole",),
)
NUMBERS = {"100.0": WHITE, "87.5": WHITE, "10.0": BLACK, "0.0": BLACK, "50.0": BLACK, "61.2": BLACK}


def unpacked(pdf):
    """All packed streams of a PDF: what it draws, its fonts, and which letters these hold."""
    packed = re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", pdf, flags=re.DOTALL)
    return b"".join(map(zlib.decompress, packed))


def texts_of(pdf):
    shown = re.findall(rb"(\[[^]]*\]|\([^)]*\))\s*T[jJ]", unpacked(pdf))
    return [b"".join(re.findall(rb"\0(.)", each)).decode("latin-1") for each in shown]


def test_a_pdf_has_the_numbers_as_text_in_reading_order():
    pdf = draw_iou(RECORD).pdf
    texts = texts_of(pdf)
    assert [each for each in texts if each[:1].isdigit()] == list(NUMBERS)
    assert f"<{ord(MISSING):04x}>".encode() in unpacked(pdf)
    assert b"/CIDFontType2" in pdf and b"/Type3" not in pdf


def test_an_svg_has_each_letter_of_each_number_in_its_colour():
    svg = draw_iou(RECORD).svg
    stamped = re.findall(
        r'<use xlink:href="#(m\w+)" x="\S+" y="\S+"(?: style="fill: (\S+)")?/>', svg
    )
    letters = Counter((each, ink) for text, ink in NUMBERS.items() for each in text)
    letters[MISSING, MUTED] = 3
    found = Counter((outline, colour or BLACK) for outline, colour in stamped)
    assert sorted((n, ink) for (_, ink), n in found.items()) == sorted(
        (n, ink) for (_, ink), n in letters.items()
    )


def test_the_same_map_gives_the_same_bytes_in_whatever_order():
    first, second = draw_iou(RECORD), draw_iou(RECORD)
    made = {kind: getattr(first, kind) for kind in ("png", "svg", "pdf")}
    assert made == {kind: getattr(second, kind) for kind in ("pdf", "svg", "png")}


@pytest.mark.parametrize("values", [(), ((), ())], ids=["no candidate", "no class"])
def test_a_map_of_nothing_can_be_drawn(values):
    names = tuple("ab"[: len(values)])
    drawing = draw_iou(IouMap(candidates=names, classes=(), values=values, absent=()))
    assert drawing.png and drawing.svg and drawing.pdf


@pytest.mark.parametrize("text", ["8", "88", "8.8", "888.8"])
def test_a_number_stands_upright_with_its_middle_at_its_place(text):
    with house():
        figure = new_figure(1.0, 1.0)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.add_artist(Numbers([Number(text=text, colour=BLACK, at=(0.5, 0.4))]))
    dots = np.asarray(Image.open(io.BytesIO(Drawing(figure=figure).png)).convert("L"))
    rows, columns = np.nonzero(dots < 128)
    assert dots.shape == (DOTS_PER_INCH, DOTS_PER_INCH)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(0.5 * DOTS_PER_INCH, abs=1.5)
    assert rows.max() + 1 == pytest.approx(0.6 * DOTS_PER_INCH, abs=1.5)
    assert np.ptp(rows) == pytest.approx(0.73 * 7 / 72 * DOTS_PER_INCH, abs=1.5)


def test_fonts_in_a_pdf_hold_letters_and_no_rules_to_join_them():
    before = list(Options().drop_tables)
    fonts = unpacked(draw_iou(RECORD).pdf)
    assert b"glyf" in fonts and b"GSUB" not in fonts and b"GPOS" not in fonts
    assert Options().drop_tables == before, "others who cut fonts in this process keep theirs"


def test_a_png_has_no_transparency_and_says_its_resolution():
    image = Image.open(io.BytesIO(draw_iou(RECORD).png))
    assert image.mode == "RGB"
    assert image.info == {"dpi": pytest.approx((DOTS_PER_INCH, DOTS_PER_INCH), abs=0.01)}


CITY = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
    "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
    "motorcycle", "bicycle",
)  # fmt: skip
SHORT, LONG = ("sum", "concat"), ("semantic=pyramid(width=32), fusion=bga", "semantic=none")


def map_of(candidates, classes):
    values = tuple(
        tuple(100 * (i + j) % 1000 / 10 for j in range(len(classes)))
        for i in range(len(candidates))
    )
    return IouMap(candidates=candidates, classes=classes, values=values, absent=())


def drawn(candidates, classes):
    """The texts of a map with their boxes, and its numbers with their places, in pixels."""
    figure = draw_iou(map_of(candidates, classes)).figure
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = [(each.get_text(), each.get_window_extent()) for each in axes.texts]
    (numbers,) = [each for each in axes.artists if isinstance(each, Numbers)]
    places = axes.transData.transform([each.at for each in numbers.numbers])
    return figure, texts, [(n.text, *at) for n, at in zip(numbers.numbers, places, strict=True)]


@pytest.mark.parametrize("candidates", [SHORT, LONG], ids=["short names", "long names"])
@pytest.mark.parametrize("number", [1, 11, 19, 45])
def test_a_map_is_as_wide_as_a_column_with_room_for_every_letter(candidates, number):
    classes = tuple(f"{CITY[i % 19]}{i // 19 or ''}" for i in range(number))
    figure, texts, numbers = drawn(candidates, classes)
    assert figure.get_figwidth() == COLUMN_INCHES
    assert len(numbers) == 2 * number
    inside = figure.bbox.padded(1)
    boxes = [box for _, box in texts]
    assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)
    shrunk = [box.padded(-1) for box in boxes]
    assert not any(a.overlaps(b) for i, a in enumerate(shrunk) for b in shrunk[:i])
    assert {name for name, _ in texts} == {*candidates, *classes}
    point = figure.dpi / 72
    for text, x, y in numbers:
        half = 2.3 * point * len(text)
        assert x - half >= 0 and x + half <= figure.bbox.width
        near = [abs(x - other) for _, other, up in numbers if up == y and other != x]
        assert min(near, default=99) >= 15.6 * point, "four figures and a point"


def test_eleven_classes_with_short_names_are_one_block():
    figure, texts, _ = drawn(SHORT, CITY[:11])
    assert [name for name, _ in texts].count("sum") == 1
    assert figure.get_figheight() < 1.5


def test_each_block_of_classes_has_all_candidates_again():
    _, texts, numbers = drawn(SHORT, CITY)
    assert [name for name, _ in texts].count("sum") == 2
    rows = Counter(round(y) for *_, y in numbers)
    assert sorted(rows.values()) == [9, 9, 10, 10]
    assert list(map(len, blocks_of(45, 11))) == [9] * 5
    assert list(map(len, blocks_of(12, 11))) == [6, 6]


def test_a_long_name_stands_above_its_row_in_full():
    _, texts, numbers = drawn(LONG, CITY[:11])
    boxes = dict(texts)
    upper, lower = sorted({round(y) for *_, y in numbers}, reverse=True)
    assert upper < boxes[LONG[0]].y0 and lower < boxes[LONG[1]].y0 < upper


def test_a_map_is_no_higher_than_a_page_and_says_what_it_leaves_out():
    names = tuple(f"{LONG[0]}{i}" for i in range(40))
    figure, texts, numbers = drawn(names, CITY[:11])
    assert figure.get_figheight() <= 9.1
    shown = len(numbers) // 11
    assert texts[-1][0] == f"the {shown} of 40 candidates with the highest mIoU"
    assert 20 < shown < 40


def test_the_best_are_those_of_the_highest_means_in_the_plans_order():
    best = best_of(RECORD, 2)
    assert (best.candidates, best.num_left_out) == (("bga", "ffm"), 1)
    assert best.values == (RECORD.values[0], RECORD.values[2])
