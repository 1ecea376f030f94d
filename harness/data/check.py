"""Looks at every file of a data set, and says what is in it and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from harness.data.codes import BINARY, Values, classes_of, decoded, mask_values, spelt
from harness.data.dataset import IGNORE, Dataset, Pixels, Split
from harness.data.files import PairedFiles, check_sizes
from harness.data.frames import check_pair
from harness.mistakes import one_line

SPLITS: tuple[Split, Split] = ("train", "val")
Problems = list[str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a split holds: files by size (width x height) and mode, pixels by value and class."""

    images: int
    sizes: dict[str, int]
    image_modes: dict[str, int]
    mask_modes: dict[str, int]
    values: dict[str, int]
    class_pixels: dict[str, int]
    ignored_share: float | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every split of a data set; ``problems`` must be mended, ``notes`` are good to know."""

    label_map: str
    num_classes: int
    size: tuple[int, int]
    splits: dict[str, Found]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(kw_only=True)
class _Tally:
    """What was counted of a split so far."""

    sizes: Counter[str] = field(default_factory=Counter)
    image_modes: Counter[str] = field(default_factory=Counter)
    mask_modes: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    labels: np.ndarray[tuple[int], np.dtype[np.int64]] = field(
        default_factory=lambda: np.zeros(256, np.int64)
    )
    digests: dict[str, list[str]] = field(default_factory=dict)

    def image(self, pixels: Pixels, mode: str, where: str) -> None:
        """Counts an image, and remembers its content."""
        self.sizes[f"{pixels.shape[1]}x{pixels.shape[0]}"] += 1
        self.image_modes[mode] += 1
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        self.digests.setdefault(digest, []).append(where)


def look_over(dataset: Dataset, tell: Callable[[int, int], None]) -> Report:
    """Reads every pair once, at the size it lies in; ``tell`` hears how many, and of how many.

    Nothing that is wrong with a file ends it: each such thing is a line that names the file.
    """
    problems: Problems = []
    tallies = {split: _Tally() for split in SPLITS}
    pairs = [(split, index) for split in SPLITS for index in range(dataset.count(split))]
    look = _look_at_files if isinstance(dataset, PairedFiles) else _look_at_loaded
    for done, (split, index) in enumerate(pairs, start=1):
        look(dataset, split, index, tallies[split], problems)  # type: ignore[arg-type]
        tell(done, len(pairs))
    _check_splits(dataset, tallies, problems)
    between, within = _same(tallies)
    return Report(
        label_map=dataset.label_map.name,
        num_classes=len(dataset.label_map.classes),
        size=dataset.size,
        splits={split: _found(dataset, split, tally) for split, tally in tallies.items()},
        problems=(*problems, *between),
        notes=(*within, *_unseen(dataset, tallies)),
    )


def _look_at_files(
    dataset: PairedFiles, split: Split, index: int, tally: _Tally, problems: Problems
) -> None:
    image_file, mask_file = pair = dataset.pairs[split][index]
    size = None
    try:
        image = decoded(image_file)
        size = image.size
        tally.image(np.array(image.convert("RGB")), image.mode, str(image_file))
    except (ValueError, OSError) as error:
        problems.append(str(error))
    try:
        values, mode = mask_values(mask_file, dataset.code)
        tally.mask_modes[mode] += 1
        for value, count in _counted(values):
            tally.values[spelt(value, dataset.code)] += count
        tally.labels += np.bincount(
            classes_of(values, dataset.code, mask_file).ravel(), minlength=256
        )
        check_sizes(pair, size or values.shape[::-1], values.shape[::-1])
    except (ValueError, OSError) as error:
        problems.append(str(error))


def _counted(values: Values) -> list[tuple[int, int]]:
    """Each value with its number of pixels."""
    if values.dtype == np.uint8:  # many times as fast as sorting
        counts = np.bincount(values.ravel())
        return [(value, int(counts[value])) for value in np.flatnonzero(counts).tolist()]
    found, times = np.unique(values, return_counts=True)
    return list(zip(found.tolist(), times.tolist(), strict=True))


def _look_at_loaded(
    dataset: Dataset, split: Split, index: int, tally: _Tally, problems: Problems
) -> None:
    """Looks at a pair of a data set that is no pairs of files."""
    where = f"{split} image {index}"
    try:
        image, mask = dataset.load(split, index)
        check_pair(dataset, where, image, mask)
    except (ValueError, OSError) as error:
        problems.append(one_line(error))
        return
    tally.image(image, "RGB", where)
    tally.labels += np.bincount(mask.ravel(), minlength=256)
    for value, count in _counted(mask):
        tally.values[str(value)] += count


def _check_splits(dataset: Dataset, tallies: dict[Split, _Tally], problems: Problems) -> None:
    """What only the whole of a data set shows."""
    for split, tally in tallies.items():
        if not dataset.count(split):
            problems.append(f"the {split} split has no images")
        elif not tally.labels[:IGNORE].sum():
            problems.append(f"the {split} split has no labelled pixel")
    seen = {value for tally in tallies.values() for value in tally.values}
    if seen == {"0", str(IGNORE)} and len(dataset.label_map.classes) > 1:
        problems.append(f"every mask holds 0 and {IGNORE} alone, and {IGNORE} is ignored. {BINARY}")


def _same(tallies: dict[Split, _Tally]) -> tuple[Problems, Problems]:
    """Images of one content: between splits, which is a leak, and within one."""
    train, val = (tallies[split].digests for split in SPLITS)
    between = [
        f"{val[digest][0]} is in both splits: it has the pixels of {train[digest][0]}"
        for digest in val
        if digest in train
    ]
    within = [
        f"{split}: {len(places)} images have the same pixels: {', '.join(places[:4])}"
        for split, tally in tallies.items()
        for places in tally.digests.values()
        if len(places) > 1
    ]
    return between, within


def _unseen(dataset: Dataset, tallies: dict[Split, _Tally]) -> Problems:
    """The classes that no pixel of a split has."""
    lines = []
    for split, tally in tallies.items():
        absent = [n for i, n in enumerate(dataset.label_map.classes) if not tally.labels[i]]
        if absent:
            lines.append(f"{split}: no pixel is {', '.join(absent)}")
    return lines


def _found(dataset: Dataset, split: Split, tally: _Tally) -> Found:
    names = dataset.label_map.classes
    total = int(tally.labels.sum())
    return Found(
        images=dataset.count(split),
        sizes=dict(tally.sizes.most_common()),
        image_modes=dict(tally.image_modes.most_common()),
        mask_modes=dict(tally.mask_modes.most_common()),
        values=dict(sorted(tally.values.items(), key=lambda each: (len(each[0]), each[0]))),
        class_pixels={name: int(tally.labels[number]) for number, name in enumerate(names)},
        ignored_share=float(tally.labels[IGNORE]) / total if total else None,
    )
