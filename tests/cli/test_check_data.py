"""The command check-data: its answer, its exit code and its sheet."""

import json

import numpy as np
import pytest
from PIL import Image

from harness.checking import set_options


@pytest.fixture
def tree(tmp_path):
    """A folder of one's own with two classes, an image to train and one to score."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "classes.txt").write_text("ground\nsky\n")
    for number, split in enumerate(("train", "val")):
        for kind in ("images", "masks"):
            (tmp_path / "own" / kind / split).mkdir(parents=True)
        image = Image.new("RGB", (48, 40), (number, 0, 0))
        image.save(tmp_path / "own" / "images" / split / "a.png")
        values = np.arange(48 * 40).reshape(40, 48) % 2
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / "own/masks" / split / "a.png")
    return tmp_path / "own"


def test_a_sound_set_is_described_and_drawn(twopath, tree, tmp_path):
    answer = twopath("check-data", "folder", "--data", "folder=own", "--set", "size=(40, 48)")
    assert answer.code == 0
    for said in ("label map folder-2, 2 classes", "sizes: 48x40 (1)", "mask values: 0..1"):
        assert said in answer.out
    assert "sky" in answer.out and "50.000" in answer.out and "nothing is wrong" in answer.out
    with Image.open(tmp_path / answer.out.splitlines()[-1]) as sheet:
        assert sheet.width > 1000


def test_machines_are_told_all_of_it(twopath, tree):
    found = json.loads(twopath("check-data", "folder", "--data", "folder=own", "--json").out)
    assert found["problems"] == [] and found["label_map"] == "folder-2"
    assert found["splits"]["val"]["values"] == {"0": 960, "1": 960}
    assert found["sheet"].endswith(".png")


def test_what_is_wrong_is_listed_and_ends_with_one(twopath, tree):
    image = (tree / "images" / "train" / "a.png").read_bytes()
    (tree / "images" / "val" / "a.png").write_bytes(image)
    (tree / "masks" / "val" / "a.png").write_bytes(image)
    answer = twopath("check-data", "folder", "--data", "folder=own")
    assert answer.code == 1
    wrong = [line for line in answer.out.splitlines() if line.startswith("wrong: ")]
    assert "masks/val/a.png: a mask holds one class number" in wrong[0]
    assert "3 things wrong" in answer.out and "in both splits" in answer.out


def test_every_file_without_its_other_half_is_listed(twopath, tree):
    (tree / "masks" / "train" / "a.png").rename(tree / "masks" / "train" / "b.png")
    answer = twopath("check-data", "folder", "--data", "folder=own")
    assert answer.code == 1
    assert "images/train/a.png has no mask" in answer.out
    assert "masks/train/b.png has no image" in answer.out


def test_a_set_that_is_not_there_is_one_line(twopath):
    answer = twopath("check-data", "cityscapes", "--data", "cityscapes=nowhere")
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert all(said in line for said in ("nowhere", "leftImg8bit", "www.cityscapes-dataset.com"))


def test_options_are_read_as_python_where_they_can_be():
    given = ["size=(32, 64)", "layout=original", "train=5", "partial=True"]
    expected = {"size": (32, 64), "layout": "original", "train": 5, "partial": True}
    assert set_options(given) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--set size", "'size'"),
        ("--set layuot=original", "Did you mean 'layout'"),
        ("--set layout=orignal", "Did you mean 'original'"),
    ],
)
def test_options_that_make_no_sense_are_named(twopath, words, said):
    answer = twopath("check-data", "camvid", *words.split())
    assert answer.code == 2 and said in answer.err
