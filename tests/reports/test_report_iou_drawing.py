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
from reports.iou_map import IouMap
from reports.numbers_drawing import Number, Numbers
from reports.style import DOTS_PER_INCH, MUTED, Drawing, house, new_figure

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
