"""The most memory that a training step holds at a time, from a step that computes nothing."""

from __future__ import annotations

from dataclasses import replace

import torch

from harness.data.augment import normalise
from harness.measure.memory import Live
from harness.measure.watch import bare
from harness.network import Network
from harness.study import Recipe
from harness.training.learner import Learner, make_learner
from harness.training.losses import network_loss

SMALLEST_BATCH = 2
"""A batch norm behind a global pooling cannot train on one image."""


def training_peak(
    network: Network,
    recipe: Recipe,
    size: tuple[int, int] | None = None,
    batch: int | None = None,
) -> int:
    """Bytes that live tensors hold at the peak of a step, on the meta device, in float32.

    Of ``recipe.batch`` images at ``recipe.crop`` unless a batch and a (height, width) in pixels
    are given. Weights, their gradients, the state of the optimizer, an average if the recipe has
    one, the batch, what the backward pass needs, the loss of all heads: all is in it; the
    allocator's rounding, convolutions' workspaces, fp16 and bf16 are not. A step is split as
    ``recipe.accumulate`` says. The network is left as it was. Whatever it raises on the meta
    device comes through.
    """
    height, width = size or recipe.crop
    device = torch.device("meta")
    images = torch.empty(batch or recipe.batch, height, width, 3, dtype=torch.uint8, device=device)
    masks = torch.empty(len(images), height, width, dtype=torch.uint8, device=device)
    with torch.random.fork_rng(devices=[]):
        copied = bare(network).train()
        live = Live((*copied.parameters(), *copied.buffers(), images, masks))
        with live:
            learner = make_learner(copied, replace(recipe, compile=False, amp=False), device)
            _settle(learner)
            for part in zip(
                images.chunk(recipe.accumulate), masks.chunk(recipe.accumulate), strict=True
            ):
                _backward(learner, *part)
            learner.optimizer.step()
    return live.peak_bytes


def _settle(learner: Learner) -> None:
    """A step with gradients of zero: from then on the optimizer holds its state."""
    for each in learner.network.parameters():
        each.grad = torch.zeros_like(each)
    learner.optimizer.step()
    learner.optimizer.zero_grad(set_to_none=True)


def _backward(learner: Learner, images: torch.Tensor, masks: torch.Tensor) -> None:
    """As ``harness.training.learner`` takes one part of a batch, without values."""
    recipe = learner.recipe
    logits = learner.forward(normalise(images))
    weights = None
    if recipe.class_weights is not None:
        weights = torch.empty(logits.main.shape[1], device=images.device)
    loss = network_loss(
        logits,
        masks.long(),
        aux_weight=recipe.aux_weight,
        loss=recipe.loss,
        class_weights=weights,
    )
    (loss / recipe.accumulate).backward()
