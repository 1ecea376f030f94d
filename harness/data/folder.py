"""A folder of one's own: images, masks of class numbers, and a file that names the classes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from harness.data.codes import MOST_CLASSES, MaskCode
from harness.data.dataset import IGNORE, LabelMap, Root, Split, datasets
from harness.data.files import Home, Pair, PairedFiles, existing, found, listed, paired, spread

HOME = Home(
    name="folder",
    title="the folder of images and masks",
    tree="""\
  classes.txt                 a class name a line; the first is mask value 0
  images/{train,val}/*.jpg    or .jpeg, .png, .bmp, .tif, .tiff, .webp
  masks/{train,val}/*.png     the same names; or .tif, .tiff, .bmp; one class number a pixel
or images/* and masks/* with lists train.txt and val.txt beside classes.txt, a name a line
(yours to lay out like this)""",
)
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASKS = (".png", ".tif", ".tiff", ".bmp")
LOSSY = (".jpg", ".jpeg", ".webp")
"""Endings of files that keep every value; a JPEG makes values up."""

SPLITS: tuple[Split, Split] = ("train", "val")


@datasets.register("folder")
class Folder(PairedFiles):
    """Images and masks of your own, by subfolders ``train`` and ``val`` or by lists.

    ``ignore`` is the mask value that is not scored, and a value that is neither that nor the
    line of a class is refused. ``name`` is that of the label map, in every row. Each image is
    resized to ``size`` (height, width) bilinearly, whatever its own shape, and its mask to the
    nearest pixel to train; labels are scored in their own size. ``train`` and ``val`` bound the
    images of a split, 0 taking all.
    """

    def __init__(
        self,
        root: Root,
        *,
        size: tuple[int, int] = (512, 512),
        train: int = 0,
        val: int = 0,
        ignore: int = IGNORE,
        name: str = "folder",
    ) -> None:
        place = existing(HOME, root, "classes.txt", "images", "masks")
        pairs = _by_lists(place) if _has_lists(place) else _by_folders(place)
        kept = spread(HOME, pairs, train=train, val=val)
        code = _code(place / "classes.txt", ignore, name)
        super().__init__(HOME, place, pairs=kept, size=size, code=code)


def _code(file: Path, ignore: int, name: str) -> MaskCode:
    lines = listed(file)
    names = tuple(line for _, line in lines)
    for number, (line, _) in enumerate(lines, start=1):
        if line != number:
            raise ValueError(f"{file}, line {number} is blank; each line names a class")
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice or len(names) > MOST_CLASSES:
        raise ValueError(
            f"{file}: " + (f"{twice[0]!r} stands twice" if twice else "over 254 classes")
        )
    if not 0 <= ignore < 1 << 16:
        raise ValueError(f"option 'ignore' of dataset 'folder' is a mask value, not {ignore}")
    meaning = dict(enumerate(range(len(names)))) | {ignore: IGNORE}
    return MaskCode(
        label_map=LabelMap(name=f"{name}-{len(names)}", classes=names),
        meaning=tuple(sorted(meaning.items())),
        hint=f"The classes are those of {file}",
    )


def _has_lists(root: Path) -> bool:
    """Whether the splits are lists; FileNotFoundError for one list, ValueError for both ways."""
    lists = [split for split in SPLITS if (root / f"{split}.txt").is_file()]
    folders = [split for split in SPLITS if (root / "images" / split).is_dir()]
    if len(lists) == 1:
        lost = next(split for split in SPLITS if split not in lists)
        raise FileNotFoundError(f"{root} has {lists[0]}.txt, but no {lost}.txt")
    if lists and folders:
        raise ValueError(
            f"{root} has train.txt and val.txt, but images/{folders[0]} too: which are the splits?"
        )
    return bool(lists)


def _masks(folder: Path) -> dict[str, Path]:
    """The masks below a folder; ValueError, naming it, for one whose format makes values up."""
    lossy = found(folder, *LOSSY)
    if lossy:
        raise ValueError(
            f"{next(iter(lossy.values()))} is a mask in a format that makes values up: save the "
            f"{len(lossy)} of {folder} as PNG, from what they were made of"
        )
    return found(folder, *MASKS)


def _by_folders(root: Path) -> dict[Split, tuple[Pair, ...]]:
    existing(HOME, root, *(f"{kind}/{split}" for kind in ("images", "masks") for split in SPLITS))
    return {
        split: paired(
            HOME,
            found(root / "images" / split, *IMAGES),
            _masks(root / "masks" / split),
        )
        for split in SPLITS
    }


def _by_lists(root: Path) -> dict[Split, tuple[Pair, ...]]:
    """Pairs by the names in the lists, with or without an ending; others in the folder are free."""
    images, masks = found(root / "images", *IMAGES), _masks(root / "masks")
    pairs: dict[Split, tuple[Pair, ...]] = {}
    for split in SPLITS:
        file = root / f"{split}.txt"
        names = [_known(file, number, line, images) for number, line in listed(file)]
        wanted = {name: images[name] for name in names}
        pairs[split] = paired(HOME, wanted, {n: masks[n] for n in wanted if n in masks})
    return pairs


def _known(file: Path, number: int, line: str, images: dict[str, Path]) -> str:
    bare = str(PurePosixPath(line).with_suffix(""))
    for name in (line, bare):
        if name in images:
            return name
    raise FileNotFoundError(f"{file}, line {number}: there is no image {line!r} in images")
