"""Data sets that are pairs of files: finding them, pairing them, reading them, hashing them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from harness.data.codes import MaskCode, classes_of, decoded, mask_values
from harness.data.dataset import Dataset, Pixels, Root, Split, checked_size

LABELS = "val labels in their own size"
"""What ``scored`` gives, as a part of the fingerprint."""

SMALL_BYTES = 2**30
"""Data sets up to this size are hashed byte by byte, which takes seconds."""

Pair = tuple[Path, Path]
Pairs = Mapping[Split, tuple[Pair, ...]]


class UnpairedError(FileNotFoundError):
    """Images without masks, or masks without images; ``problems`` has a line for each."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Home:
    """What a data set is called, the tree it lies in, and where it can be had."""

    name: str
    title: str
    tree: str


class PairedFiles(Dataset):
    """A data set of image and mask files; each concrete one only says which and what they mean.

    Every image is resized to ``size`` (height, width) bilinearly, whatever its own shape, and
    its mask to the nearest pixel, so that no new value appears. Scored are masks as they lie on
    disk: resized ones would hide what a small input loses.
    """

    def __init__(
        self, home: Home, root: Path, *, pairs: Pairs, size: tuple[int, int], code: MaskCode
    ) -> None:
        self.size = checked_size(home.name, size)
        self.label_map = code.label_map
        self.code = code
        self.pairs = pairs
        self._root = root
        for split, found in pairs.items():
            if not found:
                raise ValueError(f"{home.title} at {root} has no images in its {split} split")

    def count(self, split: Split) -> int:
        """The number of images of a split."""
        return len(self.pairs[split])

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """An image and its mask, resized to ``size``; ValueError, naming the file, for bad ones."""
        pixels, labels = self._decoded(self.pairs[split][index])
        smaller = Image.fromarray(labels).resize(self.size[::-1], Image.Resampling.NEAREST)
        return pixels, np.array(smaller)

    def scored(self, index: int) -> tuple[Pixels, Pixels]:
        """An image of the val split at ``size``, and its mask in the size of its file."""
        return self._decoded(self.pairs["val"][index])

    def _decoded(self, pair: Pair) -> tuple[Pixels, Pixels]:
        """An image at ``size``, and its mask as it is."""
        image_file, mask_file = pair
        image = decoded(image_file)
        values, _ = mask_values(mask_file, self.code)
        check_sizes(pair, image.size, (values.shape[1], values.shape[0]))
        pixels = image.convert("RGB").resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.array(pixels), classes_of(values, self.code, mask_file)

    def fingerprint(self) -> str:
        """A hash over the size, the label map, the meaning of mask values and every file used.

        Of up to ``SMALL_BYTES`` the bytes of each file are hashed. Reading more would take
        minutes before every study, so there each file's name and length stand for it, which are
        the same on every machine; times of change are not. An edit that keeps a file's length
        then goes unseen.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        whole = hashlib.sha256(repr((self.code, self.size, LABELS)).encode())
        files = [(split, file) for split, pairs in self.pairs.items() for file in flat(pairs)]
        sizes = [file.stat().st_size for _, file in files]
        is_small = sum(sizes) <= SMALL_BYTES
        for (split, file), size in zip(files, sizes, strict=True):
            named = f"{file.relative_to(self._root).as_posix()} {size}"
            what = hashlib.sha256(file.read_bytes()).hexdigest() if is_small else named
            whole.update(f"{split} {what}\n".encode())
        return whole.hexdigest()


def check_sizes(pair: Pair, image: tuple[int, int], mask: tuple[int, int]) -> None:
    """ValueError, naming the mask, where width and height are not those of its image."""
    if image != mask:
        raise ValueError(
            f"{pair[1]}: the mask is {mask[0]}x{mask[1]} pixels, "
            f"but its image {pair[0].name} is {image[0]}x{image[1]}"
        )


def existing(home: Home, root: Root, *wanted: str) -> Path:
    """The root; FileNotFoundError unless it holds every wanted file or folder."""
    holds = (
        f": {_in_a_line(home.tree)}. Say where it lies with --data {home.name}=PATH, "
        "or put it in the folder named by TWOPATH_DATA."
    )
    if root is None:
        raise FileNotFoundError(f"nothing says where {home.title} lies. Its folder holds{holds}")
    for name in wanted:
        if not (root / name).exists():
            raise FileNotFoundError(
                f"{home.title} is not at {root}: there is no {name}. It holds{holds}"
            )
    return root


def _in_a_line(tree: str) -> str:
    """What a tree holds, then what is said below it; messages are of one line."""
    lines = [(line.startswith(" "), " ".join(line.split())) for line in tree.splitlines()]
    entries = "; ".join(line for is_entry, line in lines if is_entry)
    return " ".join([entries, *(line for is_entry, line in lines if not is_entry)])


def found(folder: Path, *endings: str) -> dict[str, Path]:
    """The files below a folder by their path in it, less the ending; sorted, hidden ones left out.

    ValueError for two files of one name.
    """
    by_name: dict[str, Path] = {}
    for place, _, names in os.walk(folder, followlinks=True):
        for name in names:
            ending = next((each for each in endings if name.lower().endswith(each.lower())), None)
            if ending is None or name.startswith("."):
                continue
            file = Path(place, name)
            key = file.relative_to(folder).as_posix()[: -len(ending)]
            if key in by_name:
                raise ValueError(f"{file} and {by_name[key]} bear one name; which one is meant?")
            by_name[key] = file
    return dict(sorted(by_name.items()))


def paired(home: Home, images: Mapping[str, Path], masks: Mapping[str, Path]) -> tuple[Pair, ...]:
    """Images and masks of one name; UnpairedError unless every one has its other half."""
    lonely = [f"{file} has no mask" for name, file in images.items() if name not in masks]
    lonely += [f"{file} has no image" for name, file in masks.items() if name not in images]
    if lonely:
        raise UnpairedError(
            f"{lonely[0]}; of the {len(images) + len(masks)} images and masks of {home.title}, "
            f"{len(lonely)} {'has' if len(lonely) == 1 else 'have'} no other half",
            tuple(lonely),
        )
    return tuple((file, masks[name]) for name, file in images.items())


def all_there(home: Home, root: Path, pairs: Pairs) -> Pairs:
    """The pairs of lists; UnpairedError if a file of them is missing."""
    files = [file for each in pairs.values() for file in flat(each)]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UnpairedError(
            f"{len(missing)} of {len(files)} files listed for {home.title} at {root} are missing, "
            f"the first is {missing[0]}",
            tuple(f"{file} is listed, but missing" for file in missing),
        )
    return pairs


def listed(file: Path) -> tuple[tuple[int, str], ...]:
    """The lines of a list that are not blank, with their numbers; ValueError if there is none."""
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    kept = tuple((number, line.strip()) for number, line in lines if line.strip())
    if not kept:
        raise ValueError(f"{file} lists no images")
    return kept


def check_whole(
    home: Home, root: Path, counts: Mapping[str, int], whole: Mapping[str, int], *, partial: bool
) -> None:
    """ValueError unless every split is as large as published, or a part of it will do."""
    for split, number in counts.items():
        if number != whole[split] and not partial:
            raise ValueError(
                f"{home.title} at {root} has {number} {split} images, not {whole[split]}; "
                f"to use a part of it, set option partial=True of dataset {home.name!r}"
            )


def spread(home: Home, pairs: Pairs, **limits: int) -> Pairs:
    """At most so many pairs of each split, evenly over its list; 0 takes all."""
    kept: dict[Split, tuple[Pair, ...]] = {}
    for split, each in pairs.items():
        limit, count = limits[split], len(each)
        if limit < 0:
            raise ValueError(
                f"option {split!r} of dataset {home.name!r} is a count, 0 for all; not {limit}"
            )
        few = 0 < limit < count
        kept[split] = tuple(each[i * count // limit] for i in range(limit)) if few else each
    return kept


def flat(pairs: Iterable[Pair]) -> list[Path]:
    """The files of some pairs."""
    return [file for pair in pairs for file in pair]
