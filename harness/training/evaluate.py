"""Scores a model on a validation split: one confusion matrix over all its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness.data.augment import normalise
from harness.data.dataset import IGNORE, Dataset


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How well a split was labelled, all figures in 0..1.

    ``iou`` is by class, None for one that no pixel of the split is labelled with; such classes
    are listed in ``absent`` and left out of ``miou``, whatever was predicted, so that every
    candidate is averaged over the same classes. (The Cityscapes scripts leave a class out only
    if it was not predicted either.) A false prediction of one still counts against the class that
    it hides. ``confusion`` has a row for each true class and a column for each predicted one.
    """

    miou: float
    pixel_accuracy: float
    iou: dict[str, float | None]
    absent: tuple[str, ...]
    num_images: int
    confusion: tuple[tuple[int, ...], ...]


def evaluate(
    model: nn.Module, dataset: Dataset, *, device: torch.device | str, batch: int = 8
) -> Scores:
    """Scores a model in eval mode that maps normalised images to logits (N, classes, H, W).

    Whole images at the data set's own size, labels as they are: no crop, flip or other scale.
    ValueError for logits of another size or class count, FloatingPointError for logits that are
    not finite.
    """
    if model.training:
        raise ValueError("the model is in training mode; score what harness.network.deploy gives")
    classes = dataset.label_map.classes
    count = dataset.count("val")
    total = torch.zeros(len(classes), len(classes), dtype=torch.int64, device=device)
    for start in range(0, count, batch):
        pairs = [dataset.load("val", i) for i in range(start, min(start + batch, count))]
        images, masks = (
            torch.from_numpy(np.stack(each)).to(device) for each in zip(*pairs, strict=True)
        )
        total += confusion(_predict(model, images, len(classes)), masks, len(classes))
    return scores(total, classes, count)


@torch.inference_mode()
def _predict(model: nn.Module, images: Tensor, num_classes: int) -> Tensor:
    logits = model(normalise(images))
    wanted = (images.shape[0], num_classes, *images.shape[1:3])
    if tuple(logits.shape) != wanted:
        raise ValueError(f"the model gave logits {tuple(logits.shape)}, not {wanted}")
    if not logits.isfinite().all():
        raise FloatingPointError("the model gave logits that are not finite")
    labels: Tensor = logits.argmax(dim=1)
    return labels


def confusion(predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Counts labelled pixels by true class (row) and predicted class (column), int64.

    ValueError for a prediction or a label outside the classes; a label may be IGNORE.
    """
    seen = labels != IGNORE
    true, guess = labels[seen].long(), predicted[seen].long()
    for what, values in (("label", true), ("prediction", guess)):
        if values.numel() and (values.min() < 0 or values.max() >= num_classes):
            wrong = values[(values < 0) | (values >= num_classes)][0].item()
            raise ValueError(f"{what} {wrong} is not one of the {num_classes} classes")
    pairs = torch.bincount(true * num_classes + guess, minlength=num_classes**2)
    return pairs.reshape(num_classes, num_classes)


def scores(total: Tensor, classes: tuple[str, ...], num_images: int) -> Scores:
    """The figures of a confusion matrix; ValueError if it has no pixel at all."""
    matrix = total.cpu()
    if not matrix.sum():
        raise ValueError("the val split has no labelled pixel to score")
    hits, labelled, predicted = matrix.diagonal(), matrix.sum(dim=1), matrix.sum(dim=0)
    union = labelled + predicted - hits
    iou = {
        name: hits[i].item() / union[i].item() if labelled[i] else None
        for i, name in enumerate(classes)
    }
    present = [value for value in iou.values() if value is not None]
    return Scores(
        miou=sum(present) / len(present),
        pixel_accuracy=(hits.sum() / matrix.sum()).item(),
        iou=iou,
        absent=tuple(name for name, value in iou.items() if value is None),
        num_images=num_images,
        confusion=tuple(tuple(row) for row in matrix.tolist()),
    )
