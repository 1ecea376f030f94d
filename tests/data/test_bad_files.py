"""Files that are damaged or of another kind are refused in one line that names them."""

import pickle
import re
import struct
import warnings

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from trees import LAYOUTS, SIZE, grow, stripes, write_image, write_mask

from harness.data.codes import decoded, mask_values
from harness.data.files import UnpairedError
from harness.data.frames import check


def refused(known, root, kind, said):
    """Whether loading says so, on one line that names the file."""
    with pytest.raises(ValueError, match=said) as caught:
        known.open(root).load("val", 0)
    text = str(caught.value)
    assert text.startswith(str(root / known.file(kind, "val", 0))) and "\n" not in text


@pytest.mark.parametrize("kind", ["image", "mask"])
@pytest.mark.parametrize("damage", ["text", "empty", "half"])
def test_a_damaged_file(known, root, kind, damage):
    file = root / known.file(kind, "val", 0)
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3))  # so that half is truly half
    if kind == "image":
        write_image(file, noise)
    whole = file.read_bytes()
    file.write_bytes(
        {"text": b"no picture", "empty": b"", "half": whole[: len(whole) // 2]}[damage]
    )
    refused(known, root, kind, f"the {kind} is damaged")


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "mat"])
def test_whatever_byte_is_wrong_the_file_is_named(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    rng = np.random.default_rng(0)
    write_mask(file, rng.integers(1, 9, SIZE))
    whole = file.read_bytes()
    code = LAYOUTS["coco_stuff 10k"].open(grow("coco_stuff 10k", tmp_path / "stuff")).code
    refusals = 0
    for number in range(300):
        broken = bytearray(whole)
        broken[rng.integers(len(whole) // 2)] = rng.integers(256)
        file.write_bytes(broken if number % 3 else broken[: rng.integers(len(whole))])
        try:
            with warnings.catch_warnings(action="ignore"):  # pillow's own, of odd tags
                mask_values(file, code) if ending == "mat" else decoded(file)
        except ValueError as error:
            assert str(error).startswith(f"{file}: ") and "\n" not in str(error)
            refusals += 1
    assert refusals > 2


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    file = tmp_path / "a.bmp"
    write_image(file, np.zeros((32, 32, 3)))
    content = bytearray(file.read_bytes())
    content[18:26] = struct.pack("<ii", 30_000, 30_000)
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.bmp: .*900000000 pixels"):
        decoded(file)


def test_an_image_of_sixteen_bits(known, root):
    file = root / known.file("image", "val", 0)
    Image.fromarray(np.zeros(SIZE, np.uint16)).save(file.with_suffix(".png"), "png")
    file.with_suffix(".png").rename(file)
    refused(known, root, "image", "mode is I;16")


def test_a_mask_of_the_wrong_number_of_channels(known, root):
    file = root / known.file("mask", "val", 0)
    if file.suffix == ".mat":
        write_mask(file, np.zeros((*SIZE, 3)))
        refused(known, root, "mask", r"S is uint8 of shape \(32, 48, 3\)")
    elif isinstance(known.wrong, tuple):
        write_mask(file, np.zeros(SIZE))
        refused(known, root, "mask", "holds its classes as colours.*mode is L")
    else:
        write_mask(file, np.zeros((*SIZE, 3)))
        refused(known, root, "mask", "a mask holds one class number a pixel.*mode is RGB")


def test_a_class_that_is_unknown(known, root):
    values = np.array(stripes(known))
    values[5, 7] = known.wrong
    write_mask(root / known.file("mask", "val", 0), values)
    refused(known, root, "mask", re.escape(f"[{known.wrong}] are not classes"))


def test_a_mask_of_another_size(known, root):
    write_mask(root / known.file("mask", "val", 0), stripes(known, (33, 48)))
    refused(known, root, "mask", "the mask is 48x33 pixels, but its image .* is 48x32")


def test_binary_masks_are_not_swallowed_as_ignored(tmp_path):
    root, known = grow("folder", tmp_path), LAYOUTS["folder"]
    for split in ("train", "val"):
        for file in (root / "masks" / split).iterdir():
            write_mask(file, np.eye(*SIZE) * 255)
    with pytest.raises(ValueError, match=r"'road' or ignored: are these binary masks"):
        check(known.open(root))


@pytest.mark.parametrize(("dtype", "value"), [("float64", 13), ("uint16", 13), ("float64", 12.5)])
def test_label_maps_of_matlab_are_whole_numbers_of_any_type(tmp_path, dtype, value):
    root, known = grow("coco_stuff 10k", tmp_path), LAYOUTS["coco_stuff 10k"]
    savemat(root / "annotations" / "val0.mat", {"S": np.full(SIZE, value, dtype)})
    if value == 13:
        assert (known.open(root).load("val", 0)[1] == 11).all()
    else:
        refused(known, root, "mask", "S is float64")


def test_a_file_without_its_other_half_can_be_told_by_a_worker(tmp_path):
    root = grow("folder", tmp_path)
    (root / "masks/val/val0.png").unlink()
    with pytest.raises(UnpairedError) as caught:
        LAYOUTS["folder"].open(root)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
