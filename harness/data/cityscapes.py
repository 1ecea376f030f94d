"""Cityscapes with fine annotations: 19 classes, 2048x1024."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harness.data.codes import MaskCode
from harness.data.dataset import IGNORE, LabelMap, Root, Split, datasets
from harness.data.files import Home, Pair, PairedFiles, check_whole, existing, found, paired, spread

HOME = Home(
    name="cityscapes",
    title="Cityscapes",
    tree="""\
  leftImg8bit/{train,val}/CITY/*_leftImg8bit.png
  gtFine/{train,val}/CITY/*_gtFine_labelIds.png  (or *_gtFine_labelTrainIds.png)
(leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of
https://www.cityscapes-dataset.com, after registration)""",
)
WHOLE = {"train": 2975, "val": 500, "test": 1525}
SPLITS: tuple[Split, Split] = ("train", "val")

LABEL_IDS = {
    7: "road",
    8: "sidewalk",
    11: "building",
    12: "wall",
    13: "fence",
    17: "pole",
    19: "traffic light",
    20: "traffic sign",
    21: "vegetation",
    22: "terrain",
    23: "sky",
    24: "person",
    25: "rider",
    26: "car",
    27: "truck",
    28: "bus",
    31: "train",
    32: "motorcycle",
    33: "bicycle",
}
"""The ids that are evaluated, in the order of their trainIds (cityscapesScripts, labels.py)."""

# fmt: off
COLOURS = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
    (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
    (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70),
    (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
)
# fmt: on
"""In the same order, from the same file."""

LABEL_MAP = LabelMap(name="cityscapes-19", classes=tuple(LABEL_IDS.values()), colours=COLOURS)
NUMBER = {value: number for number, value in enumerate(LABEL_IDS)}
CODES = {
    "labelIds": MaskCode(
        label_map=LABEL_MAP,
        meaning=tuple((value, NUMBER.get(value, IGNORE)) for value in range(34)),
        hint="Are these trainIds? Those are read with option labels='labelTrainIds'",
    ),
    "labelTrainIds": MaskCode(
        label_map=LABEL_MAP,
        meaning=(*((value, value) for value in range(19)), (255, IGNORE)),
        hint="Are these labelIds? Those are read with option labels='labelIds'",
    ),
}


@datasets.register("cityscapes")
class Cityscapes(PairedFiles):
    """Cityscapes' fine annotations: 2975 images to train, 500 to score; test labels are withheld.

    ``labels`` says which files are read: "labelIds", which everybody has, mapped to the 19
    trainIds by the official table; or "labelTrainIds", which cityscapesScripts writes beside
    them. Both give the same classes, but the fingerprint tells them apart. A copy with other
    numbers of images, of the test split too if it is there, is refused unless ``partial``.
    Images are resized to ``size`` (height, width) bilinearly and masks to their nearest pixel to
    train; scored are labels of 1024x2048, whatever ``size``. ``train`` and ``val`` bound the
    images of a split, 0 taking all.
    """

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (512, 1024),
        train: int = 0,
        val: int = 0,
        labels: Literal["labelIds", "labelTrainIds"] = "labelIds",
        partial: bool = False,
    ) -> None:
        place = existing(
            HOME, root, *(f"{f}/{s}" for f in ("leftImg8bit", "gtFine") for s in SPLITS)
        )
        pairs = {split: _pairs(place, split, labels) for split in SPLITS}
        counts = {split: len(each) for split, each in pairs.items()} | _test(place)
        check_whole(HOME, place, counts, WHOLE, partial=partial)
        pairs = dict(spread(HOME, pairs, train=train, val=val))
        super().__init__(HOME, place, pairs=pairs, size=size, code=CODES[labels])


def _pairs(root: Path, split: Split, labels: str) -> tuple[Pair, ...]:
    images = found(root / "leftImg8bit" / split, "_leftImg8bit.png")
    return paired(HOME, images, found(root / "gtFine" / split, f"_gtFine_{labels}.png"))


def _test(root: Path) -> dict[str, int]:
    """The number of test images, where they are there."""
    folder = root / "leftImg8bit" / "test"
    return {"test": len(found(folder, "_leftImg8bit.png"))} if folder.is_dir() else {}
