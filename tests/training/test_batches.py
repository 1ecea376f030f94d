"""Batches are a pure function of seed and step: the same for every network that is compared."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import Toy

from harness import Recipe
from harness.data.augment import jitter, place
from harness.data.dataset import IGNORE
from harness.data.frames import Frames
from harness.data.streets import Streets
from harness.training import batches as module
from harness.training.batches import batch, batches, colours, order
from harness.training.streams import stream

RECIPE = Recipe(crop=(32, 40), batch=3, steps=6, scales=(0.75, 1.5))
COLOURED = replace(RECIPE, color_jitter=(0.4, 0.4, 0.4))


@pytest.fixture(scope="module")
def frames():
    return Frames(Streets(None, size=(32, 48), train=7), "train")


@pytest.fixture
def placements(monkeypatch):
    """The placements that are drawn, in order."""
    drawn = []

    def recorded(*given, **options):
        drawn.append(place(*given, **options))
        return drawn[-1]

    monkeypatch.setattr(module, "place", recorded)
    return drawn


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_order_is_the_same_in_another_process():
    script = "from harness.training.batches import order; print(order(3, 1, 20))"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == str(order(3, 1, 20))


def test_every_epoch_holds_every_image_once_in_another_order():
    epochs = [order(0, epoch, 50) for epoch in range(3)]
    assert all(sorted(each) == list(range(50)) for each in epochs)
    assert len(set(epochs)) == 3


def test_another_seed_is_another_order():
    assert order(0, 0, 50) != order(1, 0, 50)


def test_a_batch_depends_on_seed_and_step_alone(frames):
    first = batch(frames, RECIPE, seed=4, step=2)
    batch(frames, RECIPE, seed=9, step=0)
    torch.rand(3)
    fresh = Frames(Streets(None, size=(32, 48), train=7), "train")
    assert same(first, batch(fresh, RECIPE, seed=4, step=2))
    assert not same(first, batch(frames, RECIPE, seed=5, step=2))
    assert not same(first, batch(frames, RECIPE, seed=4, step=3))


def test_batches_are_full_whatever_the_epoch(frames):
    for step in range(6):
        images, masks = batch(frames, RECIPE, seed=0, step=step)
        assert images.shape == (3, 32, 40, 3) and images.dtype == torch.uint8
        assert masks.shape == (3, 32, 40) and masks.dtype == torch.uint8
        assert (masks != IGNORE).any()


def test_a_batch_may_be_larger_than_the_split(frames):
    images, _ = batch(frames, Recipe(crop=(32, 32), batch=20), seed=0, step=0)
    assert len(images) == 20


def test_the_learning_rate_does_not_change_the_data(frames):
    other = Recipe(crop=(32, 40), batch=3, steps=60, scales=(0.75, 1.5), lr=0.5, aux_weight=0)
    assert same(batch(frames, RECIPE, seed=1, step=5), batch(frames, other, seed=1, step=5))


@pytest.mark.parametrize("readers", [0, 1, 3, 9])
@pytest.mark.parametrize("start", [0, 4, 6])
def test_readers_change_when_but_not_what(frames, readers, start):
    given = list(batches(frames, RECIPE, seed=2, start=start, readers=readers))
    wanted = [batch(frames, RECIPE, seed=2, step=step) for step in range(start, 6)]
    assert len(given) == len(wanted)
    assert all(same(one, other) for one, other in zip(given, wanted, strict=True))


@pytest.mark.parametrize("readers", [0, 2])
@pytest.mark.parametrize("start", [0, 4])
def test_colours_are_those_of_seed_and_step_whoever_makes_the_batch(frames, readers, start):
    given = list(batches(frames, COLOURED, seed=2, start=start, readers=readers))
    assert len(given) == 6 - start
    for step, pair in enumerate(given, start):
        images, masks = batch(frames, RECIPE, seed=2, step=step)
        assert same(pair, (jitter(images, colours(COLOURED, seed=2, step=step)), masks))


def test_every_image_has_colours_of_its_own_each_time():
    drawn = torch.cat([colours(COLOURED, seed=0, step=step) for step in range(6)])
    assert drawn.shape == (18, 3) and len(drawn.unique()) == 54
    assert (drawn >= 0.6).all() and (drawn <= 1.4).all()
    assert not torch.equal(drawn[:3], colours(COLOURED, seed=1, step=0))
    assert colours(RECIPE, seed=0, step=0) is None


def test_colours_are_drawn_after_what_places_an_image(frames, placements):
    for step in range(2):
        next(batches(frames, COLOURED, seed=0, start=step))
        batch(frames, RECIPE, seed=0, step=step)
    assert placements[:3] == placements[3:6] and placements[6:9] == placements[9:]
    place_of_4 = np.random.default_rng([stream(0, "augment"), 4]).random(7)[4:]
    wanted = torch.from_numpy(0.6 + 0.8 * place_of_4).float()
    torch.testing.assert_close(colours(COLOURED, seed=0, step=1)[1], wanted)


def test_processes_share_the_colours_as_they_share_the_images():
    recipe = replace(COLOURED, batch=12, accumulate=3)
    whole = colours(recipe, seed=1, step=2).chunk(3)
    mine = [colours(recipe, seed=1, step=2, rank=rank, world=2).chunk(3) for rank in range(2)]
    for part, *slices in zip(whole, *mine, strict=True):
        assert torch.equal(torch.cat(slices), part)


@pytest.mark.parametrize("readers", [0, 2])
@pytest.mark.parametrize(("device", "pinned"), [("cpu", 0), ("cuda", 12)])
def test_batches_come_from_pinned_memory_on_cuda_alone(
    frames, device, pinned, readers, monkeypatch
):
    held, moved = [], []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda each: (held.append(each), each)[1])
    monkeypatch.setattr(
        torch.Tensor, "to", lambda each, *to, **how: (moved.append((to, how)), each)[1]
    )
    given = list(batches(frames, RECIPE, seed=2, start=0, device=device, readers=readers))
    assert len(given) == 6 and len(held) == pinned
    assert moved == [((torch.device(device),), {"non_blocking": True})] * 12


def test_readers_stop_when_the_consumer_does(frames):
    feed = batches(frames, RECIPE, seed=2, start=0, readers=2)
    next(feed)
    feed.close()
    with pytest.raises(StopIteration):
        next(feed)


def test_batches_walk_through_the_epochs_without_a_gap():
    plain = Recipe(crop=(32, 32), batch=3, scales=(1, 1), flip=False)
    toys = Frames(Toy(train=5), "train")
    # The corner pixel of a toy is its number.
    shown = [batch(toys, plain, seed=3, step=step)[0][:, 0, 0, 0] for step in range(5)]
    wanted = [index for epoch in range(3) for index in order(3, epoch, 5)]
    assert torch.cat(shown).tolist() == wanted


def test_augmentation_does_not_depend_on_the_order(placements, monkeypatch):
    batch(Frames(Toy(train=5), "train"), RECIPE, seed=0, step=0)
    monkeypatch.setattr(module, "order", lambda seed, epoch, count: range(count))
    batch(Frames(Toy(train=2), "train"), RECIPE, seed=0, step=0)
    assert placements[:3] == placements[3:]


def test_the_order_does_not_depend_on_augmentation(monkeypatch):
    asked = []
    load = Toy.load
    monkeypatch.setattr(Toy, "load", lambda *given: (asked.append(given[2]), load(*given))[1])
    for scales, flip in (((1, 1), False), ((0.5, 2.0), True)):
        recipe = Recipe(crop=(32, 40), batch=5, scales=scales, flip=flip)
        batch(Frames(Toy(train=5), "train"), recipe, seed=0, step=0)
    assert asked[:5] == asked[5:] == list(order(0, 0, 5))


def test_an_image_is_augmented_anew_each_time(frames, placements):
    for step in range(7):
        batch(frames, RECIPE, seed=0, step=step)
    assert len(set(placements)) == len(placements) == 21


def test_another_seed_is_another_augmentation(frames, placements):
    for seed in (0, 1):
        batch(frames, RECIPE, seed=seed, step=0)
    assert not set(placements[:3]) & set(placements[3:])


@pytest.mark.parametrize(("world", "accumulate"), [(1, 1), (2, 1), (3, 1), (2, 3), (3, 2), (6, 2)])
def test_processes_share_each_part_of_a_batch_without_a_gap(frames, world, accumulate):
    recipe = Recipe(crop=(32, 40), batch=12, steps=6, accumulate=accumulate)
    whole = batch(frames, recipe, seed=1, step=2)
    mine = [batch(frames, recipe, seed=1, step=2, rank=r, world=world) for r in range(world)]
    for kind in (0, 1):  # images, then masks
        parts = [each[kind].chunk(accumulate) for each in mine]
        joined = [torch.cat(slices) for slices in zip(*parts, strict=True)]
        assert torch.equal(torch.cat(joined), whole[kind])


@pytest.mark.parametrize("readers", [0, 2])
def test_a_process_decodes_nothing_but_its_share(readers, monkeypatch):
    asked = []
    load = Toy.load
    monkeypatch.setattr(Toy, "load", lambda *given: (asked.append(given[2]), load(*given))[1])
    recipe = Recipe(crop=(32, 32), batch=8, steps=1, accumulate=2)
    frames = Frames(Toy(train=8), "train")
    next(batches(frames, recipe, seed=3, start=0, readers=readers, rank=1, world=2))
    seen = order(3, 0, 8)
    assert asked == [seen[place] for place in (2, 3, 6, 7)]


@pytest.mark.parametrize(("world", "accumulate"), [(3, 1), (8, 2), (2, 4)])
def test_a_batch_that_processes_cannot_share_is_refused(frames, world, accumulate):
    recipe = Recipe(crop=(32, 40), batch=20 if accumulate == 4 else 8, accumulate=accumulate)
    message = rf"recipe.batch={recipe.batch} in recipe.accumulate={accumulate} .* {world} processes"
    with pytest.raises(ValueError, match=message):
        batch(frames, recipe, seed=0, step=0, world=world)


def test_an_error_in_a_reader_is_raised():
    class Broken(Toy):
        def load(self, split, index):
            raise ValueError("image 3 is broken")

    with pytest.raises(ValueError, match="image 3 is broken"):
        next(batches(Frames(Broken(), "train"), RECIPE, seed=0, start=0, readers=2))


def test_the_callers_random_states_are_left_alone(frames):
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    batch(frames, RECIPE, seed=0, step=0)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.random.get_state()[1].tolist() == before[1]
