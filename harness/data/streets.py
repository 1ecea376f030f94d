"""Streets."""

from __future__ import annotations

import hashlib

import numpy as np

from harness.data.camvid import checked_size
from harness.data.dataset import Dataset, LabelMap, Pixels, Root, Split, datasets
from harness.data.drawing.palette import CLASSES
from harness.data.drawing.scene import draw

VERSION = 1


@datasets.register("streets")
class Streets(Dataset):
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
        self._counts: dict[Split, int] = {"train": train, "val": val}
        self._seed = seed

    def count(self, split: Split) -> int:
        return self._counts[split]

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        rng = np.random.default_rng([VERSION, self._seed, ("train", "val").index(split), index])
        return draw(rng, self.size)

    def fingerprint(self) -> str:
        return hashlib.sha256(repr((VERSION, self.size, self._counts, self._seed)).encode()).hexdigest()
