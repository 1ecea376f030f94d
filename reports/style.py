"""The house style of all charts: size and type for a paper's column, colours safe for all eyes."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from reports.shortening import shortened_apart

if TYPE_CHECKING:  # matplotlib takes half a second to come, and only drawing needs it
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

INK = "#1b1e22"
MUTED = "#6a7178"
FAINT = "#c9ced3"
GRID = "#e6e8eb"
PAPER = "#fefefe"
BLUE = "#0b6fb8"
ORANGE = "#cf5a00"
PLUM = "#875f86"
ROLES = {
    "ink": INK,
    "muted": MUTED,
    "faint": FAINT,
    "grid": GRID,
    "paper": PAPER,
    "blue": BLUE,
    "orange": ORANGE,
    "plum": PLUM,
}
"""Colours by role; a page may give each another value, for dark paper."""

COLUMN_INCHES = 3.3
SMALL, NORMAL = 7.0, 7.6
"""Points; no letter of a chart is smaller than 7, the least that papers and their printers take."""

DOTS_PER_INCH = 300

LINE_INCHES = 1.4 * SMALL / 72
LINE_LETTERS = 62
"""How high a line of small letters is, and how many of them are as long as a column is wide."""

LEAST_WIDTH = 0.4
"""Of the letters of a text on average, in parts of their size."""

MARK_LETTERS = 6.5
"""What an entry of a key takes beside its own letters."""

KEY_WIDTH, CUT_TAIL = 0.95, 12
"""The part of the paper's width that a key of numbers has, and the letters kept of a name's end."""

MOST_CUTS = 5
"""How often texts are cut until all fit: letters that are left may be wider than those cut."""

FIGURE_SPACE = "\N{FIGURE SPACE}"
"""As wide as a figure, so that numbers stand below each other."""

MOST_NUMBERED = 400.0
"""The ratio of its ends up to which a logarithmic axis has numbers at 2 and 5 as well."""


_STYLE: Any = {
    # The one font that comes with matplotlib, so that a chart is the same on every machine.
    "font.family": "DejaVu Sans",
    "font.size": NORMAL,
    "axes.labelsize": NORMAL,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,  # by which matplotlib's PDFs, too, have a dash and letters in one font
    "svg.hashsalt": "twopath",
}


@contextmanager
def house() -> Iterator[None]:
    """Draws in the house style, whatever the user's own matplotlib settings are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script the font lacks is drawn as boxes; the tables have it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def logarithmic(axes: Axes, side: Literal["x", "y"]) -> None:
    """Makes an axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    (axes.set_xscale if side == "x" else axes.set_yscale)("log")
    axis: Axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _log_number(value, axis)))


def _log_number(value: float, axis: Axis) -> str:
    """A number beside a logarithmic axis; over many decades only powers of ten have room."""
    low, high = axis.get_view_interval()
    wide = high / low > MOST_NUMBERED
    return "" if wide and not f"{value:e}".startswith("1.0") else f"{value:g}"


def names_of_rows(axes: Axes, names: Sequence[str], *, pad: float, at: float) -> list[Text]:
    """Writes names beside axes, ``pad`` points to their left, the first at height ``at``.

    An axis would measure them, as its labels, twice more whenever it is drawn.
    """
    place, upright, side = axes.get_yaxis_text1_transform(pad)
    look: Any = {"transform": place, "va": upright, "ha": side, "fontsize": SMALL}
    return [axes.text(0, row + at, name, **look) for row, name in enumerate(names)]


def wrapped(text: str) -> list[str]:
    """A text in lines of small letters that are no longer than a column is wide."""
    return wrap(text, LINE_LETTERS, subsequent_indent="  ")


def key_rows(labels: Sequence[str]) -> int:
    """In how many lines the columns of a key, filled one by one, are no wider than a column."""
    letters = [len(each) + MARK_LETTERS for each in labels]
    for rows in range(1, len(letters)):
        columns = [letters[start : start + rows] for start in range(0, len(letters), rows)]
        if sum(map(max, columns)) <= LINE_LETTERS:
            return rows
    return max(len(letters), 1)


def in_columns(figure: Figure, names: Sequence[str]) -> list[list[str]]:
    """Names behind their numbers from 1 on, in as many columns as the paper has room for.

    A longer name than one column has room for is cut before its end.
    """
    digits, room = len(str(len(names))), KEY_WIDTH * figure.bbox.width
    numbers = [f"{str(each + 1).rjust(digits, FIGURE_SPACE)}  " for each in range(len(names))]
    beside = max(widths(figure, numbers), default=0.0)
    named = fitted(figure, names, room - beside, tail=CUT_TAIL)
    fitting = [f"{number}{name}" for number, name in zip(numbers, named, strict=True)]
    wide = widths(figure, [f"{line}    " for line in fitting])
    columns = max(1, int(room / max(wide, default=room)))
    rows = -(-len(fitting) // columns)
    return [fitting[start : start + rows] for start in range(0, len(fitting), rows or 1)]


def fitted(figure: Figure, texts: Sequence[str], room: float, *, tail: int) -> list[str]:
    """Texts in small letters, cut before their last ``tail`` ones where they are wider than room.

    ``room`` is in pixels. Those that differ stay different.
    """
    # To measure letters takes long, and so many never fit.
    least = LEAST_WIDTH * SMALL * figure.dpi / 72
    longest = [max(int(room / least), 2 * tail)] * len(texts)
    for _ in range(MOST_CUTS):
        cut = shortened_apart(texts, longest, tail)
        wide = widths(figure, cut)
        if all(each <= room for each in wide):
            break
        longest = [
            int(len(text) * room / each) if each > room else most
            for text, each, most in zip(cut, wide, longest, strict=True)
        ]
    return cut


def widths(figure: Figure, texts: Sequence[str]) -> list[float]:
    """How wide small letters are, in pixels."""
    drawn = [figure.text(0, 0, each, fontsize=SMALL) for each in texts]
    found = [each.get_window_extent().width for each in drawn]
    for each in drawn:
        each.remove()
    return found


def new_figure(width: float, height: float) -> Figure:
    """A figure of some inches that belongs to nobody but its maker."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """One chart as PNG (300 dpi), SVG and PDF; the same record gives the same bytes.

    Each is made when it is first asked for, since that takes longer than all else of a report.
    Letters are outlines in the SVG, the same in every viewer, and Type 42 fonts in the PDF, as
    publishers ask for.
    """

    figure: Figure

    @cached_property
    def png(self) -> bytes:
        """The chart in dots."""
        with house():
            return _png(self.figure)

    @cached_property
    def svg(self) -> str:
        """The chart for pages."""
        return _saved(self.figure, "svg", {"Date": None, "Creator": None}).decode()

    @cached_property
    def pdf(self) -> bytes:
        """The chart for papers."""
        with _fonts_without_rules():
            return _saved(self.figure, "pdf", {"CreationDate": None, "Creator": None})


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A chart in the kinds that were asked for, without the figure it was made of."""

    png: bytes = b""
    svg: str = ""
    pdf: bytes = b""


def load(kinds: Collection[str]) -> None:
    """Imports what writes drawings of some kinds, before copies of this process would each."""
    from matplotlib.backend_bases import get_registered_canvas_class

    with house():  # which imports the styles that come with matplotlib
        for each in kinds:
            get_registered_canvas_class(each)


def drawn_as(drawing: Drawing, kinds: Collection[str]) -> Drawn:
    """A drawing in some kinds."""
    return Drawn(**{kind: getattr(drawing, kind) for kind in kinds})


def _saved(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    made = io.BytesIO()
    with house():
        figure.savefig(made, format=kind, metadata=metadata)
    return made.getvalue()


def _png(figure: Figure) -> bytes:
    """The figure in dots, without the transparency that none of them has.

    So it takes half as long to pack, in no more bytes, as what matplotlib writes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    as_measured, figure.dpi = figure.dpi, DOTS_PER_INCH
    dots, size = canvas.print_to_buffer()
    figure.dpi = as_measured
    made, resolution = io.BytesIO(), (DOTS_PER_INCH, DOTS_PER_INCH)
    image = Image.frombuffer("RGBA", size, dots).convert("RGB")
    image.save(made, "png", compress_level=3, dpi=resolution)
    return made.getvalue()


RULES = ("GDEF", "GPOS", "GSUB", "MATH")
"""The tables of a font that tell how letters are put together."""


@contextmanager
def _fonts_without_rules() -> Iterator[None]:
    """Leaves out of the fonts in a PDF what no reader of it uses: its letters have their places.

    To cut such rules down to the letters of a chart takes as long as to draw a small one.
    """
    from fontTools.subset import Options

    all_of_them = getattr(Options, "_drop_tables_default", [])
    Options._drop_tables_default = [*all_of_them, *RULES]
    try:
        yield
    finally:
        Options._drop_tables_default = all_of_them


def inline(svg: str, name: str, title: str) -> str:
    """An SVG made ready to stand in a page: its own ids, no links, colours by role.

    ``name`` keeps its ids apart from those of the page's other drawings. The page sets the size;
    it finds the drawn width as ``--inches``.
    """
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    head, rest = text.split(">", 1)
    points = re.search(r'\swidth="([\d.]+)pt"', head)
    assert points, "matplotlib gives the width in points"
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    size = f"--inches: {float(points[1]) / 72:.2f}"
    text = f'{head} style="{size}" role="img" aria-label="{title}">{rest}'
    for role, colour in ROLES.items():
        text = text.replace(colour, f"var(--{role})")
    return text
