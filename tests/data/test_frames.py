"""Frames kept in memory, and the check of a whole data set before anything trains."""

import numpy as np
import pytest

from harness.data.dataset import IGNORE, Dataset, LabelMap
from harness.data.frames import Frames, check


class Given(Dataset):
    """Pairs as they are given, with a count of how often each was loaded."""

    label_map = LabelMap(name="two", classes=("a", "b"))

    def __init__(self, size=(32, 32), **pairs):
        self.size = size
        self.pairs = {"train": [pair()], "val": [pair()], **pairs}
        self.loads = []

    def count(self, split):
        return len(self.pairs[split])

    def load(self, split, index):
        self.loads.append((split, index))
        return self.pairs[split][index]

    def fingerprint(self):
        return "given"


def pair(label=0, size=(32, 32)):
    return np.zeros((*size, 3), np.uint8), np.full(size, label, np.uint8)


def test_frames_are_loaded_once():
    dataset = Given(train=[pair(), pair(1)])
    frames = Frames(dataset, "train")
    for _ in range(3):
        assert [int(mask[0, 0]) for _, mask in (frames[0], frames[1])] == [0, 1]
    assert dataset.loads == [("train", 0), ("train", 1)]


def test_frames_beyond_the_memory_are_loaded_each_time():
    dataset = Given(train=[pair(), pair(1)])
    frames = Frames(dataset, "train", cache_bytes=4 * 32 * 32)
    for index in (0, 1, 0, 1):
        assert frames[index][1][0, 0] == index
    assert dataset.loads == [("train", 0), ("train", 1), ("train", 1)]


@pytest.mark.parametrize("index", [-1, 1, 7])
def test_a_number_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match=f"train has 1 images.*{index}"):
        Frames(Given(), "train")[index]


def test_a_census_counts_images_classes_and_ignored_pixels():
    image, mask = pair()
    mask[:16] = 1
    mask[24:] = IGNORE
    census = check(Given(train=[(image, mask), pair()], val=[pair(1), pair(IGNORE)]))
    assert census.images == {"train": 2, "val": 2}
    assert census.class_share == {"a": 1.25 / 4, "b": 1.5 / 4}
    assert census.ignored_share == 1.25 / 4
    assert (census.label_map, census.size) == ("two", (32, 32))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ({"val": []}, "val split of two has no images"),
        ({"train": [pair(IGNORE)]}, "train split of two has no labelled pixel"),
        ({"val": [pair(), pair(2)]}, r"val image 1: mask values \[2\]"),
        ({"train": [pair(size=(32, 33))]}, r"train image 0: .*\(32, 33\).*\(32, 32\)"),
        ({"train": [(pair()[0], pair(size=(33, 32))[1])]}, r"mask \(33, 32\)"),
        ({"train": [(pair()[0], pair()[1].astype(np.int64))]}, "uint8, not uint8, int64"),
        ({"train": [(pair()[0][..., 0], pair()[1])]}, r"image is \(32, 32\)"),
    ],
)
def test_a_bad_pair_is_found_and_named(pairs, said):
    with pytest.raises(ValueError, match=said):
        check(Given(**pairs))
