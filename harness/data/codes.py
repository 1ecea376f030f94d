"""What the values of mask files mean: a class, void, or a mistake that is named with its file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness.data.dataset import IGNORE, LabelMap, Pixels
from harness.mistakes import one_line

IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""The modes of pillow that become RGB without loss of range; 16-bit images are not among them."""

MASK_MODES = ("L", "P", "I", "I;16")
"""The modes of pillow that hold one whole number a pixel."""

COLOUR_MODES = ("RGB", "RGBA", "P")
"""The modes of a mask whose colours are its classes."""

HOLDS = {
    IMAGE_MODES: "an image holds up to 8 bits a colour",
    MASK_MODES: "a mask holds one class number a pixel",
    COLOUR_MODES: "a mask of this label map holds its classes as colours",
}

UNKNOWN = 254
"""The mark of a value without a meaning while a mask is translated."""

MOST_CLASSES = UNKNOWN

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
    NotImplementedError,
    Image.DecompressionBombError,
)
"""What pillow and scipy raise for a file that is damaged or of another kind."""

Values = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class MaskCode:
    """The label map of a data set and how its mask files spell it.

    ``meaning`` pairs each mask value with its class number or IGNORE; a mask in colours has
    ``packed`` colours for values. ``hint`` is said where other values are found.
    """

    label_map: LabelMap
    meaning: tuple[tuple[int, int], ...]
    is_colour: bool = False
    hint: str = field(default="", repr=False)


def packed(red: int, green: int, blue: int) -> int:
    """A colour as one whole number."""
    return (red << 16) | (green << 8) | blue


def decoded(file: Path, what: str = "image", modes: tuple[str, ...] = IMAGE_MODES) -> Image.Image:
    """A picture, read to its last byte.

    ValueError, naming the file, for one that is damaged, cut short or of another mode.
    """
    try:
        with Image.open(file) as picture:
            picture.load()
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno:  # not there, or not ours to read
            raise
        kind = "no picture" if isinstance(error, UnidentifiedImageError) else one_line(error)
        raise ValueError(f"{file}: the {what} is damaged or cut short: {kind}") from error
    if picture.mode not in modes:
        raise ValueError(
            f"{file}: {HOLDS[modes]} (mode {', '.join(modes)}), but its mode is {picture.mode}"
        )
    return picture


def mask_values(file: Path, code: MaskCode) -> tuple[Values, str]:
    """The values (H, W) of a mask file as they are, and its mode; ValueError as ``decoded``."""
    if file.suffix == ".mat":
        return _matlab(file), "mat"
    if not code.is_colour:
        picture = decoded(file, "mask", MASK_MODES)
        return np.array(picture), picture.mode
    picture = decoded(file, "mask", COLOUR_MODES)
    bands = np.array(picture.convert("RGB")).astype(np.uint32)
    return bands @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32), picture.mode


def _matlab(file: Path) -> Values:
    """The label map ``S`` of a MATLAB file, as COCO-Stuff 10k has it."""
    from scipy.io import loadmat  # half a second that no other data set needs
    from scipy.io.matlab import MatReadError

    try:
        values = loadmat(file, variable_names=["S"])["S"]
    except (*BROKEN, MatReadError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{file}: the mask is damaged or has no S: {one_line(error)}") from error
    whole: Values | None = values.astype(np.int64) if values.dtype.kind in "iuf" else None
    if whole is None or values.ndim != 2 or (whole != values).any():
        raise ValueError(f"{file}: S is {values.dtype} of shape {values.shape}, not a label map")
    return whole


def classes_of(values: Values, code: MaskCode, file: Path) -> Pixels:
    """The class numbers, or IGNORE, of mask values; ValueError, naming the file, for others."""
    table = _table(code)
    labels = table[np.clip(values, 0, len(table) - 1)]
    labels[(values < 0) | (values >= len(table))] = UNKNOWN
    if (labels == UNKNOWN).any():
        raise ValueError(f"{file}: {_said(np.unique(values).tolist(), code)}")
    return labels


@lru_cache(maxsize=8)
def _table(code: MaskCode) -> Pixels:
    table = np.full(1 << 24 if code.is_colour else 1 << 16, UNKNOWN, dtype=np.uint8)
    for value, number in code.meaning:
        table[value] = number
    return table


def _said(values: list[int], code: MaskCode) -> str:
    """What is wrong with a mask of these values."""
    known = dict(code.meaning)
    beyond = [value for value in values if value not in known]
    shown: list[object] = [spelt(value, code) for value in beyond[:8]] if code.is_colour else []
    what = "colours" if code.is_colour else "values"
    listed = ", ".join(map(str, shown or beyond[:8])) + (", ..." if len(beyond) > 8 else "")
    message = f"mask {what} [{listed}] are not classes; {described(code)}"
    if not code.is_colour and set(values) <= {0, IGNORE}:
        message += f". {BINARY}"
    return f"{message}. {code.hint}" if code.hint else message


BINARY = "Only 0 and 255: a binary mask? Here each value is a class number"


def described(code: MaskCode) -> str:
    """Which values are classes and which are void."""
    number = len(code.label_map.classes)
    if code.is_colour:
        return f"label map {code.label_map.name} has {len(code.meaning)} colours"
    classes = ranges(value for value, label in code.meaning if label != IGNORE)
    void = ranges(value for value, label in code.meaning if label == IGNORE)
    return f"{number} classes are {classes}" + (f", void is {void}" if void else "")


def ranges(values: Iterable[int]) -> str:
    """Whole numbers in short, as 0..10, 12."""
    runs = groupby(enumerate(sorted(values)), lambda each: each[1] - each[0])
    ends = [[value for _, value in run] for _, run in runs]
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)


def spelt(value: int, code: MaskCode) -> str:
    """A mask value as people know it: a number, or red, green and blue."""
    return f"({value >> 16}, {value >> 8 & 255}, {value & 255})" if code.is_colour else str(value)
