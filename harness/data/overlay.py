"""A sheet of images with their masks laid over them, to see at a glance whether they fit."""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harness.data.dataset import IGNORE, Dataset, Pixels, Split
from harness.data.frames import check_pair

SPLITS: tuple[Split, Split] = ("train", "val")
GOLDEN = 0.618034
"""Steps around the circle of hues that keep neighbours far apart."""

MARGIN, LINE = 8, 18
"""Pixels between pictures, and of a line of text."""


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
        _write(pictures, (left, 2), f"{split}: {dataset.count(split)} images")
        for row, index in enumerate(_spread(dataset.count(split), most)):
            top = LINE + row * (height + MARGIN)
            for place, pixels in enumerate(_pair(dataset, split, index, seen)):
                picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
                pictures.paste(picture, (left + place * (width + MARGIN), top))
    legend = _legend([(n, dataset.label_map.classes[n]) for n in sorted(seen)], across)
    whole = Image.new("RGB", (across, pictures.height + legend.height), "white")
    whole.paste(pictures, (0, 0))
    whole.paste(legend, (0, pictures.height))
    return whole


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
    return image, laid_over(image, mask)


def laid_over(image: Pixels, mask: Pixels) -> Pixels:
    """An image (H, W, 3) with the colour of each pixel's class over it; ignored ones are dark."""
    tints = np.array([colour(number) for number in range(256)], dtype=np.float32)[mask]
    mixed = 0.45 * image + 0.55 * tints
    mixed[mask == IGNORE] = 0.2 * image[mask == IGNORE]
    return mixed.astype(np.uint8)


def colour(number: int) -> tuple[int, int, int]:
    """The colour of a class, in 0..255."""
    saturation, value = (0.95, 0.55)[number // 3 % 2], (1.0, 0.7, 0.45)[number % 3]
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _legend(classes: list[tuple[int, str]], across: int, columns: int = 6) -> Image.Image:
    entries = [*((colour(n), f"{n} {name}") for n, name in classes), ((30, 30, 30), "ignored")]
    legend = Image.new("RGB", (across, MARGIN + LINE * -(-len(entries) // columns)), "white")
    draw = ImageDraw.Draw(legend)
    for position, (tint, text) in enumerate(entries):
        row, column = divmod(position, columns)
        left, top = MARGIN + column * (across // columns), row * LINE
        draw.rectangle((left, top + 2, left + 14, top + 14), fill=tint)
        _write(legend, (left + 20, top), text)
    return legend


def _write(picture: Image.Image, place: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(picture).text(place, text, fill="black", font=ImageFont.load_default(13))
