"""The batch of a step, as a pure function of the seed and the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from harness.data.augment import cut, place
from harness.data.frames import Frames
from harness.study import Recipe
from harness.training.streams import stream

READERS = 4
"""Threads that prepare the next batches while an accelerator works on this one."""


def order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """The images of an epoch in the order in which they are seen."""
    return _shuffled(stream(seed, "order"), epoch, count)


@lru_cache(maxsize=8)
def _shuffled(entropy: int, epoch: int, count: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng([entropy, epoch]).permutation(count).tolist())


def batch(
    frames: Frames, recipe: Recipe, *, seed: int, step: int, rank: int = 0, world: int = 1
) -> tuple[Tensor, Tensor]:
    """Images (N, H, W, 3) and masks (N, H, W), both uint8, for a step counted from 0.

    Epochs follow each other without a gap, so every batch is full. Nothing but the seed, the
    step, the recipe and the frames has a say: every architecture sees the same. Of ``world``
    processes, each makes its ``share`` only.
    """
    places = (step * recipe.batch + each for each in share(recipe, rank=rank, world=world))
    pairs = [_sample(frames, recipe, seed=seed, number=number) for number in places]
    images, masks = zip(*pairs, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks))


def share(recipe: Recipe, *, rank: int, world: int) -> list[int]:
    """The places in a batch that are a process's: of each accumulated part, its ``rank``-th slice.

    So a part is the same images over all processes together as it is in one. ValueError for
    parts that ``world`` processes cannot share equally.
    """
    size, left = divmod(recipe.batch, recipe.accumulate * world)
    if left:
        raise ValueError(
            f"recipe.batch={recipe.batch} in recipe.accumulate={recipe.accumulate} parts cannot be "
            f"shared equally by {world} processes"
        )
    firsts = range(rank * size, recipe.batch, size * world)
    return [place for first in firsts for place in range(first, first + size)]


def _sample(
    frames: Frames, recipe: Recipe, *, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray]:
    epoch, position = divmod(number, len(frames))
    frame = frames.packed(order(seed, epoch, len(frames))[position])
    rng = np.random.default_rng([stream(seed, "augment"), number])
    placement = place(rng, frames.size, crop=recipe.crop, scales=recipe.scales, flip=recipe.flip)
    return cut(frame, placement)


def batches(  # noqa: PLR0913 - a place in training is these
    frames: Frames,
    recipe: Recipe,
    *,
    seed: int,
    start: int,
    readers: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of steps ``start`` to the recipe's last; with readers, prepared ahead.

    Readers change when a batch is made, never what is in it.
    """
    steps = range(start, recipe.steps)
    made = partial(batch, frames, recipe, seed=seed, rank=rank, world=world)
    if not readers:
        yield from (made(step=step) for step in steps)
        return
    waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
    with ThreadPoolExecutor(readers) as pool:
        try:
            for step in steps:
                waiting.append(pool.submit(made, step=step))
                if len(waiting) > readers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
