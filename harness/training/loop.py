"""Trains one network by one recipe, step by step, resumable to the bit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from harness import leaving
from harness.architecture import Architecture
from harness.data.augment import check_crop
from harness.data.dataset import Dataset
from harness.data.frames import Frames
from harness.network import Network, assemble
from harness.study import Recipe
from harness.training.batches import READERS, batches
from harness.training.checkpoint import Checkpoint, Progress
from harness.training.curve import Curve
from harness.training.learner import Learner, make_learner, precision, take_step
from harness.training.losses import balanced_weights
from harness.training.ranks import ALONE, Ranks, statistics_shared
from harness.training.schedule import learning_rate
from harness.training.streams import stream

SAVE_EVERY_S = 10.0
"""The training time that a crash or an interrupt can cost, where saving is quick."""

SAVE_SHARE = 0.01
"""The most of a run's time that goes into saving: a large network is saved less often."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step that was taken: its number from 1, of how many, loss, rate, seconds so far.

    On a GPU, which is not waited for, ``loss`` is that of the step before.
    """

    step: int
    steps: int
    loss: float
    lr: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a training run leaves besides the weights.

    ``history`` is (step, loss, lr) at 200 steps or fewer, ``train_s`` the seconds of all sessions
    together, ``data_wait`` the share of them spent waiting for batches, ``resumed_from`` the step
    at which this session took over, ``precision`` what the device in fact computed in.
    """

    history: tuple[tuple[int, float, float], ...]
    train_s: float
    data_wait: float
    resumed_from: int
    precision: str


def ignore(_: Step) -> None:
    """Takes a step and does nothing."""


def initialise(architecture: Architecture, num_classes: int, seed: int) -> Network:
    """Assembles an untrained network whose weights depend on nothing but the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream(seed, "initial"))
        return assemble(architecture, num_classes)


def fit(  # noqa: PLR0913 - a trial is these seven
    network: nn.Module,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str,
    checkpoint: Path | None = None,
    cache: Path | None = None,
    on_step: Callable[[Step], None] = ignore,
    ranks: Ranks = ALONE,
    until: int | None = None,
) -> Fit:
    """Trains a network in place, which must give ``harness.network.Logits``.

    With a checkpoint path the run is saved at least every ``SAVE_EVERY_S`` and at its end, and
    takes up an earlier run of the same trial: interrupted or not, the weights are the same (to
    the bit on a CPU). With ``until`` it is saved and left after that step, counted from 1, of the
    same schedule. ``cache`` is a folder for decoded frames. With ``ema`` the network ends with
    the average of its weights. The caller's random state is left alone. An interrupt (see
    ``harness.leaving``) raises KeyboardInterrupt once the run is saved; FloatingPointError, naming
    step and learning rate, for a loss or weights that are not finite; ValueError for another
    trial's checkpoint, or a crop that the images never fill.

    Several processes may call it together, each with its ``ranks``: they share every batch, and
    batch statistics, losses and hard pixels are those of the whole of it, so that the run is that
    of one process up to rounding (and dropout, which each draws for itself).
    """
    device, last = torch.device(device), until or recipe.steps
    check_crop(dataset.size, crop=recipe.crop, scales=recipe.scales)
    # The faster order in memory for images, on CPU and GPU; torch's stubs do not know it.
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    frames = Frames(dataset, "train", folder=cache)
    keep: Checkpoint | None = None
    if checkpoint:
        named = _identity(network, dataset, recipe, seed)
        keep = Checkpoint(path=checkpoint, identity=named, device=device)
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), statistics_shared(network, ranks), leaving.training():
        learner = make_learner(network, recipe, device, ranks)
        torch.manual_seed(stream(seed, "dropout") + ranks.rank)
        progress = keep.restore(learner, last) if keep else Progress()
        start, next_save_s = progress.step, progress.train_s + SAVE_EVERY_S
        learner = _weighted(learner, frames, len(dataset.label_map.classes), progress)
        curve = Curve(recipe=recipe, points=progress.history)
        for step in _steps(learner, frames, progress, curve, seed, last):
            on_step(step)
            is_due = progress.train_s >= next_save_s or step.step == last
            # One may have heard of it: all leave after the same step.
            is_due, leaves = ranks.any_of(is_due, leaving.is_asked())
            if is_due or leaves:
                next_save_s = progress.train_s + _saved(keep, learner, progress, curve, step)
            if leaves:
                ranks.wait()  # the first of them writes
                raise KeyboardInterrupt
        if learner.average:
            learner.average.give(network)
    return _told(progress, start, precision(recipe, device))


def _saved(
    keep: Checkpoint | None, learner: Learner, progress: Progress, curve: Curve, step: Step
) -> float:
    """Saves a run; gives the seconds of training that are to pass before the next time."""
    began = time.perf_counter()
    curve.read()
    _check_weights(learner.network, step)
    if keep:
        keep.save(learner, progress)
    return max(SAVE_EVERY_S, (time.perf_counter() - began) / SAVE_SHARE)


def _told(progress: Progress, start: int, computed_in: str) -> Fit:
    return Fit(
        history=tuple(progress.history),
        train_s=progress.train_s,
        data_wait=progress.wait_s / progress.train_s if progress.train_s else 0.0,
        resumed_from=start,
        precision=computed_in,
    )


def _identity(network: nn.Module, dataset: Dataset, recipe: Recipe, seed: int) -> dict[str, str]:
    shapes = [(name, tuple(each.shape)) for name, each in network.state_dict().items()]
    parts = {"network": shapes, "recipe": recipe, "data": dataset.fingerprint(), "seed": seed}
    return {name: hashlib.sha256(repr(part).encode()).hexdigest() for name, part in parts.items()}


def _weighted(learner: Learner, frames: Frames, num_classes: int, progress: Progress) -> Learner:
    """The learner with the weights of its classes, counted unless an earlier session has them."""
    if learner.recipe.class_weights is None:
        return learner
    if progress.class_weights is None:
        progress.class_weights = balanced_weights(_pixels(frames, num_classes))
    weights = torch.tensor(progress.class_weights, dtype=torch.float32, device=learner.device)
    return replace(learner, class_weights=weights)


def _pixels(frames: Frames, num_classes: int) -> list[int]:
    """How many pixels of a split are labelled with each class."""
    total = np.zeros(256, dtype=np.int64)
    for index in range(len(frames)):
        total += np.bincount(frames[index][1].ravel(), minlength=256)
    return [int(each) for each in total[:num_classes]]


def _check_weights(network: nn.Module, step: Step) -> None:
    """Stops before weights that are not finite take the place of a checkpoint that is sound."""
    if not all(bool(each.isfinite().all()) for each in network.state_dict().values()):
        raise FloatingPointError(
            f"the weights are not finite after step {step.step} of {step.steps}, "
            f"learning rate {step.lr:.4g}"
        )


def _steps(
    learner: Learner, frames: Frames, progress: Progress, curve: Curve, seed: int, last: int
) -> Iterator[Step]:
    """Takes the steps up to the last, noting each in ``progress`` before it is yielded."""
    recipe, ranks = learner.recipe, learner.ranks
    feed = batches(
        frames,
        recipe,
        seed=seed,
        start=progress.step,
        device=learner.device,
        readers=READERS[learner.device.type],
        rank=ranks.rank,
        world=ranks.world,
    )
    for number in range(progress.step, last):
        began = time.perf_counter()
        images, masks = next(feed)
        fed = time.perf_counter()
        curve.add(number, take_step(learner, images, masks, number))
        progress.step = number + 1
        progress.train_s += time.perf_counter() - began
        progress.wait_s += fed - began
        yield Step(
            step=number + 1,
            steps=recipe.steps,
            loss=curve.last,
            lr=learning_rate(number, recipe),
            seconds=progress.train_s,
        )
