"""ADE20K as the scene parsing benchmark of 2016 has it: 150 classes, images of many shapes."""

from __future__ import annotations

from harness.data.class_names import ADE20K
from harness.data.codes import MaskCode
from harness.data.dataset import IGNORE, LabelMap, Root, Split, datasets
from harness.data.files import Home, Pair, PairedFiles, check_whole, existing, found, paired, spread

HOME = Home(
    name="ade20k",
    title="ADE20K (ADEChallengeData2016)",
    tree="""\
  images/{training,validation}/*.jpg
  annotations/{training,validation}/*.png
(the folder ADEChallengeData2016 of ADEChallengeData2016.zip, SceneParsing benchmark, at
https://groups.csail.mit.edu/vision/datasets/ADE20K)""",
)
WHOLE = {"train": 20210, "val": 2000}
FOLDERS: dict[Split, str] = {"train": "training", "val": "validation"}
CODE = MaskCode(
    label_map=LabelMap(name="ade20k-150", classes=ADE20K),
    meaning=((0, IGNORE), *((number + 1, number) for number in range(len(ADE20K)))),
    hint="255 stands in masks that were reduced by 1 already; give the original ones",
)


@datasets.register("ade20k")
class Ade20k(PairedFiles):
    """ADE20K's 20210 images to train and 2000 to score.

    In its masks 0 is everything else, which is ignored, and 1..150 are classes 0..149. That is
    done here and once: masks that were reduced before are refused for their 255. Fewer images
    are refused unless ``partial``. ``train`` and ``val`` bound the images of a split, 0 taking
    all.

    Images differ in shape, and each is resized to ``size`` (height, width) whatever its own: a
    batch needs one size. Proportions change, where published figures keep them, so ours are not
    comparable with them; labels are scored in their own size.
    """

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (512, 512),
        train: int = 0,
        val: int = 0,
        partial: bool = False,
    ) -> None:
        wanted = (
            f"{kind}/{name}" for kind in ("images", "annotations") for name in FOLDERS.values()
        )
        place = existing(HOME, root, *wanted)
        pairs: dict[Split, tuple[Pair, ...]] = {
            split: paired(
                HOME,
                found(place / "images" / name, ".jpg"),
                found(place / "annotations" / name, ".png"),
            )
            for split, name in FOLDERS.items()
        }
        counts: dict[str, int] = {split: len(each) for split, each in pairs.items()}
        check_whole(HOME, place, counts, WHOLE, partial=partial)
        kept = spread(HOME, pairs, train=train, val=val)
        super().__init__(HOME, place, pairs=kept, size=size, code=CODE)
