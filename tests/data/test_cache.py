"""Frames are decoded once for all processes, whatever happens meanwhile."""

import errno
import multiprocessing
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from harness.data import cache
from harness.data.cache import open_cache, pack
from harness.data.dataset import Dataset, LabelMap
from harness.data.frames import Frames

SIZE = (32, 40)
FRAME = 32 * 40 * 4


class Counted(Dataset):
    """Made-up frames that tell how often they were decoded."""

    label_map = LabelMap(name="two", classes=("a", "b"))
    size = SIZE

    def __init__(self, folder, count=3, name="one"):
        self.folder, self.length, self.name = Path(folder), count, name

    def count(self, split):
        return self.length

    def load(self, split, index):
        with (self.folder / "decoded").open("a") as log:
            log.write(f"{split} {index}\n")
        rng = np.random.default_rng([index, len(self.name)])
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        return image, rng.choice(np.array([0, 1, 255], dtype=np.uint8), SIZE)

    def fingerprint(self):
        return self.name

    @property
    def decoded(self):
        return (self.folder / "decoded").read_text().splitlines()


def test_a_cache_gives_what_load_gives_and_decodes_once(tmp_path):
    data = Counted(tmp_path)
    first, second = (open_cache(data, "train", tmp_path / "cache") for _ in range(2))
    assert data.decoded == ["train 0", "train 1", "train 2"]
    for index in range(3):
        for one, two, three in zip(
            data.load("train", index), first[index], second[index], strict=True
        ):
            assert np.array_equal(one, two) and np.array_equal(one, three)


def test_other_data_or_another_split_is_another_cache(tmp_path):
    first = open_cache(Counted(tmp_path, name="one"), "train", tmp_path)
    other = open_cache(Counted(tmp_path, name="another"), "train", tmp_path)
    open_cache(Counted(tmp_path, name="one"), "val", tmp_path)
    assert not np.array_equal(first[0][0], other[0][0])
    assert len(list(tmp_path.glob("*.frames"))) == 3


def opened(folder):
    found = open_cache(Counted(folder), "train", folder / "cache")
    return int(found[2][0].sum())


def test_of_several_processes_one_decodes_and_the_others_wait(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        sums = pool.map(opened, [tmp_path] * 3)
    assert len(set(sums)) == 1
    assert len(Counted(tmp_path).decoded) == 3


def test_a_file_that_was_cut_off_is_made_anew(tmp_path):
    data = Counted(tmp_path)
    before = open_cache(data, "train", tmp_path)[1][0].copy()
    [file] = tmp_path.glob("*.frames")
    os.truncate(file, FRAME)
    assert np.array_equal(open_cache(data, "train", tmp_path)[1][0], before)
    assert len(data.decoded) == 6


def test_an_image_that_cannot_be_read_leaves_no_cache_behind(tmp_path):
    class Torn(Counted):
        def load(self, split, index):
            if index == 2:
                raise ValueError("image 2 is torn")
            return super().load(split, index)

    with pytest.raises(ValueError, match="image 2 is torn"):
        open_cache(Torn(tmp_path), "train", tmp_path / "cache")
    assert {each.suffix for each in (tmp_path / "cache").iterdir()} <= {".lock"}


def test_the_folder_is_bounded_and_what_was_used_last_stays(tmp_path):
    most = 2 * 3 * FRAME
    for age, name in enumerate(("one", "two", "three")):
        open_cache(Counted(tmp_path, name=name), "train", tmp_path, most_bytes=most)
        for file in tmp_path.glob("*.frames"):
            os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 10 * (3 - age)))
    assert len(list(tmp_path.glob("*.frames"))) == 2
    before = len(Counted(tmp_path).decoded)
    open_cache(Counted(tmp_path, name="three"), "train", tmp_path, most_bytes=most)
    assert len(Counted(tmp_path).decoded) == before, "the newest is still there"


def test_more_than_the_bound_is_not_cached_and_said(tmp_path):
    with pytest.warns(RuntimeWarning, match="bytes of frames are more than 100"):
        assert open_cache(Counted(tmp_path), "train", tmp_path, most_bytes=100) is None


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 0))
    with pytest.warns(RuntimeWarning, match="it needs 15360 bytes and 0 are free"):
        assert open_cache(Counted(tmp_path), "train", tmp_path) is None
    assert not list(tmp_path.glob("*.frames")) and not list(tmp_path.glob("*.partial"))


def test_a_disk_that_fills_up_meanwhile_is_said_and_frames_are_decoded(tmp_path, monkeypatch):
    written = []

    def full(image, mask):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(pack(image, mask))
        return written[0]

    monkeypatch.setattr(cache, "pack", full)
    data = Counted(tmp_path)
    with pytest.warns(RuntimeWarning, match="No space left on device; they are decoded") as said:
        frames = Frames(data, "train", folder=tmp_path / "cache", cache_bytes=0)
        shown = [frames[index] for index in (0, 1, 0)]
    assert len(said) == 1, "one for all frames"
    assert data.decoded[-3:] == ["train 0", "train 1", "train 0"]
    for index, found in zip((0, 1, 0), shown, strict=True):
        assert all(map(np.array_equal, found, data.load("train", index)))
    assert {each.suffix for each in (tmp_path / "cache").iterdir()} <= {".lock"}


def test_what_a_killed_process_began_is_removed_and_what_is_being_written_is_not(tmp_path):
    left, busy = tmp_path / "left.partial", tmp_path / "busy.partial"
    for each in (left, busy):
        each.write_bytes(b"half")
    with FileLock(busy.with_suffix(".lock")):
        assert open_cache(Counted(tmp_path), "train", tmp_path) is not None
    assert not left.exists() and busy.exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.warns(RuntimeWarning, match=f"not cached in {blocked}"):
        assert open_cache(Counted(tmp_path), "train", blocked) is None


def test_the_size_of_all_caches_is_bounded_by_default():
    assert 2**30 < cache.CACHE_BYTES < 2**36
