"""A network with all that a step changes or uses, and how a step is taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from harness.data.augment import normalise
from harness.network import Logits
from harness.study import Recipe
from harness.training.average import Average
from harness.training.losses import network_loss
from harness.training.optimizer import make_optimizer, set_rate
from harness.training.schedule import learning_rate

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What trains: ``forward`` is the network, compiled if the recipe says so.

    The scaler does nothing but for fp16; ``average`` is None without ``ema``.
    """

    network: nn.Module
    forward: Callable[[Tensor], Logits]
    recipe: Recipe
    device: torch.device
    optimizer: Optimizer
    scaler: GradScaler
    average: Average | None
    class_weights: Tensor | None = None


def make_learner(network: nn.Module, recipe: Recipe, device: torch.device) -> Learner:
    """A learner at its first step, of a network that is on the device."""
    return Learner(
        network=network,
        forward=torch.compile(network) if recipe.compile else network,
        recipe=recipe,
        device=device,
        optimizer=make_optimizer(network, recipe),
        scaler=GradScaler(device.type, enabled=precision(recipe, device) == "fp16"),
        average=Average(network, recipe.ema) if recipe.ema is not None else None,
    )


def precision(recipe: Recipe, device: torch.device) -> str:
    """What convolutions compute in: "bf16" and "fp16" on CUDA alone, "float32" elsewhere."""
    return str(recipe.amp) if recipe.amp and device.type == "cuda" else "float32"


def take_step(learner: Learner, images: Tensor, masks: Tensor, number: int) -> float:
    """A step, numbered from 0, on uint8 images and masks of one batch; gives its loss.

    FloatingPointError, naming step and learning rate, for a loss that is not finite; weights and
    average are then as they were before the step.
    """
    recipe = learner.recipe
    lr = learning_rate(number, recipe)
    set_rate(learner.optimizer, lr)
    learner.optimizer.zero_grad(set_to_none=True)
    parts = zip(images.chunk(recipe.accumulate), masks.chunk(recipe.accumulate), strict=True)
    value = float(torch.stack([_backward(learner, *part) for part in parts]).mean())
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the loss is {value} at step {number + 1} of {recipe.steps}, learning rate {lr:.4g}"
        )
    if recipe.clip_norm is not None:
        learner.scaler.unscale_(learner.optimizer)
        clip_grad_norm_(learner.network.parameters(), recipe.clip_norm)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    if learner.average:
        learner.average.update(learner.network, number + 1)
    return value


def _backward(learner: Learner, images: Tensor, masks: Tensor) -> Tensor:
    """Adds the gradient of one part of a batch; gives the part's loss."""
    recipe = learner.recipe
    dtype = DTYPES.get(precision(recipe, learner.device))
    images, masks = images.to(learner.device), masks.to(learner.device)
    with torch.autocast(learner.device.type, dtype=dtype, enabled=dtype is not None):
        logits = learner.forward(normalise(images))
    loss = network_loss(
        logits,
        masks.long(),
        aux_weight=recipe.aux_weight,
        loss=recipe.loss,
        class_weights=learner.class_weights,
    )
    learner.scaler.scale(loss / recipe.accumulate).backward()
    return loss.detach()
