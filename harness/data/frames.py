"""Frames of one split, decoded once and kept in memory, and the check of a whole data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.cache import open_cache, pack, unpack
from harness.data.dataset import IGNORE, Dataset, Pixels, Split

CACHE_BYTES = 2 * 2**30
"""How much a split may keep in memory; frames beyond it are decoded each time."""

SPLITS: tuple[Split, Split] = ("train", "val")


class Frames:
    """The images and masks of a split by number, as ``Dataset.load`` gives them.

    With a ``folder`` they are decoded once for all processes, into a memory-mapped file there.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        *,
        folder: Path | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.size = dataset.size
        self._dataset = dataset
        self._split = split
        self._mapped = open_cache(dataset, split, folder) if folder else None
        self._kept: dict[int, Pixels] = {}
        height, width = dataset.size
        self._most = cache_bytes // (4 * height * width)

    def __len__(self) -> int:
        return self._dataset.count(self._split)

    def __getitem__(self, index: int) -> tuple[Pixels, Pixels]:
        return unpack(self.packed(index))

    def packed(self, index: int) -> Pixels:
        """A frame (H, W, 4): red, green, blue and the mask. IndexError for one not there."""
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        if not 0 <= index < len(self):
            raise IndexError(f"{self._split} has {len(self)} images; there is no number {index}")
        if self._mapped is not None:
            return self._mapped.packed(index)
        loaded = pack(*self._dataset.load(self._split, index))
        if len(self._kept) < self._most:
            self._kept[index] = loaded
        return loaded


@dataclass(frozen=True, kw_only=True)
class Census:
    """What a data set holds: images a split, and of all its pixels the share of each class."""

    label_map: str
    size: tuple[int, int]
    images: dict[str, int]
    class_share: dict[str, float]
    ignored_share: float


def check(dataset: Dataset) -> Census:
    """Loads every pair once, so that bad data is found before anything trains.

    ValueError for a split without images, a pair that is not as the contract says, a split
    without one labelled pixel, or masks of class 0 and IGNORE alone; and whatever ``load`` raises.
    """
    totals = {split: _count(dataset, split) for split in SPLITS}
    pixels = np.sum(list(totals.values()), axis=0)
    shares = pixels / pixels.sum()
    classes = dataset.label_map.classes
    if len(classes) > 1 and pixels[IGNORE] and not pixels[1:IGNORE].any():
        raise ValueError(
            f"every pixel of {dataset.label_map.name} is {classes[0]!r} or ignored: "
            f"are these binary masks, saved as 0 and {IGNORE}? Save the second class as 1"
        )
    return Census(
        label_map=dataset.label_map.name,
        size=dataset.size,
        images={split: dataset.count(split) for split in SPLITS},
        class_share={name: float(shares[number]) for number, name in enumerate(classes)},
        ignored_share=float(shares[IGNORE]),
    )


def _count(dataset: Dataset, split: Split) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if dataset.count(split) < 1:
        raise ValueError(f"the {split} split of {dataset.label_map.name} has no images")
    total = np.zeros(256, dtype=np.int64)
    for index in range(dataset.count(split)):
        image, mask = dataset.load(split, index)
        check_pair(dataset, f"{split} image {index}", image, mask)
        total += np.bincount(mask.ravel(), minlength=256)
    if total[IGNORE] == total.sum():
        raise ValueError(f"the {split} split of {dataset.label_map.name} has no labelled pixel")
    return total


def check_pair(dataset: Dataset, where: str, image: Pixels, mask: Pixels) -> None:
    """ValueError, naming ``where``, for a pair that is not as ``Dataset.load`` promises."""
    if image.dtype != np.uint8 or mask.dtype != np.uint8:
        raise ValueError(f"{where}: image and mask must be uint8, not {image.dtype}, {mask.dtype}")
    if image.shape != (*dataset.size, 3) or mask.shape != dataset.size:
        raise ValueError(
            f"{where}: image is {image.shape} and mask {mask.shape}, "
            f"but the data set's size is {dataset.size}"
        )
    beyond = np.unique(mask[(mask >= len(dataset.label_map.classes)) & (mask != IGNORE)])
    if beyond.size:
        raise ValueError(f"{where}: mask values {beyond.tolist()} are not in the label map")
