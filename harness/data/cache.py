"""Decoded frames in one memory-mapped file a split, shared by all processes of a machine."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from harness.data.dataset import Dataset, Pixels, Split

CACHE_BYTES = 16 * 2**30
"""How much a folder of caches may hold; the caches unused for longest give way."""

CHANNELS = 4
"""Red, green, blue and the mask's value of each pixel."""

Decode = Callable[[int], tuple[Pixels, Pixels]]


class Cache:
    """The frames of a split by number, decoded once for all processes and trials.

    The file's name is a hash of the data set's fingerprint, so other data is another file. It is
    written whole before it gets its name, by one process while others wait for it.
    """

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self._frames = frames

    def packed(self, index: int) -> Pixels:
        """A frame (H, W, 4) as it lies in the file."""
        frame: Pixels = self._frames[index]
        return frame

    def __getitem__(self, index: int) -> tuple[Pixels, Pixels]:
        return unpack(self.packed(index))


def pack(image: Pixels, mask: Pixels) -> Pixels:
    """An image (H, W, 3) and its mask (H, W) as one frame (H, W, 4)."""
    frame = np.empty((*mask.shape, CHANNELS), dtype=np.uint8)
    frame[..., :3], frame[..., 3] = image, mask
    return frame


def unpack(frame: Pixels) -> tuple[Pixels, Pixels]:
    """The image and the mask of a frame, without a copy."""
    return frame[..., :3], frame[..., 3]


def open_cache(
    dataset: Dataset, split: Split, folder: Path, *, most_bytes: int = CACHE_BYTES
) -> Cache | None:
    """The cache of a split in a folder, made if need be.

    None, and a warning that says why, where it cannot be had: the split is larger than
    ``most_bytes``, or the folder cannot be written or is full. Frames are then decoded each time.
    """
    shape = (dataset.count(split), *dataset.size, CHANNELS)
    num_bytes = int(np.prod(shape, dtype=np.int64))
    if num_bytes > most_bytes:
        _warn(folder, f"{num_bytes} bytes of frames are more than {most_bytes}")
        return None
    file = folder / f"{_name(dataset, split)}.frames"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            if not file.is_file() or file.stat().st_size != num_bytes:
                _remove_broken_off(folder)
                _make_room(folder, most_bytes - num_bytes)
                _write(file, shape, lambda index: dataset.load(split, index))
            file.touch()  # it was used now
            frames = np.memmap(file, dtype=np.uint8, mode="r", shape=shape)
    except OSError as error:
        _warn(folder, error.strerror or str(error))
        return None
    return Cache(frames)


def _name(dataset: Dataset, split: Split) -> str:
    text = f"{dataset.fingerprint()} {split} {dataset.size}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _warn(folder: Path, why: str) -> None:
    warnings.warn(
        f"frames are not cached in {folder}: {why}; they are decoded each time",
        RuntimeWarning,
        stacklevel=3,
    )


def _write(file: Path, shape: tuple[int, ...], decode: Decode) -> None:
    partial = file.with_suffix(".partial")
    num_bytes = int(np.prod(shape, dtype=np.int64))
    free = shutil.disk_usage(file.parent).free
    if free < num_bytes:  # a mapped file on a full disk would kill the process
        raise OSError(None, f"it needs {num_bytes} bytes and {free} are free")
    try:
        with partial.open("wb") as opened:
            for index in range(shape[0]):
                opened.write(pack(*decode(index)).tobytes())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _remove_broken_off(folder: Path) -> None:
    """Removes what processes that were killed had begun to write; who still writes has the lock."""
    for each in folder.glob("*.partial"):
        with suppress(OSError), FileLock(each.with_suffix(".lock"), timeout=0):
            each.unlink()


def _make_room(folder: Path, most_bytes: int) -> None:
    """Removes the caches unused for longest; what another process has mapped stays readable."""
    files = sorted(folder.glob("*.frames"), key=lambda each: each.stat().st_mtime, reverse=True)
    for each in files:
        most_bytes -= each.stat().st_size
        if most_bytes < 0:
            with suppress(OSError):
                each.unlink()
