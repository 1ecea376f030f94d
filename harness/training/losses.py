"""The loss: cross-entropy of the main logits, plus that of the auxiliary heads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from harness.data.dataset import IGNORE
from harness.network import Logits
from harness.training.ranks import ALONE, Ranks

EASY = 0.7
"""OHEM leaves out pixels whose class is given more than this (V1's author's code)."""

LEAST_KEPT = 16
"""OHEM keeps at least one in this many pixels of a batch (V1's author's code)."""

LEAST_WEIGHT = 1e-12
"""Stands in for a sum of weights that is 0, so that a batch without labels has loss 0, not NaN."""


def cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None, ranks: Ranks = ALONE
) -> Tensor:
    """Mean over the labelled pixels of logits (N, classes, h, w) and labels (N, H, W), int64.

    With class weights (classes,), the mean is weighted by that of each pixel's class. Labels are
    thinned out to the size of smaller logits, each place taking its middle pixel. A batch whose
    pixels are all ignored has loss 0, where torch's own mean is NaN. Of several processes that
    share a batch, each gives ``world`` times its own part of the mean over all of them.
    """
    labels, logits = _thinned(labels, logits), logits.float()
    seen = labels != IGNORE
    total = functional.cross_entropy(
        logits, labels, weight=class_weights, ignore_index=IGNORE, reduction="sum"
    )
    if class_weights is None:
        return _mean(total, seen.sum(), 1, ranks)
    return _mean(total, _weights(labels, seen, class_weights).sum(), LEAST_WEIGHT, ranks)


def hard_cross_entropy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None, ranks: Ranks = ALONE
) -> Tensor:
    """``cross_entropy`` over the hard pixels alone: online hard example mining (OHEM).

    Kept are labelled pixels whose own class has a probability of at most ``EASY``, and in any case
    the hardest 1 in ``LEAST_KEPT`` of all pixels, with what ties. That is what V1's author's code
    does; V1 (for Table 6) and V2 (Table 2) name OHEM without its numbers. No size depends on the
    data, so nothing waits for the device.
    """
    labels, logits = _thinned(labels, logits), logits.float()
    seen = labels != IGNORE
    each = functional.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="none")
    hardness = each.detach().masked_fill(~seen, -1.0)  # easier than any labelled pixel
    least = max(1, ranks.world * hardness.numel() // LEAST_KEPT)
    # What is among the hardest of all is among as many of its own process.
    hardest = hardness.flatten().topk(min(least, hardness.numel()), sorted=False).values
    bar = ranks.joined(hardest).topk(least, sorted=False).values.min().clamp(max=-math.log(EASY))
    weights = (seen & (hardness >= bar)).float()
    if class_weights is not None:
        weights = weights * _weights(labels, seen, class_weights)
    # A product, not a selection: a loss that is NaN is kept by no bar, but must be seen.
    return _mean((each * weights).sum(), weights.sum(), LEAST_WEIGHT, ranks)


LOSSES = {"ce": cross_entropy, "ohem": hard_cross_entropy}


def network_loss(
    logits: Logits,
    labels: Tensor,
    *,
    aux_weight: float,
    loss: str = "ce",
    class_weights: Tensor | None = None,
    ranks: Ranks = ALONE,
) -> Tensor:
    """``main + aux_weight * sum(aux)``: V1 equation 1, whose alpha is ``aux_weight``."""
    of = LOSSES[loss]
    total = of(logits.main, labels, class_weights, ranks)
    for aux in logits.aux.values():
        total = total + aux_weight * of(aux, labels, class_weights, ranks)
    return total


def _mean(total: Tensor, weight: Tensor, least: float, ranks: Ranks) -> Tensor:
    """A process's part of the loss: the mean over all processes of what this gives is the loss."""
    return total / ranks.sum(weight).clamp(min=least) * ranks.world


def balanced_weights(pixels: Sequence[int]) -> list[float]:
    """A weight for each class: ``all / (classes * own)``, by the labelled pixels of each.

    King and Zeng (2001), as scikit-learn's "balanced": the mean over all pixels is 1, so a learning
    rate keeps its meaning. A class without a pixel has weight 0 and does not count as one.
    """
    present = sum(1 for each in pixels if each)
    return [sum(pixels) / (present * each) if each else 0.0 for each in pixels]


def _weights(labels: Tensor, seen: Tensor, class_weights: Tensor) -> Tensor:
    """The weight of each pixel (N, H, W): that of its class, or 0 where it has none."""
    return torch.where(seen, class_weights[labels.where(seen, 0)], 0.0)


def _thinned(labels: Tensor, logits: Tensor) -> Tensor:
    """Labels at the size of logits, int64; no label is there that was not there before."""
    if logits.shape[-2:] == labels.shape[-2:]:
        return labels
    # Classes and IGNORE are at most 255, which floating point holds exactly.
    small = functional.interpolate(
        labels[:, None].float(), size=logits.shape[-2:], mode="nearest-exact"
    )
    return small[:, 0].long()
