"""Streets: scenes drawn on demand, the same for everyone, so that a study needs no download."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from harness.data.dataset import Dataset, LabelMap, Pixels, Root, Split, checked_size, datasets
from harness.data.drawing.palette import CLASSES
from harness.data.drawing.scene import draw

VERSION = 1
"""Rises with every change to what is drawn."""

SPLITS: tuple[Split, Split] = ("train", "val")


@datasets.register("streets")
class Streets(Dataset):
    """Generated streets of 11 classes, in which both paths of a network have work to do.

    Lane marks, poles and signs are a few pixels wide. Whether the ground between the kerbs is a
    road or a promenade stands on a gantry high above it; a plain wall, a road and an overcast sky
    look alike. ``size`` is (height, width), ``train`` and ``val`` are numbers of images; another
    ``seed`` gives other streets. It lies nowhere, so the root is not looked at.
    """

    label_map = LabelMap(name="streets-11", classes=CLASSES)

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (96, 192),
        train: int = 400,
        val: int = 40,
        seed: int = 0,
    ) -> None:
        self.size = checked_size("streets", size)
        for name, number, least in (("train", train, 1), ("val", val, 1), ("seed", seed, 0)):
            if number < least:
                raise ValueError(
                    f"option {name!r} of dataset 'streets' is at least {least}, not {number}"
                )
        self._counts: dict[Split, int] = {"train": train, "val": val}
        self._seed = seed

    def count(self, split: Split) -> int:
        """The number of images of a split."""
        return self._counts[split]

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """Draws an image and its mask, which depend on seed, split, number and size alone."""
        if not 0 <= index < self._counts[split]:
            raise IndexError(
                f"{split} has {self._counts[split]} images; there is no number {index}"
            )
        rng = np.random.default_rng([VERSION, self._seed, SPLITS.index(split), index])
        return draw(rng, self.size)

    def fingerprint(self) -> str:
        """A hash over version, options and one drawing, lest NumPy's dice ever change."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        whole = hashlib.sha256(repr((VERSION, self.size, self._counts, self._seed)).encode())
        for pixels in self.load("val", 0):
            whole.update(pixels.tobytes())
        return whole.hexdigest()
