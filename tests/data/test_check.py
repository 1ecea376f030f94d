"""The look at every file of a data set, and the sheet of overlays."""

import numpy as np
import pytest
from trees import COUNTS, LAYOUTS, SIZE, grow, stripes, write_image, write_mask

from harness.data.check import look_over
from harness.data.dataset import IGNORE, LabelMap
from harness.data.overlay import colour, laid_over, sheet
from harness.data.streets import Streets


def looked(dataset):
    told = []
    report = look_over(dataset, lambda done, of: told.append((done, of)))
    assert told == [(n, 5) for n in range(1, 6)]
    return report


@pytest.fixture
def root(tmp_path):
    return grow("folder", tmp_path)


def opened(root):
    return LAYOUTS["folder"].open(root)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sound_tree_has_nothing_wrong(layout, tmp_path):
    known = LAYOUTS[layout]
    report = looked(known.open(grow(layout, tmp_path)))
    assert report.problems == ()
    assert {split: found.images for split, found in report.splits.items()} == COUNTS
    val = report.splits["val"]
    assert val.sizes == {"48x32": 2} and val.image_modes == {"RGB": 2}
    assert set(val.values) == {str(value) for value in known.values}
    assert sum(val.values.values()) == 2 * SIZE[0] * SIZE[1]
    labelled = sum(val.class_pixels.values()) / sum(val.values.values())
    assert val.ignored_share == pytest.approx(1 - labelled)
    assert 0 < val.ignored_share < 1


def test_pixels_are_counted_at_the_size_they_lie_in(root):
    write_image(root / "images/val/val0.jpg", np.full((64, 96, 3), 9))
    write_mask(root / "masks/val/val0.png", np.full((64, 96), 2))
    found = looked(opened(root)).splits["val"]
    assert found.sizes == {"96x64": 1, "48x32": 1}
    assert found.class_pixels == {"road": 512, "sky": 0, "car": 64 * 96 + 512}
    assert found.ignored_share == 512 / (64 * 96 + 32 * 48)


def test_all_that_is_wrong_is_told_at_once(root):
    values = np.array(stripes(LAYOUTS["folder"]))
    values[0, 0] = 77
    write_mask(root / "masks/train/train0.png", values)
    write_mask(root / "masks/train/train1.png", np.zeros((31, 48)))
    (root / "images/val/val0.jpg").write_bytes(b"x")
    (root / "masks/val/val1.png").write_bytes(b"x")
    report = looked(opened(root))
    expected = (r"train0.png: mask values [77]", "train1.png: the mask is", "val0.jpg", "val1.png")
    assert len(report.problems) == 4
    assert all(said in line for said, line in zip(expected, report.problems, strict=True))
    assert report.splits["train"].values["77"] == 1


def test_one_image_in_both_splits_is_a_leak_under_any_name(root):
    twin = np.random.default_rng(0).integers(0, 255, (*SIZE, 3))
    for file in ("train/train1", "val/val0"):
        (root / f"images/{file}.jpg").unlink()
        write_image(root / f"images/{file}.png", twin)
    (line,) = looked(opened(root)).problems
    assert "val0.png is in both splits" in line and "train1.png" in line


def test_one_image_twice_in_a_split_is_worth_a_note(root):
    twin = (root / "images/train/train1.jpg").read_bytes()
    (root / "images/train/train2.jpg").write_bytes(twin)
    report = looked(opened(root))
    assert report.problems == ()
    assert "train1.jpg" in report.notes[0] and "train2.jpg" in report.notes[0]
    assert any(note == "val: no pixel is sky" for note in report.notes)


def test_masks_of_zero_and_255_are_told_as_binary(root):
    for file in (root / "masks").rglob("*.png"):
        write_mask(file, np.eye(*SIZE) * IGNORE)
    (line,) = looked(opened(root)).problems
    assert "Only 0 and 255: a binary mask" in line


def test_a_split_without_a_label_is_told(root):
    for file in (root / "masks/val").iterdir():
        write_mask(file, np.full(SIZE, IGNORE))
    assert "the val split has no labelled pixel" in looked(opened(root)).problems


def test_a_set_without_files_is_looked_at_too():
    report = looked(Streets(None, size=(32, 64), train=3, val=2))
    assert report.problems == ()
    assert report.splits["train"].sizes == {"64x32": 3}
    assert sum(report.splits["val"].class_pixels.values()) == 2 * 32 * 64


class Odd(Streets):
    """Streets, some of which are not as a data set promises."""

    def load(self, split, index):
        image, mask = super().load(split, index)
        if split == "train":
            return [(image / 255, mask), (image[:16], mask), (image, mask + 77)][index]
        raise ValueError(f"val {index} is\ntorn")


def test_a_set_that_breaks_its_promise_is_told_pair_by_pair():
    odd = Odd(None, size=(32, 64), train=3, val=2)
    report = looked(odd)
    said = ("uint8, not float64", "(16, 64, 3)", "not in the label map", "val 0 is torn", "val 1")
    assert len(report.problems) == 5 + 2, "and no split has a label"
    assert all(each in line for each, line in zip(said, report.problems, strict=False))
    assert np.asarray(sheet(odd))[100, 100].tolist() == [160, 160, 160]


class Empty(Streets):
    """Streets with none to score."""

    def count(self, split):
        return 5 if split == "train" else 0


def test_a_split_without_images_is_told():
    empty = Empty(None, size=(32, 64))
    assert looked(empty).problems == ("the val split has no images",)
    assert sheet(empty).width > 1000


def test_classes_are_laid_over_and_the_ignored_is_dark():
    image = np.full((4, 4, 3), 200, np.uint8)
    mask = np.zeros((4, 4), np.uint8)
    mask[1], mask[2] = 1, IGNORE
    none = LabelMap(name="of no colours", classes=())
    over = laid_over(image, mask, none)
    assert over[2].max() == 40
    for number in (0, 1):
        expected = 0.45 * 200 + 0.55 * np.array(colour(number, none))
        assert abs(over[number, 0] - expected).max() <= 1
    assert len({colour(number, none) for number in range(171)}) == 171


def test_the_sheet_shows_pairs_side_by_side(root):
    (root / "masks/val/val1.png").write_bytes(b"x")
    drawn = np.asarray(sheet(opened(root), width=90))
    assert drawn.shape[1] == 4 * 90 + 5 * 8
    top = 18 + 30  # the middle of the first row
    assert abs(drawn[top, 8 + 45].astype(int) - (0, 100, 50)).max() < 6
    assert abs(drawn[top, 8 + 45 + 2 * 98].astype(int) - (0, 200, 50)).max() < 6
    assert (drawn[top + 68, 8 + 45 + 2 * 98] == 160).all()  # the damaged one
