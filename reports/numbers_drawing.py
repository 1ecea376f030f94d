"""Hundreds of numbers on a chart, drawn in a third of the time that as many texts take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D, IdentityTransform

from reports.style import SMALL

XY = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number, and the place on its axes that it stands on with the middle of its foot."""

    text: str
    colour: str
    at: XY


@final
class Numbers(Artist):
    """Numbers in small letters: text in a PDF, to be found and copied, and outlines elsewhere."""

    def __init__(self, numbers: Sequence[Number]) -> None:
        super().__init__()
        self.set_zorder(3)  # that of texts
        self.numbers, self.font = numbers, FontProperties(size=SMALL)
        letters = sorted({letter for each in numbers for letter in each.text})
        self._outlines = {each: TextPath((0, 0), each, prop=self.font) for each in letters}
        # Figures are not kerned: a number is as wide as its letters are together.
        size = text_to_path.get_text_width_height_descent
        self._widths = {each: size(each, self.font, False)[0] for each in letters}

    def draw(self, renderer: RendererBase) -> None:
        """Draws all of them, none with a layout of its own."""
        if not self.numbers:
            return
        assert self.axes and self.figure, "numbers stand on axes"
        point = self.figure.dpi / 72
        feet = self.axes.transData.transform([each.at for each in self.numbers]).tolist()
        starts = [
            (x - point * sum(self._widths[letter] for letter in each.text) / 2, y)
            for each, (x, y) in zip(self.numbers, feet, strict=True)
        ]
        if self.figure.canvas.get_default_filetype() == "pdf":
            self._write(renderer, starts)
        else:
            self._stamp(renderer, starts, point)

    def _write(self, renderer: RendererBase, starts: Sequence[XY]) -> None:
        pen = renderer.new_gc()
        for each, (x, y) in zip(self.numbers, starts, strict=True):
            pen.set_foreground(each.colour)
            renderer.draw_text(pen, x, y, each.text, self.font, 0)
        pen.restore()

    def _stamp(self, renderer: RendererBase, starts: Sequence[XY], point: float) -> None:
        """Each letter in each colour at all its places at once."""
        places: dict[tuple[str, str], list[XY]] = {}
        for each, (x, y) in zip(self.numbers, starts, strict=True):
            for letter in each.text:
                places.setdefault((letter, each.colour), []).append((x, y))
                x += point * self._widths[letter]
        pen, size, here = renderer.new_gc(), Affine2D().scale(point), IdentityTransform()
        pen.set_linewidth(0)
        for (letter, colour), at in places.items():
            outline, ink = self._outlines[letter], to_rgba(colour)
            renderer.draw_markers(pen, outline, size, Path(at), here, ink)
        pen.restore()
