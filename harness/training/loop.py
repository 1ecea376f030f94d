"""Trains one network by one recipe: SGD, step by step, resumable to the bit."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from harness.architecture import Architecture
from harness.data.augment import normalise
from harness.data.dataset import Dataset
from harness.data.frames import Frames
from harness.network import Network, assemble
from harness.study import Recipe
from harness.training.batches import READERS, batches
from harness.training.checkpoint import Checkpoint, Progress
from harness.training.losses import network_loss
from harness.training.optimizer import make_optimizer
from harness.training.schedule import learning_rate
from harness.training.streams import stream

SAVE_EVERY_S = 10.0
"""The most training time that a crash or an interrupt can cost."""

HISTORY_POINTS = 200
"""The most points that a loss curve keeps."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step that was taken: its number from 1, of how many, loss, rate, seconds so far."""

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
    at which this session took over.
    """

    history: tuple[tuple[int, float, float], ...]
    train_s: float
    data_wait: float
    resumed_from: int


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
    on_step: Callable[[Step], None] = ignore,
) -> Fit:
    """Trains a network in place, which must give ``harness.network.Logits``.

    With a checkpoint path the run is saved at least every ``SAVE_EVERY_S`` and at its end, and
    takes up an earlier run of the same trial: interrupted or not, the weights are the same (to
    the bit on a CPU). The caller's random state is left alone. FloatingPointError, naming step
    and learning rate, for a loss that is not finite; ValueError for another trial's checkpoint.
    """
    device = torch.device(device)
    # The faster order in memory for images, on CPU and GPU; torch's stubs do not know it.
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = make_optimizer(network, recipe)
    keep = checkpoint and Checkpoint(
        path=checkpoint, identity=_identity(network, dataset, recipe, seed), device=device
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(stream(seed, "dropout"))
        progress = keep.restore(network, optimizer) if keep else Progress()
        start, saved_s = progress.step, progress.train_s
        for step in _steps(network, optimizer, dataset, recipe, progress, seed):
            on_step(step)
            due = progress.train_s - saved_s >= SAVE_EVERY_S or step.step == step.steps
            if keep and due:
                keep.save(network, optimizer, progress)
                saved_s = progress.train_s
    return Fit(
        history=tuple(progress.history),
        train_s=progress.train_s,
        data_wait=progress.wait_s / progress.train_s if progress.train_s else 0.0,
        resumed_from=start,
    )


def _identity(network: nn.Module, dataset: Dataset, recipe: Recipe, seed: int) -> str:
    shapes = [(name, tuple(each.shape)) for name, each in network.state_dict().items()]
    whole = repr((shapes, recipe, dataset.fingerprint(), seed))
    return hashlib.sha256(whole.encode()).hexdigest()


def _steps(
    network: nn.Module,
    optimizer: Optimizer,
    dataset: Dataset,
    recipe: Recipe,
    progress: Progress,
    seed: int,
) -> Iterator[Step]:
    """Takes the steps that are left, noting each in ``progress`` before it is yielded."""
    device = next(network.parameters()).device
    feed = batches(
        Frames(dataset, "train"),
        recipe,
        seed=seed,
        start=progress.step,
        readers=READERS if device.type == "cuda" else 0,
    )
    stride = math.ceil(recipe.steps / (HISTORY_POINTS - 1))
    for number in range(progress.step, recipe.steps):
        began = time.perf_counter()
        images, masks = next(feed)
        fed = time.perf_counter()
        loss = _update(network, optimizer, recipe, images.to(device), masks.to(device), number)
        lr = learning_rate(number, recipe)
        if number % stride == 0 or number + 1 == recipe.steps:
            progress.history.append((number + 1, loss, lr))
        progress.step = number + 1
        progress.train_s += time.perf_counter() - began
        progress.wait_s += fed - began
        yield Step(step=number + 1, steps=recipe.steps, loss=loss, lr=lr, seconds=progress.train_s)


def _update(
    network: nn.Module,
    optimizer: Optimizer,
    recipe: Recipe,
    images: Tensor,
    masks: Tensor,
    number: int,
) -> float:
    """One step of SGD, numbered from 0, on uint8 images and masks; gives its loss."""
    lr = learning_rate(number, recipe)
    for group in optimizer.param_groups:
        group["lr"] = lr
    amp = recipe.amp and images.device.type == "cuda"
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=amp):
        logits = network(normalise(images))
    loss = network_loss(logits, masks.long(), aux_weight=recipe.aux_weight)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value} at step {number + 1} of {recipe.steps}, learning rate {lr:.4g}"
        )
    optimizer.step()
    return value
