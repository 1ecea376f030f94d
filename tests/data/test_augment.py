"""Random scale, crop and flip: image and mask move together, and no label is invented."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.augment import (
    MEAN,
    PADDING,
    STD,
    Placement,
    check_crop,
    cut,
    normalise,
    place,
)
from harness.data.cache import pack
from harness.data.dataset import IGNORE

SIZE = (40, 60)


def blocks(seed):
    """An image of flat blocks whose red channel is 10 times their label."""
    rng = np.random.default_rng(seed)
    mask = rng.choice([0, 3, 7, 11], size=(5, 6)).repeat(8, 0).repeat(10, 1).astype(np.uint8)
    return np.stack([mask * 10, mask, mask], axis=2), mask


def draws(count, *, crop=(32, 48), scales=(0.5, 2.0), flip=True):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        yield place(rng, SIZE, crop=crop, scales=scales, flip=flip)


def whole(**changes):
    return Placement(**{"size": SIZE, "crop": SIZE, "top": 0, "left": 0, "flip": False, **changes})


def test_a_mask_gets_no_new_values():
    image, mask = blocks(0)
    for placement in draws(60):
        _, labels = cut(pack(image, mask), placement)
        assert set(np.unique(labels)) <= {*np.unique(mask), IGNORE}


def test_no_mask_however_it_is_cut_gets_a_new_value():
    for seed in range(80):
        rng = np.random.default_rng(seed)
        height, width = (int(each) for each in rng.integers(32, 90, 2))
        known = rng.choice(255, size=3, replace=False)
        mask = rng.choice(known, size=(height, width)).astype(np.uint8)
        crop = tuple(int(each) for each in rng.integers(32, 120, 2))
        drawn = place(rng, mask.shape, crop=crop, scales=(0.2, 3.0), flip=True)
        _, labels = cut(pack(np.zeros((height, width, 3), np.uint8), mask), drawn)
        assert labels.shape == crop
        assert set(np.unique(labels)) <= {*known, IGNORE}
        shown = [min(side, wanted) for side, wanted in zip(drawn.size, crop, strict=True)]
        assert (labels != IGNORE).sum() == shown[0] * shown[1], "only the padding is ignored"


def test_image_and_mask_move_together():
    image, mask = blocks(1)
    agree = []
    for placement in draws(60, scales=(0.6, 2.0)):
        pixels, labels = cut(pack(image, mask), placement)
        seen = labels != IGNORE
        assert np.array_equal(~seen, (pixels == PADDING).all(axis=2))
        # Only where blocks meet may an interpolated colour be that of neither.
        agree.append((pixels[..., 0][seen] == labels[seen] * 10).mean())
    assert min(agree) > 0.6
    assert np.mean(agree) > 0.8


def test_nothing_changes_at_scale_one_and_full_size():
    image, mask = blocks(2)
    pixels, labels = cut(pack(image, mask), whole())
    assert np.array_equal(pixels, image) and np.array_equal(labels, mask)


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7])
def test_image_and_mask_are_each_resized_as_if_they_were_alone(scale):
    rng = np.random.default_rng(7)
    image, mask = rng.integers(0, 256, (*SIZE, 3), np.uint8), rng.integers(0, 9, SIZE, np.uint8)
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    pixels, labels = cut(pack(image, mask), whole(size=size, crop=size, flip=True))
    alone = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    assert np.array_equal(pixels[:, ::-1], np.asarray(alone))
    alone = Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST)
    assert np.array_equal(labels[:, ::-1], np.asarray(alone))


def test_a_flip_mirrors_both():
    image, mask = blocks(3)
    pixels, labels = cut(pack(image, mask), whole(flip=True))
    assert np.array_equal(pixels, image[:, ::-1]) and np.array_equal(labels, mask[:, ::-1])


def test_a_crop_is_where_it_says():
    image, mask = blocks(4)
    pixels, labels = cut(pack(image, mask), whole(crop=(10, 20), top=7, left=33))
    assert np.array_equal(pixels, image[7:17, 33:53])
    assert np.array_equal(labels, mask[7:17, 33:53])


def test_outside_the_image_is_ignored():
    image, mask = blocks(5)
    pixels, labels = cut(pack(image, mask), whole(crop=(50, 64), top=-6, left=-1))
    assert np.array_equal(labels[6:46, 1:61], mask)
    padded = np.ones((50, 64), dtype=bool)
    padded[6:46, 1:61] = False
    assert (labels[padded] == IGNORE).all()
    assert (pixels[padded] == PADDING).all()


def test_every_placement_fills_or_is_filled_by_its_crop():
    for placement in draws(200):
        for corner, crop, side in zip(
            (placement.top, placement.left), placement.crop, placement.size, strict=True
        ):
            if side >= crop:
                assert 0 <= corner <= side - crop
            else:
                assert side - crop <= corner <= 0


def test_scales_corners_and_flips_use_their_whole_range():
    drawn = list(draws(400, crop=(40, 60), scales=(1.0, 2.0)))
    heights = [each.size[0] for each in drawn]
    assert min(heights) < 44 and max(heights) > 76
    assert 0.4 < np.mean([each.flip for each in drawn]) < 0.6
    corners = [each.top / (each.size[0] - 40) for each in drawn if each.size[0] > 60]
    assert min(corners) < 0.1 and max(corners) > 0.9


def test_an_image_keeps_its_shape_at_every_scale():
    for placement in draws(100):
        height, width = placement.size
        assert abs(height * SIZE[1] / SIZE[0] - width) <= 1.5


def test_flips_are_drawn_whether_or_not_they_are_wanted():
    wanted, unwanted = draws(50, flip=True), draws(50, flip=False)
    for one, other in zip(wanted, unwanted, strict=True):
        assert not other.flip
        assert (one.size, one.top, one.left) == (other.size, other.top, other.left)


@pytest.mark.parametrize("scale", [0.1, 0.02])
def test_an_image_that_all_but_vanishes_leaves_a_crop(scale):
    image, mask = blocks(6)
    placement = next(draws(1, scales=(scale, scale)))
    pixels, labels = cut(pack(image, mask), placement)
    assert pixels.shape == (32, 48, 3) and labels.shape == (32, 48)
    assert (labels != IGNORE).any()


def test_normalise_is_its_closed_form():
    images = torch.randint(0, 256, (2, 4, 5, 3), dtype=torch.uint8)
    normal = normalise(images)
    assert normal.shape == (2, 3, 4, 5) and normal.dtype == torch.float32
    for channel in range(3):
        expected = (images[..., channel].double() / 255 - MEAN[channel]) / STD[channel]
        torch.testing.assert_close(normal[:, channel].double(), expected, rtol=1e-5, atol=1e-5)


def test_padding_is_about_zero_once_normalised():
    padding = torch.tensor(PADDING, dtype=torch.uint8).reshape(1, 1, 1, 3)
    assert normalise(padding).abs().max() < 0.01


SET = (0.75, 1.0, 1.25, 1.5, 2.0)


def test_more_than_two_scales_are_a_set_whose_members_are_equally_likely():
    heights = [each.size[0] for each in draws(1000, scales=SET)]
    counts = {scale: heights.count(round(SIZE[0] * scale)) for scale in SET}
    assert sum(counts.values()) == 1000
    assert all(150 < count < 250 for count in counts.values())


def test_a_set_and_a_range_of_scales_draw_the_same_corners_and_flips():
    for one, other in zip(draws(50, scales=SET), draws(50, scales=(0.75, 2.0)), strict=True):
        assert one.flip == other.flip
    same = draws(50, scales=(1.0, 1.0, 1.0)), draws(50, scales=(1.0, 1.0))
    assert list(same[0]) == list(same[1])


def test_a_crop_that_is_never_filled_is_refused():
    message = r"recipe.crop=\(64, 128\) is never filled by images of \(40, 60\), not even at 2.0, "
    with pytest.raises(ValueError, match=message):
        check_crop(SIZE, crop=(64, 128), scales=(0.5, 2.0))
    with pytest.raises(ValueError, match=r"not even at 0\.9"):
        check_crop(SIZE, crop=(40, 32), scales=(0.5, 0.9, 0.7))


def test_a_crop_that_is_filled_only_by_enlarged_images_is_warned_of():
    said = check_crop(SIZE, crop=(40, 90), scales=(0.75, 1.0, 1.5))
    assert said == (
        "recipe.crop=(40, 90) is larger than the images, (40, 60): "
        "those scaled by less than 1.50 are padded"
    )
    assert check_crop(SIZE, crop=SIZE, scales=(0.5, 1.0)) is None
