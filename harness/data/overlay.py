"""A sheet of images with their masks laid over them, to see at a glance whether they fit."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harness.data.dataset import IGNORE, Dataset, LabelMap, Pixels, Split
from harness.data.frames import check_pair

SPLITS: tuple[Split, Split] = ("train", "val")
GOLDEN = 0.618034
"""Steps around the circle of hues that keep neighbours far apart."""

MARGIN, LINE, TEXT = 8, 18, 13
"""Pixels between pictures, of a line of text and of its letters."""

Colour = tuple[int, int, int]
IGNORED: tuple[Colour, str] = ((30, 30, 30), "ignored")


def sheet(dataset: Dataset, *, rows: int = 5, width: int = 320) -> Image.Image:
    """A row for each of a few images spread over its split: image and overlay, train then val.

    Each picture is ``width`` pixels wide. Ignored pixels are dark; a pair that cannot be read is
    left grey. Below are the colours of the classes that are seen.
    """
    height = round(width * dataset.size[0] / dataset.size[1])
    most = min(rows, max(dataset.count(split) for split in SPLITS))
    seen: set[int] = set()
    across = 4 * width + 5 * MARGIN
    pictures = Image.new("RGB", (across, LINE + most * (height + MARGIN)), "white")
    for column, split in enumerate(SPLITS):
        left = MARGIN + 2 * column * (width + MARGIN)
        write(pictures, (left, 2), f"{split}: {dataset.count(split)} images")
        for row, index in enumerate(_spread(dataset.count(split), most)):
            top = LINE + row * (height + MARGIN)
            for place, pixels in enumerate(_pair(dataset, split, index, seen)):
                picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
                pictures.paste(picture, (left + place * (width + MARGIN), top))
    return stacked([pictures, legend([*class_entries(dataset.label_map, seen), IGNORED], across)])


def _spread(count: int, most: int) -> list[int]:
    number = min(count, most)
    return [position * count // number for position in range(number)]


def _pair(dataset: Dataset, split: Split, index: int, seen: set[int]) -> tuple[Pixels, Pixels]:
    try:
        image, mask = dataset.load(split, index)
        check_pair(dataset, split, image, mask)
    except (ValueError, OSError):  # which the report names
        grey = np.full((*dataset.size, 3), 160, np.uint8)
        return grey, grey
    present = np.unique(mask).tolist()
    seen.update(value for value in present if value < len(dataset.label_map.classes))
    return image, laid_over(image, mask, dataset.label_map)


def laid_over(image: Pixels, mask: Pixels, label_map: LabelMap) -> Pixels:
    """An image (H, W, 3) with the colour of each pixel's class over it; ignored ones are dark."""
    tints = np.array([colour(number, label_map) for number in range(256)], np.float32)[mask]
    mixed = 0.45 * image + 0.55 * tints
    mixed[mask == IGNORE] = 0.2 * image[mask == IGNORE]
    return mixed.astype(np.uint8)


def colour(number: int, label_map: LabelMap) -> Colour:
    """The colour of a class, in 0..255: the data set's own, or one of ours where it has none."""
    if number < len(label_map.colours):
        return label_map.colours[number]
    saturation, value = (0.95, 0.55)[number // 3 % 2], (1.0, 0.7, 0.45)[number % 3]
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def class_entries(label_map: LabelMap, seen: Iterable[int]) -> list[tuple[Colour, str]]:
    """The colours and names of some classes, in their order, for a legend."""
    return [(colour(n, label_map), f"{n} {label_map.classes[n]}") for n in sorted(seen)]


def legend(
    entries: Sequence[tuple[Colour, str]], across: int, *, columns: int = 6, size: int = TEXT
) -> Image.Image:
    """Colours and what they mean, in columns over so many pixels; letters of ``size`` pixels."""
    line, box = round(size * LINE / TEXT), size - 1
    height = MARGIN + line * -(-len(entries) // columns)
    drawn = Image.new("RGB", (across, height), "white")
    draw = ImageDraw.Draw(drawn)
    for position, (tint, text) in enumerate(entries):
        row, column = divmod(position, columns)
        left, top = MARGIN + column * (across // columns), row * line
        draw.rectangle((left, top + 2, left + box + 2, top + box + 2), fill=tint)
        write(drawn, (left + box + 8, top), text, size)
    return drawn


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one width, each below the one before it."""
    whole = Image.new("RGB", (pictures[0].width, sum(each.height for each in pictures)), "white")
    top = 0
    for each in pictures:
        whole.paste(each, (0, top))
        top += each.height
    return whole


def write(picture: Image.Image, place: tuple[int, int], text: str, size: int = TEXT) -> None:
    """Writes a line of text with its upper left corner at a place, in letters of some pixels."""
    ImageDraw.Draw(picture).text(place, text, fill="black", font=ImageFont.load_default(size))
