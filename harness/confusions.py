"""Confusion matrices image by image: small enough to keep, and merged by whole numbers alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from harness.whole import write_whole

FILE = "confusions.npz"
"""What the matrices of a trial are called, in its folder."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusions:
    """The confusion matrix of each of some images, without its zeros.

    ``images`` (n,) are the numbers of the images in their split. Matrix ``i`` has the cells
    ``starts[i]`` to ``starts[i + 1]`` of ``cells`` (true class times the number of classes, plus
    predicted class) and ``counts`` (pixels, int32).
    """

    classes: tuple[str, ...]
    images: NDArray[np.int32]
    starts: NDArray[np.int64]
    cells: NDArray[np.int32]
    counts: NDArray[np.int32]


def sparse(classes: tuple[str, ...], images: Sequence[int], matrices: Counts) -> Confusions:
    """Keeps matrices (n, classes, classes), true classes as rows, of the images of some numbers."""
    flat = matrices.reshape(len(images), len(classes) ** 2)
    image, cell = np.nonzero(flat)
    met = np.bincount(image, minlength=len(images))
    return Confusions(
        classes=classes,
        images=np.asarray(images, np.int32),
        starts=np.concatenate([[0], np.cumsum(met)]).astype(np.int64),
        cells=cell.astype(np.int32),
        counts=flat[image, cell].astype(np.int32),
    )


def total(kept: Confusions, times: Sequence[int] | Counts | None = None) -> Counts:
    """The sum (classes, classes) over all images, int64; ``times`` says how often each counts.

    A resample of the images, as a bootstrap draws, is such a list of whole numbers.
    """
    often = np.ones(len(kept.images), np.int64) if times is None else np.asarray(times, np.int64)
    if often.shape != kept.images.shape:
        raise ValueError(f"{often.size} weights were given for {kept.images.size} images")
    summed = np.zeros(len(kept.classes) ** 2, np.int64)
    np.add.at(summed, kept.cells, kept.counts * np.repeat(often, np.diff(kept.starts)))
    return summed.reshape(len(kept.classes), len(kept.classes))


def matrix(kept: Confusions, place: int) -> Counts:
    """The matrix (classes, classes) at one place of ``images``, int64."""
    often = np.zeros(len(kept.images), np.int64)
    often[place] = 1
    return total(kept, often)


def merged(shares: Sequence[Confusions], num_images: int) -> Confusions:
    """The matrices of all images of a split, in order, from shares that met each of them once.

    ValueError for shares that miss an image or have one twice, or whose classes differ.
    """
    if len({share.classes for share in shares}) != 1:
        raise ValueError(f"{len(shares)} shares of a split must have the same classes")
    images = np.concatenate([share.images for share in shares])
    if not np.array_equal(np.sort(images), np.arange(num_images)):
        raise ValueError(
            f"{len(shares)} shares of a split have {images.size} images, {len(set(images))} of "
            f"them different; the split has {num_images}"
        )
    return joined(shares)


def joined(parts: Sequence[Confusions]) -> Confusions:
    """The matrices of several lists of images as one, in the order of the images' numbers."""
    images = np.concatenate([part.images for part in parts])
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    order = np.argsort(images, kind="stable")
    after = np.argsort(order)  # where each image goes
    moved = np.argsort(np.repeat(after, lengths), kind="stable")
    return Confusions(
        classes=parts[0].classes,
        images=images[order],
        starts=np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64),
        cells=np.concatenate([part.cells for part in parts])[moved],
        counts=np.concatenate([part.counts for part in parts])[moved],
    )


def save(kept: Confusions, file: Path) -> str:
    """Writes matrices whole or not at all; gives the sha256 of the file, the same for the same."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        classes=np.array(kept.classes, dtype=np.str_),
        images=kept.images,
        starts=kept.starts,
        cells=kept.cells,
        counts=kept.counts,
    )
    write_whole(file, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def read(file: Path, sha256: str | None = None) -> Confusions:
    """The matrices of a file that ``save`` wrote.

    With the sha256 that a row has, ValueError if the file is another; ValueError also for a file
    that holds something else, FileNotFoundError for none.
    """
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise ValueError(f"the sha256 of {file} is {digest}, but the row has {sha256}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            arrays = {name: held[name] for name in ("images", "starts", "cells", "counts")}
            classes = tuple(str(name) for name in held["classes"])
    except (ValueError, KeyError, EOFError, BadZipFile, TypeError, AttributeError) as error:
        raise ValueError(f"{file} holds no confusion matrices") from error
    return Confusions(classes=classes, **arrays)
