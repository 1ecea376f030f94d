"""The batch of a step, as a pure function of the seed and the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness.data.augment import DRAWN, cut, factors, jitter, place
from harness.data.frames import Frames
from harness.study import Recipe
from harness.training.streams import stream

READERS = {"cuda": 4, "cpu": 1}
"""Threads that prepare the next batches during a step. A batch is 2 to 4 % of a CPU's step for the
smallest networks, and one thread hides that where a core is to spare; it costs nothing else."""


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
    placement = place(
        _chance(seed, number), frames.size, crop=recipe.crop, scales=recipe.scales, flip=recipe.flip
    )
    return cut(frame, placement)


def _chance(seed: int, number: int) -> np.random.Generator:
    """What one image of all that a trial sees is augmented by."""
    return np.random.default_rng([stream(seed, "augment"), number])


def colours(
    recipe: Recipe, *, seed: int, step: int, rank: int = 0, world: int = 1
) -> Tensor | None:
    """The factors (N, 3) of ``jitter`` for the images of ``batch``; None without color_jitter."""
    if recipe.color_jitter is None:
        return None
    drawn = []
    for index in share(recipe, rank=rank, world=world):
        rng = _chance(seed, step * recipe.batch + index)
        rng.random(DRAWN)
        drawn.append(factors(rng, recipe.color_jitter))
    return torch.tensor(drawn)


def batches(  # noqa: PLR0913 - a place in training is these
    frames: Frames,
    recipe: Recipe,
    *,
    seed: int,
    start: int,
    device: torch.device | str = "cpu",
    readers: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of steps ``start`` to the recipe's last, on a device and in their colours.

    With readers they are prepared ahead, which changes when a batch is made, never what is in it.
    Images are uint8, or float32 of 0..255 with color_jitter.
    """
    device = torch.device(device)
    whose: dict[str, int] = {"seed": seed, "rank": rank, "world": world}
    steps = range(start, recipe.steps)

    def made(step: int) -> tuple[Tensor, Tensor]:
        images, masks = batch(frames, recipe, step=step, **whose)
        if device.type == "cuda":  # only from pinned memory are copies not waited for
            return images.pin_memory(), masks.pin_memory()
        return images, masks

    with closing(_ahead(made, steps, readers)) as feed:
        for step, (images, masks) in zip(steps, feed, strict=True):
            images, masks = (each.to(device, non_blocking=True) for each in (images, masks))
            by = colours(recipe, step=step, **whose)
            yield (images if by is None else jitter(images, by)), masks


def _ahead(
    made: Callable[[int], tuple[Tensor, Tensor]], steps: range, readers: int
) -> Generator[tuple[Tensor, Tensor]]:
    """What is made of each step, in order, by so many threads or in the step's own time."""
    if not readers:
        yield from map(made, steps)
        return
    waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
    with ThreadPoolExecutor(readers) as pool:
        try:
            for step in steps:
                waiting.append(pool.submit(made, step))
                if len(waiting) > readers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
