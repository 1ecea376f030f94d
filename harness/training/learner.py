"""A network with all that a step changes or uses, and how a step is taken."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from harness.data.augment import normalise
from harness.network import Logits
from harness.study import Recipe
from harness.training.average import Average
from harness.training.losses import network_loss
from harness.training.optimizer import make_optimizer, set_rate
from harness.training.ranks import ALONE, Ranks
from harness.training.schedule import learning_rate

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

_OPTIONS = inspect.signature(DistributedDataParallel).parameters
KEEP_BUFFERS = next(o for o in ("forward_sync_buffers", "broadcast_buffers") if o in _OPTIONS)
"""The option of torch, by its name before and since 2.13, that sends buffers at every step."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What trains: ``forward`` is the network, compiled if the recipe says so.

    The scaler does nothing but for fp16; ``average`` is None without ``ema``. ``shared`` is what
    averages gradients where several processes train together.
    """

    network: nn.Module
    forward: Callable[[Tensor], Logits]
    recipe: Recipe
    device: torch.device
    optimizer: Optimizer
    scaler: GradScaler
    average: Average | None
    class_weights: Tensor | None = None
    ranks: Ranks = ALONE
    shared: DistributedDataParallel | None = None


def make_learner(
    network: nn.Module, recipe: Recipe, device: torch.device, ranks: Ranks = ALONE
) -> Learner:
    """A learner at its first step, of a network that is on the device."""
    shared = _shared(network, device) if ranks.world > 1 else None
    forward: Callable[[Tensor], Logits] = shared or network
    return Learner(
        network=network,
        forward=torch.compile(forward) if recipe.compile else forward,
        ranks=ranks,
        shared=shared,
        recipe=recipe,
        device=device,
        optimizer=make_optimizer(network, recipe),
        scaler=GradScaler(device.type, enabled=precision(recipe, device) == "fp16"),
        average=Average(network, recipe.ema) if recipe.ema is not None else None,
    )


def _shared(network: nn.Module, device: torch.device) -> DistributedDataParallel:
    """The network with gradients averaged over processes; buffers are the same in all of them."""
    return DistributedDataParallel(
        network,
        device_ids=[device.index] if device.type == "cuda" else None,
        gradient_as_bucket_view=True,
        **{KEEP_BUFFERS: False},  # type: ignore[arg-type]
    )


def precision(recipe: Recipe, device: torch.device) -> str:
    """What convolutions compute in: "bf16" and "fp16" on CUDA alone, "float32" elsewhere."""
    return str(recipe.amp) if recipe.amp and device.type == "cuda" else "float32"


def take_step(learner: Learner, images: Tensor, masks: Tensor, number: int) -> Tensor:
    """A step, numbered from 0, on images (0..255) and masks of a batch; gives its loss, a scalar.

    The loss stays on the device, so that nobody waits for a GPU; ``value_of`` reads it. On a CPU
    it is read at once: FloatingPointError as there, with weights and average as they were before.
    """
    recipe = learner.recipe
    set_rate(learner.optimizer, learning_rate(number, recipe))
    learner.optimizer.zero_grad(set_to_none=True)
    parts = zip(images.chunk(recipe.accumulate), masks.chunk(recipe.accumulate), strict=True)
    losses = [
        _backward(learner, *part, last=place == recipe.accumulate)
        for place, part in enumerate(parts, 1)
    ]
    loss = learner.ranks.sum(torch.stack(losses).mean()) / learner.ranks.world
    if loss.device.type == "cpu":
        value_of(loss, number, recipe)
    if number == 0 and learner.shared:
        _check_reached(learner.network)
    if recipe.clip_norm is not None:
        learner.scaler.unscale_(learner.optimizer)
        clip_grad_norm_(learner.network.parameters(), recipe.clip_norm)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    if learner.average:
        learner.average.update(learner.network, number + 1)
    return loss


def value_of(loss: Tensor, number: int, recipe: Recipe) -> float:
    """The loss of the step numbered ``number`` from 0, read from its device.

    FloatingPointError, naming step and learning rate, for a loss that is not finite.
    """
    value = float(loss)
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value} at step {number + 1} of {recipe.steps}, "
            f"learning rate {learning_rate(number, recipe):.4g}; a lower recipe.lr or a "
            "recipe.clip_norm may keep it finite"
        )
    return value


def _check_reached(network: nn.Module) -> None:
    """ValueError for parameters without a gradient, for which averaging would wait for ever."""
    wanted = ((name, each) for name, each in network.named_parameters() if each.requires_grad)
    idle = [name for name, each in wanted if each.grad is None]
    if idle:
        raise ValueError(
            f"{len(idle)} parameters are reached by no loss, the first {idle[0]}: several "
            "processes cannot train them together; train such a network with one process a trial"
        )


def _backward(learner: Learner, images: Tensor, masks: Tensor, *, last: bool) -> Tensor:
    """Adds the gradient of one part of a batch; gives the part's loss.

    The gradients of several processes are averaged with the ``last`` part.
    """
    recipe = learner.recipe
    dtype = DTYPES.get(precision(recipe, learner.device))
    images, masks = images.to(learner.device), masks.to(learner.device)
    autocast = torch.autocast(learner.device.type, dtype=dtype, enabled=dtype is not None)
    with autocast, _kept_apart(learner, last):
        logits = learner.forward(normalise(images))
    loss = network_loss(
        logits,
        masks.long(),
        aux_weight=recipe.aux_weight,
        loss=recipe.loss,
        class_weights=learner.class_weights,
        ranks=learner.ranks,
    )
    learner.scaler.scale(loss / recipe.accumulate).backward()
    return loss.detach()


def _kept_apart(learner: Learner, last: bool) -> AbstractContextManager[object]:
    """Whether gradients are averaged is decided where the forward pass begins."""
    return nullcontext() if learner.shared is None or last else learner.shared.no_sync()
