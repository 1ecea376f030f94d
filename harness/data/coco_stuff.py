"""COCO-Stuff, of 164 thousand images or the first ten thousand: 80 things and 91 stuffs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harness.data.class_names import COCO_STUFF
from harness.data.codes import MaskCode
from harness.data.dataset import IGNORE, LabelMap, Root, Split, datasets
from harness.data.files import (
    Home,
    Pair,
    PairedFiles,
    all_there,
    check_whole,
    existing,
    found,
    listed,
    paired,
    spread,
)

FULL = Home(
    name="coco_stuff",
    title="COCO-Stuff 164k",
    tree="""\
  images/{train2017,val2017}/*.jpg
  annotations/{train2017,val2017}/*.png
(train2017.zip, val2017.zip and stuffthingmaps_trainval2017.zip, as
https://github.com/nightrome/cocostuff says under Downloads and Setup)""",
)
FIRST = Home(
    name="coco_stuff",
    title="COCO-Stuff 10k (edition='10k')",
    tree="""\
  images/*.jpg  annotations/*.mat
  imageLists/train.txt  imageLists/test.txt
(cocostuff-10k-v1.1.zip, as https://github.com/nightrome/cocostuff10k says under Dataset)""",
)
WHOLE = {"164k": {"train": 118287, "val": 5000}, "10k": {"train": 9000, "val": 1000}}

NEVER_DRAWN = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91)
"""Ids of 1..182 that no mask has: COCO named these things, but never outlined one."""

IDS = tuple(value for value in range(1, 183) if value not in NEVER_DRAWN)
LABEL_MAP = LabelMap(name="coco-stuff-171", classes=COCO_STUFF)
CODES = {
    "164k": MaskCode(
        label_map=LABEL_MAP,
        meaning=(*((value - 1, number) for number, value in enumerate(IDS)), (255, IGNORE)),
        hint="The stuffthingmaps hold an id less 1, and 255 for unlabelled",
    ),
    "10k": MaskCode(
        label_map=LABEL_MAP,
        meaning=((0, IGNORE), *((value, number) for number, value in enumerate(IDS))),
        hint="Version 1.1 holds the ids of COCO, and 0 for unlabelled; version 1.0 had others",
    ),
}


@datasets.register("coco_stuff")
class CocoStuff(PairedFiles):
    """COCO-Stuff's 171 classes, unlabelled pixels ignored.

    ``edition`` "164k" has 118287 images to train and 5000 to score, "10k" has 9000 and 1000 (its
    test list, on which BiSeNet V2 is scored). Fewer are refused unless ``partial``. ``train`` and
    ``val`` bound the images of a split, 0 taking all.

    Images differ in shape, and each is resized to ``size`` (height, width) whatever its own: a
    batch needs one size. Proportions change; labels are scored in their own size. The papers train
    on crops of 640x640 and do not say how they score other shapes, so their figures are beside
    ours, not comparable with them.
    """

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (640, 640),
        train: int = 0,
        val: int = 0,
        edition: Literal["164k", "10k"] = "164k",
        partial: bool = False,
    ) -> None:
        home, find = (FULL, _full) if edition == "164k" else (FIRST, _first)
        place, pairs = find(root)
        counts: dict[str, int] = {split: len(each) for split, each in pairs.items()}
        check_whole(home, place, counts, WHOLE[edition], partial=partial)
        kept = all_there(home, place, spread(home, pairs, train=train, val=val))
        super().__init__(home, place, pairs=kept, size=size, code=CODES[edition])


Found = tuple[Path, dict[Split, tuple[Pair, ...]]]


def _full(root: Root) -> Found:
    folders = [
        f"{kind}/{split}2017" for kind in ("images", "annotations") for split in WHOLE["10k"]
    ]
    place = existing(FULL, root, *folders)
    splits: tuple[Split, Split] = ("train", "val")
    return place, {split: _year(place, f"{split}2017") for split in splits}


def _year(root: Path, folder: str) -> tuple[Pair, ...]:
    masks = found(root / "annotations" / folder, ".png")
    return paired(FULL, found(root / "images" / folder, ".jpg"), masks)


def _first(root: Root) -> Found:
    lists = ("imageLists/train.txt", "imageLists/test.txt")
    place = existing(FIRST, root, "images", "annotations", *lists)
    train, test = (tuple(_named(place, line) for _, line in listed(place / each)) for each in lists)
    return place, {"train": train, "val": test}


def _named(root: Path, name: str) -> Pair:
    return root / "images" / f"{name}.jpg", root / "annotations" / f"{name}.mat"
