"""A score does not depend on how many processes took part in it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from toys import Toy, tiny

from harness.confusions import matrix, merged, total
from harness.scoring import Scoring
from harness.training.evaluate import count, evaluate, scores_of


class Plain(nn.Module):
    """The main logits of a tiny network."""

    def __init__(self):
        super().__init__()
        self.network = tiny(7)
        self.batches = []

    def forward(self, images):
        self.batches.append(len(images))
        return self.network(images).main


def share(rank, world, num_images=7, batch=2, **scoring):
    """One share of a split, as a process of its own would count it."""
    torch.set_num_threads(1)
    return count(
        Plain().eval(),
        Toy(val=num_images),
        device="cpu",
        batch=batch,
        scoring=Scoring(**scoring),
        rank=rank,
        world=world,
    )


def same(one, other):
    names = ("images", "starts", "cells", "counts")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("world", [2, 3, 8])
@pytest.mark.parametrize("scoring", [{}, {"flip": True}])
def test_two_and_three_processes_count_what_one_counts(world, scoring):
    alone = share(0, 1, **scoring)
    together = merged([share(rank, world, **scoring) for rank in range(world)], 7)
    assert same(together, alone)
    assert scores_of(together, Scoring()) == scores_of(alone, Scoring())


def test_no_image_of_an_odd_number_is_counted_twice_or_left_out():
    shares = [share(rank, 3) for rank in range(3)]
    assert [each.images.tolist() for each in shares] == [[0, 1, 6], [2, 3], [4, 5]]


def test_real_processes_count_what_one_counts():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        shares = list(pool.map(share, [0, 1], [2, 2]))
    assert same(merged(shares, 7), share(0, 1))


def test_the_matrices_of_images_add_up_to_the_score():
    counted = share(0, 1)
    score = evaluate(Plain().eval(), Toy(val=7), device="cpu", batch=2)
    assert scores_of(counted, Scoring()) == score
    assert total(counted).tolist() == [list(row) for row in score.confusion]
    alone = [evaluate(Plain().eval(), One(number), device="cpu") for number in range(7)]
    by_image = [[list(row) for row in each.confusion] for each in alone]
    assert by_image == [matrix(counted, i).tolist() for i in range(7)]


class One(Toy):
    """One image of a toy's val split."""

    def __init__(self, number):
        super().__init__(val=1)
        self.number = number

    def load(self, split, index):
        return super().load(split, self.number)


def test_images_of_several_sizes_are_scored_at_their_own():
    class Uneven(Toy):
        def load(self, split, index):
            image, mask = super().load(split, index)
            return (image, mask) if index % 2 else (image[:, :-8], mask[:, :-8])

    model = Plain().eval()
    counted = count(model, Uneven(val=5), device="cpu", batch=4)
    assert model.batches == [2, 2, 1]
    pixels = [int(matrix(counted, i).sum()) for i in range(5)]
    assert pixels == [32 * 24, 32 * 32, 32 * 24, 32 * 32, 32 * 24]


def test_labels_of_another_size_are_scored_as_they_are():
    class Coarse(Toy):
        def load(self, split, index):
            image, mask = super().load(split, index)
            return image[::2, ::2], mask

    class Small(Plain):
        def forward(self, images):
            assert tuple(images.shape[-2:]) == (32, 32)
            return super().forward(images)

    counted = count(Small().eval(), Coarse(size=(64, 64)), device="cpu")
    assert int(total(counted).sum()) == 3 * 64 * 64


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        share(2, 2)


def test_a_split_without_a_label_is_an_error_and_its_shares_are_not():
    class Blank(Toy):
        def load(self, split, index):
            image, mask = super().load(split, index)
            return image, np.full_like(mask, 255)

    counted = count(Plain().eval(), Blank(), device="cpu")
    with pytest.raises(ValueError, match="no labelled pixel"):
        scores_of(counted, Scoring())
