"""Writes small trees of files as the real data sets lay them out."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from harness.architecture import Part
from harness.data.dataset import datasets

SIZE = (32, 48)
COUNTS = {"train": 3, "val": 2}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where files lie, ``{}`` being a name, and what a mask's values become (255 is ignored)."""

    part: Part
    image: dict
    mask: dict
    lists: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    values: dict
    wrong: object

    def names(self, split):
        return [f"{split}{number}" for number in range(COUNTS[split])]

    def file(self, kind, split, number):
        return getattr(self, kind)[split].format(self.names(split)[number])

    def open(self, root, **options):
        part = self.part.replace(**{"size": SIZE, **options})
        return datasets.build(part, Path(root) if root else None)


def both(pattern, train="train", val="val"):
    """A pattern of paths for each split."""
    return {"train": pattern.replace("SPLIT", train), "val": pattern.replace("SPLIT", val)}


COLOURS = {(128, 128, 128): 0, (64, 192, 0): 1, (192, 128, 192): 8, (0, 0, 0): 255}
NAMED = {**COLOURS, (128, 0, 0): 1, (64, 192, 0): 255, (192, 128, 192): 255}
EVERY = {(64, 128, 64): 0, (192, 192, 0): 29, (64, 192, 0): 30, (0, 0, 0): 255}
ORIGINAL = {
    "image": both("701_StillsRaw_full/{}.png"),
    "mask": both("LabeledApproved_full/{}_L.png"),
    "lists": both("/SegNet/CamVid/SPLIT/{}.png /SegNet/CamVid/SPLITannot/{}.png"),
    "wrong": (26, 26, 26),
}
CITY = {
    "image": both("leftImg8bit/SPLIT/ulm/ulm_{}_leftImg8bit.png"),
    "wrong": 34,
}
OWN = {
    "files": {"classes.txt": "road\nsky\ncar\n"},
    "values": {0: 0, 2: 2, 255: 255},
    "wrong": 3,
}
LAYOUTS = {
    "camvid": Layout(
        part=Part("camvid"),
        image=both("SPLIT/{}.png"),
        mask=both("SPLITannot/{}.png"),
        lists=both("SPLIT/{}.png SPLITannot/{}.png"),
        values={0: 0, 10: 10, 11: 255},
        wrong=12,
    ),
    "camvid merged": Layout(part=Part("camvid", layout="original"), values=COLOURS, **ORIGINAL),
    "camvid named": Layout(
        part=Part("camvid", layout="original", classes="named"), values=NAMED, **ORIGINAL
    ),
    "camvid all": Layout(
        part=Part("camvid", layout="original", classes="all"), values=EVERY, **ORIGINAL
    ),
    "cityscapes": Layout(
        part=Part("cityscapes", partial=True),
        mask=both("gtFine/SPLIT/ulm/ulm_{}_gtFine_labelIds.png"),
        values={0: 255, 7: 0, 10: 255, 11: 2, 29: 255, 31: 16, 33: 18},
        **CITY,
    ),
    "cityscapes trainIds": Layout(
        part=Part("cityscapes", partial=True, labels="labelTrainIds"),
        mask=both("gtFine/SPLIT/ulm/ulm_{}_gtFine_labelTrainIds.png"),
        values={0: 0, 7: 7, 18: 18, 255: 255},
        **CITY,
    ),
    "coco_stuff": Layout(
        part=Part("coco_stuff", partial=True),
        image=both("images/SPLIT2017/{}.jpg"),
        mask=both("annotations/SPLIT2017/{}.png"),
        values={0: 0, 10: 10, 12: 11, 89: 79, 91: 80, 181: 170, 255: 255},
        wrong=11,
    ),
    "coco_stuff 10k": Layout(
        part=Part("coco_stuff", partial=True, edition="10k"),
        image=both("images/{}.jpg"),
        mask=both("annotations/{}.mat"),
        lists={"train": "{}", "val": "{}"},
        values={0: 255, 1: 0, 11: 10, 13: 11, 90: 79, 92: 80, 182: 170},
        wrong=12,
    ),
    "ade20k": Layout(
        part=Part("ade20k", partial=True),
        image=both("images/SPLIT/{}.jpg", "training", "validation"),
        mask=both("annotations/SPLIT/{}.png", "training", "validation"),
        values={0: 255, 1: 0, 150: 149},
        wrong=255,
    ),
    "folder": Layout(
        part=Part("folder"),
        image=both("images/SPLIT/{}.jpg"),
        mask=both("masks/SPLIT/{}.png"),
        **OWN,
    ),
    "folder with lists": Layout(
        part=Part("folder"),
        image=both("images/{}.png"),
        mask=both("masks/{}.png"),
        lists=both("{}.png"),
        **OWN,
    ),
}
LISTS = {"coco_stuff 10k": {"train": "imageLists/train.txt", "val": "imageLists/test.txt"}}


def grow(layout, root, *, shape=SIZE):
    """Writes a tree of bright images that all differ, and masks with each value of the layout."""
    known = LAYOUTS[layout]
    for file, text in known.files.items():
        write(root / file, text)
    for split, count in COUNTS.items():
        for number in range(count):
            tint = (40 * number, 200 if split == "val" else 100, 50)
            write_image(root / known.file("image", split, number), np.full((*shape, 3), tint))
            write_mask(root / known.file("mask", split, number), stripes(known, shape))
        if split in known.lists:
            lines = [known.lists[split].replace("{}", name) for name in known.names(split)]
            file = LISTS.get(layout, {}).get(split, f"{split}.txt")
            write(root / file, "\n".join(lines) + "\n")
    return root


def stripes(known, shape=SIZE):
    """A mask whose columns go through the values of a layout."""
    values = np.array(list(known.values))
    return np.broadcast_to(values[np.arange(shape[1]) % len(values)], (*shape, *values.shape[1:]))


def meant(known, shape=SIZE):
    """The classes that ``stripes`` stand for."""
    classes = np.array(list(known.values.values()))
    return np.broadcast_to(classes[np.arange(shape[1]) % len(classes)], shape)


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def write_image(file, values):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(file)


def write_mask(file, values):
    if file.suffix == ".mat":
        file.parent.mkdir(parents=True, exist_ok=True)
        savemat(file, {"S": values.astype(np.uint8)})
    else:
        write_image(file, values)
