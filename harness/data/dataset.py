"""The contract of a data set: numbered images with masks, one label map, one fingerprint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.registry import Registry

IGNORE = 255
"""The mask value of a pixel that neither the loss nor the score may see."""

Split = Literal["train", "val"]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """The one map from mask values to classes, named in every row; 255 is ignored.

    ``colours`` are how the data set itself paints its classes (red, green and blue in 0..255);
    empty where it does not say. They are for the eye alone, and in no fingerprint.
    """

    name: str
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...] = field(default=(), repr=False, compare=False)


class Dataset(ABC):
    """Images and masks of two splits.

    ``size`` is (height, width) of every image and mask as ``load`` gives them, in pixels; at that
    size networks are given images, to train, to be scored and to be timed. A data set that lies
    on disk raises FileNotFoundError from ``__init__`` when it is not at ``root``, saying what was
    looked for, the tree it expects and where to get it.
    """

    label_map: LabelMap
    size: tuple[int, int]

    @abstractmethod
    def count(self, split: Split) -> int:
        """The number of images of a split."""

    @abstractmethod
    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """An RGB image (H, W, 3) and its mask (H, W) of class numbers and IGNORE, both uint8.

        ValueError, naming the file, for a mask with values outside the label map or a mask
        whose size is not its image's.
        """

    def scored(self, index: int) -> tuple[Pixels, Pixels]:
        """An image (H, W, 3) of the val split, and its labels (h, w) in their own size.

        Logits are resized to the labels. By default what ``load`` gives, whose labels are of the
        image's size.
        """
        return self.load("val", index)

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of everything that ``load`` and ``scored`` can give; part of each trial's key."""


datasets: Registry[Dataset] = Registry("dataset", Dataset, ("root",))
Root = Path | None


def checked_size(dataset: str, size: tuple[int, int]) -> tuple[int, int]:
    """A data set's ``size`` option; ValueError for what is not a height and a width."""
    whole = isinstance(size, tuple) and all(type(side) is int for side in size)
    if not whole or len(size) != 2 or min(size) < 32:
        raise ValueError(
            f"size of dataset {dataset!r} is (height, width), both at least 32, not {size!r}"
        )
    return size
