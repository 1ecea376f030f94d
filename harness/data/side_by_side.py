"""Images, labels and what networks say of them side by side, and where these differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from harness.data.dataset import IGNORE, LabelMap, Pixels
from harness.data.overlay import (
    IGNORED,
    MARGIN,
    Colour,
    class_entries,
    laid_over,
    legend,
    stacked,
    write,
)

WIDTH = 480
"""Pixels across one picture: five of them are 300 dots an inch over the width of a page."""

LETTERS = 66
"""The part of the sheet's width that is the height of a letter: 7.5 points on a page 7 in wide."""

# Blue and orange are told apart by every eye, and in grey.
BLUE, ORANGE, PLUM = (11, 111, 184), (240, 130, 20), (135, 95, 134)
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One image (H, W, 3), its labels (h, w), and what each network says of each label.

    ``number`` is that of the image in its split.
    """

    number: int
    image: Pixels
    labels: Pixels
    predicted: tuple[Pixels, ...]

    @property
    def differ(self) -> float:
        """The share of labelled pixels on which they differ; of one network, where it is wrong."""
        return _share(_apart(self), self.labels != IGNORE)

    def right(self, place: int) -> float:
        """The share of labelled pixels that one of the networks has right."""
        return _share(self.predicted[place] == self.labels, self.labels != IGNORE)


def _share(found: Mask, seen: Mask) -> float:
    return float(found[seen].mean()) if seen.any() else 0.0


def _apart(picture: Picture) -> Mask:
    """Where not all networks say the same; where one alone is wrong."""
    first, *others = picture.predicted
    if not others:
        return np.asarray(first != picture.labels)
    return np.asarray(np.any([each != first for each in others], axis=0))


def side_by_side(
    pictures: Sequence[Picture], names: Sequence[str], label_map: LabelMap, title: str
) -> Image.Image:
    """A row for each image: the image, its labels, each network's classes, where they differ.

    Labels keep their own proportions, whatever the network was given. Ignored pixels are dark in
    the labels and where networks differ. Below are the colours of the classes that are seen.
    """
    headings = ["image", "ground truth", *names, "where they differ" if names[1:] else "mistakes"]
    across = len(headings) * (WIDTH + MARGIN) + MARGIN
    size = across // LETTERS
    rows = [_words([title], across, size), _words(headings, across, size)]
    for each in pictures:
        right = [f"{100 * each.right(place):.1f} % right" for place in range(len(names))]
        said = f"{100 * each.differ:.1f} % of pixels"
        rows += [_pictures(each, label_map, across)]
        rows += [_words([f"number {each.number}", "", *right, said], across, size)]
    seen = {n for each in pictures for n in np.unique((each.labels, *each.predicted)).tolist()}
    entries = class_entries(label_map, seen - {IGNORE})
    columns = max(2, across // (14 * size))
    rows += [legend([*entries, IGNORED], across, columns=columns, size=size)]
    return stacked([*rows, _key(names, across, size)])


def _key(names: Sequence[str], across: int, size: int) -> Image.Image:
    """What the colours of differences mean: side by side, or below each other for long names."""
    entries, margins = _meanings(names), 3 * size
    font = ImageFont.load_default(size)
    longest = max(font.getlength(text) for _, text in entries)
    columns = 3 if longest <= across // 3 - margins else 1
    fitting = [(tint, _cut(text, across // columns - margins, size)) for tint, text in entries]
    return legend(fitting, across, columns=columns, size=size)


def _words(texts: Sequence[str], across: int, size: int) -> Image.Image:
    """A line of text, each at the left of its picture and no wider than that; one has it all."""
    line = Image.new("RGB", (across, round(1.5 * size)), "white")
    most = WIDTH if len(texts) > 1 else across - 2 * MARGIN
    for place, text in enumerate(texts):
        write(line, (MARGIN + place * (WIDTH + MARGIN), 2), _cut(text, most, size), size)
    return line


def _cut(text: str, most: int, size: int) -> str:
    """As much of a text as so many pixels hold; its end stays, where names often differ."""
    font, kept = ImageFont.load_default(size), len(text)
    while kept and font.getlength(_cut_at(text, kept)) > most:
        kept -= 1
    return _cut_at(text, kept)


def _cut_at(text: str, kept: int) -> str:
    tail = kept // 3
    return text if kept == len(text) else f"{text[: kept - tail]}...{text[len(text) - tail :]}"


def _pictures(picture: Picture, label_map: LabelMap, across: int) -> Image.Image:
    high, wide = picture.labels.shape
    height = round(WIDTH * high / wide)
    image = np.asarray(Image.fromarray(picture.image).resize((wide, high)))
    tiles = [
        image,
        *(laid_over(image, each, label_map) for each in (picture.labels, *picture.predicted)),
        differences(image, picture),
    ]
    row = Image.new("RGB", (across, height), "white")
    for place, tile in enumerate(tiles):
        small = Image.fromarray(tile).resize((WIDTH, height), Image.Resampling.BOX)
        row.paste(small, (MARGIN + place * (WIDTH + MARGIN), 0))
    return row


def differences(image: Pixels, picture: Picture) -> Pixels:
    """The image in pale grey, coloured where networks differ; ``_meanings`` says by what.

    ``image`` (h, w, 3) has the size of the labels.
    """
    apart, seen = _apart(picture), picture.labels != IGNORE
    right = [each == picture.labels for each in picture.predicted]
    drawn = np.repeat(150 + 0.4 * image.mean(axis=2, keepdims=True), 3, axis=2)
    drawn[apart] = PLUM if right[1:] else ORANGE
    if right[1:]:
        drawn[apart & right[0]] = BLUE
        drawn[apart & ~right[0] & np.any(right[1:], axis=0)] = ORANGE
    drawn[~seen] = 0.2 * image[~seen]
    return drawn.astype(np.uint8)


def _meanings(names: Sequence[str]) -> list[tuple[Colour, str]]:
    first, *others = names
    if not others:
        return [(ORANGE, f"{first} is wrong")]
    other = others[0] if len(others) == 1 else "another"
    return [
        (BLUE, f"{first} is right, {other} is not"),
        (ORANGE, f"{other} is right, {first} is not"),
        (PLUM, "all are wrong, and differ"),
    ]
