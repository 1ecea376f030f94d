"""Confusion matrices by image: nothing is lost in keeping, merging or writing them."""

import hashlib

import numpy as np
import pytest

from harness.confusions import joined, matrix, merged, read, save, sparse, total

CLASSES = ("road", "sky", "pole")


def made_up(num_images, num_classes=3, seed=0):
    """Matrices with many zeros, the middle one empty."""
    dice = np.random.default_rng(seed)
    counts = dice.integers(0, 90_000, (num_images, num_classes, num_classes))
    counts[dice.random(counts.shape) < 0.6] = 0
    counts[num_images // 2] = 0
    return counts


def kept(counts, images=None):
    return sparse(CLASSES, range(len(counts)) if images is None else images, counts)


def test_matrices_come_back_as_they_were():
    counts = made_up(7)
    some = kept(counts)
    assert [matrix(some, i).tolist() for i in range(7)] == counts.tolist()
    assert total(some).tolist() == counts.sum(axis=0).tolist()
    assert total(some).dtype == np.int64


def test_a_resample_counts_images_several_times_or_not_at_all():
    counts, times = made_up(5), [0, 2, 1, 0, 3]
    expected = (counts * np.array(times)[:, None, None]).sum(axis=0)
    assert total(kept(counts), times).tolist() == expected.tolist()
    with pytest.raises(ValueError, match="2 weights were given for 5 images"):
        total(kept(counts), [1, 1])


def test_sums_are_whole_beyond_the_reach_of_float_and_int32():
    many = kept(np.full((2, 3, 3), 2**31 - 1))
    assert total(many, [2**23, 1])[0, 0] == (2**31 - 1) * (2**23 + 1)


@pytest.mark.parametrize("world", [1, 2, 3, 9])
def test_shares_merge_to_the_whole_in_order(world):
    counts = made_up(7)
    shares = [kept(counts[rank::world], range(7)[rank::world]) for rank in range(world)]
    whole = merged(shares[::-1], 7)
    assert whole.images.tolist() == list(range(7))
    assert [matrix(whole, i).tolist() for i in range(7)] == counts.tolist()


def test_shares_with_an_image_too_many_or_too_few_are_refused():
    counts = made_up(3)
    with pytest.raises(ValueError, match="4 images, 3 of them different; the split has 3"):
        merged([kept(counts), kept(counts[:1])], 3)
    with pytest.raises(ValueError, match="3 images, 3 of them different; the split has 4"):
        merged([kept(counts)], 4)
    with pytest.raises(ValueError, match="same classes"):
        merged([kept(counts), sparse(("a",), [3], np.ones((1, 1, 1), np.int64))], 4)


def test_a_file_holds_all_and_is_the_same_for_the_same(tmp_path):
    some = kept(made_up(7))
    digest = save(some, tmp_path / "a.npz")
    assert digest == hashlib.sha256((tmp_path / "a.npz").read_bytes()).hexdigest()
    assert save(joined([some]), tmp_path / "b.npz") == digest
    back = read(tmp_path / "a.npz", digest)
    assert back.classes == CLASSES
    for name in ("images", "starts", "cells", "counts"):
        assert np.array_equal(getattr(back, name), getattr(some, name))
        assert getattr(back, name).dtype == getattr(some, name).dtype
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "b.npz"}


def test_another_file_than_the_rows_is_refused(tmp_path):
    digest = save(kept(made_up(3)), tmp_path / "a.npz")
    save(kept(made_up(3, seed=1)), tmp_path / "a.npz")
    with pytest.raises(ValueError, match=f"but the row has {digest}"):
        read(tmp_path / "a.npz", digest)


@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04torn"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz holds no confusion matrices"):
        read(tmp_path / "a.npz")


def test_matrices_of_a_large_split_are_small(tmp_path):
    """Like Cityscapes' 500 images of 19 classes, of which an image has a quarter of the pairs."""
    dice = np.random.default_rng(0)
    counts = dice.integers(1, 200_000, (500, 19, 19))
    counts[dice.random(counts.shape) < 0.75] = 0
    save(sparse(tuple("abcdefghijklmnopqrs"), range(500), counts), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_size < 250_000
