"""Every data set on disk, in small trees of its true layout."""

import re
import shutil

import numpy as np
import pytest
from trees import COUNTS, LAYOUTS, SIZE, grow, meant, stripes, write, write_image, write_mask

from harness.data import files
from harness.data.camvid_colours import COLOURS, GROUPS
from harness.data.cityscapes import LABEL_IDS
from harness.data.coco_stuff import LABEL_MAP
from harness.data.dataset import IGNORE
from harness.data.files import UnpairedError
from harness.data.frames import check

OWN_SHAPES = ("coco_stuff", "coco_stuff 10k", "ade20k", "folder")
GIVEN = [name for name, known in LAYOUTS.items() if "partial" in dict(known.part.options)]


def test_images_and_masks_come_in_pairs(known, root):
    dataset = known.open(root)
    assert {split: dataset.count(split) for split in COUNTS} == COUNTS
    for split, green in (("train", 100), ("val", 200)):
        for number in range(COUNTS[split]):
            image, mask = dataset.load(split, number)
            assert image.shape == (*SIZE, 3) and image.dtype == mask.dtype == np.uint8
            assert abs(image.astype(int) - (40 * number, green, 50)).max() < 6  # JPEG
            assert (mask == meant(known)).all()
    assert check(dataset).images == COUNTS


def test_resizing_a_mask_makes_no_new_value(known, root):
    mask = known.open(root, size=(33, 79)).load("train", 0)[1]
    assert mask.shape == (33, 79)
    assert set(np.unique(mask).tolist()) <= set(known.values.values())


def test_labels_are_scored_in_their_own_size(known, root):
    dataset = known.open(root, size=(33, 79))
    image, labels = dataset.scored(0)
    assert (image == dataset.load("val", 0)[0]).all()
    assert labels.shape == SIZE != image.shape[:2]
    assert (labels == meant(known)).all()


@pytest.mark.parametrize("layout", OWN_SHAPES, indirect=True)
def test_images_of_many_shapes_come_at_one_size(known, root):
    for number, shape in enumerate([(40, 64), (64, 40)]):
        write_image(root / known.file("image", "train", number), np.full((*shape, 3), 9))
        write_mask(root / known.file("mask", "train", number), stripes(known, shape))
    shapes = {known.open(root).load("train", number)[1].shape for number in range(3)}
    assert shapes == {SIZE}


def test_a_set_that_is_not_there_says_what_it_looked_for_and_where_from(known, tmp_path):
    for root in (None, tmp_path):
        with pytest.raises(FileNotFoundError) as caught:
            known.open(root)
        said = str(caught.value)
        assert f"--data {known.part.name}=PATH" in said and "TWOPATH_DATA" in said
        assert known.part.name == "folder" or re.search("https?://", said)
        assert root is None or (str(root) in said and "there is no" in said)


def test_a_missing_mask_is_named(known, root):
    lost = root / known.file("mask", "val", 1)
    lost.unlink()
    with pytest.raises(UnpairedError, match=re.escape(lost.stem.split("_gtFine")[0])) as caught:
        known.open(root)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("layout", ["cityscapes", "coco_stuff", "ade20k", "folder"], indirect=True)
def test_a_missing_image_is_named_by_its_mask(known, root):
    (root / known.file("image", "train", 2)).unlink()
    with pytest.raises(UnpairedError, match=known.names("train")[2] + ".*has no image"):
        known.open(root)


def test_a_split_without_images_is_named(known, root):
    if known.lists:
        lists = [*root.glob("val.txt"), *root.glob("imageLists/test.txt")]
        lists[0].write_text("\n")
    else:
        for number in range(COUNTS["val"]):
            (root / known.file("image", "val", number)).unlink()
            (root / known.file("mask", "val", number)).unlink()
    with pytest.raises(ValueError, match=r"no images in its val split|lists no images"):
        known.open(root)


def test_files_of_the_finder_are_no_images(known, root):
    file = root / known.file("image", "train", 0)
    (file.parent / f"._{file.name}").write_bytes(b"x")
    assert known.open(root).count("train") == COUNTS["train"]


@pytest.mark.parametrize("layout", GIVEN, indirect=True)
def test_a_part_of_a_set_is_refused_unless_asked_for(known, root):
    with pytest.raises(ValueError, match=r"has 3 train images, not \d+.*partial=True"):
        known.open(root, partial=False)


def test_sizes_of_cityscapes_are_checked_for_test_too(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.data.cityscapes.WHOLE", {**COUNTS, "test": 1525})
    root = grow("cityscapes", tmp_path)
    known = LAYOUTS["cityscapes"]
    assert known.open(root, partial=False).count("train") == 3
    (root / "leftImg8bit" / "test").mkdir()
    with pytest.raises(ValueError, match="has 0 test images, not 1525"):
        known.open(root, partial=False)


@pytest.mark.parametrize("few", [False, True])
def test_the_fingerprint_is_that_of_the_files(known, root, tmp_path, monkeypatch, few):
    """Of their bytes, or of their names and lengths once there is too much to read."""
    if not few:
        monkeypatch.setattr(files, "SMALL_BYTES", 0)
    before = known.open(root).fingerprint()
    shutil.copytree(root, tmp_path / "elsewhere")
    assert known.open(tmp_path / "elsewhere").fingerprint() == before
    changed = [known.open(root, size=(64, 64)), known.open(root, train=2)]
    image = root / known.file("image", "train", 0)
    image.write_bytes(image.read_bytes() + b"x")
    changed.append(known.open(root))
    prints = {before, *(each.fingerprint() for each in changed)}
    assert len(prints) == 4


def test_a_big_set_is_not_read_for_its_fingerprint(tmp_path, monkeypatch):
    root = grow("ade20k", tmp_path)
    monkeypatch.setattr(files, "SMALL_BYTES", 0)
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    assert LAYOUTS["ade20k"].open(root).fingerprint()


def test_kinds_of_labels_are_told_apart_by_the_fingerprint(tmp_path):
    ids, trained = LAYOUTS["cityscapes"], LAYOUTS["cityscapes trainIds"]
    for name in ("cityscapes", "cityscapes trainIds"):
        grow(name, tmp_path)
    for split, count in COUNTS.items():
        for number in range(count):
            same = np.full(SIZE, 7)
            write_mask(tmp_path / ids.file("mask", split, number), same)
            write_mask(tmp_path / trained.file("mask", split, number), same)
    opened = ids.open(tmp_path), trained.open(tmp_path)
    assert [int(each.load("val", 0)[1][0, 0]) for each in opened] == [0, 7]
    assert opened[0].label_map == opened[1].label_map
    assert opened[0].fingerprint() != opened[1].fingerprint()


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("cityscapes", 255, "labels='labelTrainIds'"),
        ("cityscapes trainIds", 26, "labels='labelIds'"),
        ("ade20k", 255, "reduced by 1 already"),
        ("coco_stuff 10k", 12, "version 1.0"),
    ],
)
def test_masks_of_a_sister_format_are_told_as_such(tmp_path, name, value, hint):
    known, root = LAYOUTS[name], grow(name, tmp_path)
    values = np.full(SIZE, 1)
    values[0] = value
    write_mask(root / known.file("mask", "train", 0), values)
    with pytest.raises(ValueError, match=rf"\[{value}\].*{hint}"):
        known.open(root).load("train", 0)


def test_tables_are_those_of_the_sets():
    assert len(COLOURS) == len(set(COLOURS.values())) == 32
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted([*grouped, "Void"]) == sorted(COLOURS)
    assert list(LABEL_IDS.values())[:3] == ["road", "sidewalk", "building"] and len(LABEL_IDS) == 19
    assert (LABEL_MAP.classes[11], LABEL_MAP.classes[80]) == ("stop sign", "banner")
    assert len(set(LABEL_MAP.classes)) == 171


def test_label_maps_bear_names_of_their_own(tmp_path):
    names = {}
    for name in LAYOUTS:
        root = grow(name, tmp_path / name)
        names[name] = LAYOUTS[name].open(root).label_map.name
    assert names["camvid"] == "camvid-11"
    original = [names[f"camvid {classes}"] for classes in ("merged", "named", "all")]
    assert original == ["camvid-11-merged", "camvid-11-named", "camvid-32"]
    assert names["folder"] == "folder-3"


def test_segnets_layout_has_no_other_classes(tmp_path):
    root = grow("camvid", tmp_path)
    with pytest.raises(ValueError, match="classes='all' set layout='original'"):
        LAYOUTS["camvid"].open(root, classes="all")


FOLDERS = {
    "twice": ({"classes.txt": "a\nb\na\n"}, "'a' stands twice"),
    "blank": ({"classes.txt": "a\n\nb\n"}, "line 2 is blank"),
    "one list": ({"train.txt": "x\n"}, "has train.txt, but no val.txt"),
    "both": ({"train.txt": "x\n", "val.txt": "x\n"}, "which are the splits"),
    "two files": ({"images/train/train0.png": ""}, "bear one name"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_can_be_read_in_two_ways_is_refused(tmp_path, name):
    changed, said = FOLDERS[name]
    root = grow("folder", tmp_path)
    for file, text in changed.items():
        write(root / file, text)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        LAYOUTS["folder"].open(root)


@pytest.mark.parametrize("layout", ["folder", "folder with lists"], indirect=True)
def test_masks_in_a_lossy_format_are_refused(known, root):
    file = root / known.file("mask", "train", 0)
    file.rename(file.with_suffix(".jpg"))
    with pytest.raises(ValueError, match=r"\.jpg is a mask in a format that makes values up: save"):
        known.open(root)


def test_a_listed_image_that_is_not_there_is_named_with_its_line(tmp_path):
    root = grow("folder with lists", tmp_path)
    write(root / "val.txt", "val0\nvall1\n")
    with pytest.raises(FileNotFoundError, match=r"val\.txt, line 2: .*'vall1'"):
        LAYOUTS["folder with lists"].open(root)


def test_a_folder_ignores_the_value_it_is_told_to(tmp_path):
    root = grow("folder", tmp_path)
    known = LAYOUTS["folder"]
    write_mask(root / known.file("mask", "train", 0), np.full(SIZE, 2))
    assert (known.open(root, ignore=2).load("train", 0)[1] == IGNORE).all()
