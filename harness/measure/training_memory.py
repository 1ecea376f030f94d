"""The most memory that a training step holds at a time, from a step that computes nothing."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.data.augment import normalise
from harness.measure.memory import Live
from harness.measure.traffic import tensors_in
from harness.measure.watch import bare
from harness.network import Logits
from harness.study import Recipe
from harness.training.learner import Learner, make_learner
from harness.training.losses import network_loss

SMALLEST_BATCH = 2
"""A batch norm behind a global pooling cannot train on one image."""


class Trained(nn.Module):
    """Any network as one that is trained here: the first of its outputs is meant, all are learnt.

    Each is resized to the image, bilinearly, where it is not of its size. ValueError for a network
    that gives no logits (N, C, h, w) when it trains.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Logits:
        """Logits for images (N, 3, H, W)."""
        size = images.shape[-2:]
        given = [
            each if each.shape[-2:] == size else functional.interpolate(each, size, mode="bilinear")
            for each in tensors_in(self.network(images))
            if each.dim() == 4 and each.requires_grad
        ]
        if not given:
            raise ValueError("in training mode it gives no logits (N, C, h, w) that can be learnt")
        return Logits(given[0], {str(number): each for number, each in enumerate(given[1:])})


def training_peak(
    network: nn.Module,
    recipe: Recipe,
    size: tuple[int, int] | None = None,
    batch: int | None = None,
) -> int:
    """Bytes that live tensors hold at the peak of a step, on the meta device, in float32.

    ``network`` gives ``Logits`` in training mode; any other goes into ``Trained``.
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
    for each in filter(lambda one: one.requires_grad, learner.network.parameters()):
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
