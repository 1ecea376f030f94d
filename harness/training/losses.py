"""The loss: cross-entropy of the main logits, plus that of the auxiliary heads."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from harness.data.dataset import IGNORE
from harness.network import Logits


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labelled pixels of logits (N, classes, h, w) and labels (N, H, W), int64.

    Labels are thinned out to the size of smaller logits, each place taking its middle pixel. A
    batch whose pixels are all ignored has loss 0, where torch's own mean is NaN.
    """
    if logits.shape[-2:] != labels.shape[-2:]:
        labels = _thinned(labels, logits)
    total = functional.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum")
    return total / (labels != IGNORE).sum().clamp(min=1)


def network_loss(logits: Logits, labels: Tensor, *, aux_weight: float) -> Tensor:
    """``main + aux_weight * sum(aux)``: V1 equation 1, whose alpha is ``aux_weight``."""
    loss = cross_entropy(logits.main, labels)
    for aux in logits.aux.values():
        loss = loss + aux_weight * cross_entropy(aux, labels)
    return loss


def _thinned(labels: Tensor, logits: Tensor) -> Tensor:
    """Labels at the size of logits, int64; no label is there that was not there before."""
    # Classes and IGNORE are at most 255, which floating point holds exactly.
    small = functional.interpolate(
        labels[:, None].float(), size=logits.shape[-2:], mode="nearest-exact"
    )
    return small[:, 0].long()
