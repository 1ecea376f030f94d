"""Scores a model on a validation split: counts by image, one mIoU over all pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness.confusions import Confusions, Counts, joined, sparse, total
from harness.data.dataset import IGNORE, Dataset, Pixels
from harness.scoring import Scoring
from harness.training.views import is_one_pass, predict

BATCH = 8
"""Images scored at a time in one pass. Several views of an image take its memory many times over,
so they are taken one image at a time."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How well a split was labelled, all figures in 0..1.

    ``iou`` is by class, None for one that is left out of ``miou``; ``absent`` lists those. By the
    rule "exclude" of ``harness.scoring.Scoring`` these are the classes that no pixel of the split
    is labelled with, whatever was predicted, so that every candidate is averaged over the same
    classes; a false prediction of one still counts against the class that it hides. By the rule
    "cityscapes" they are those that were not predicted either, and ``miou`` is what the
    Cityscapes scripts give. ``confusion`` has a row for each true class and a column for each
    predicted one.
    """

    miou: float
    pixel_accuracy: float
    iou: dict[str, float | None]
    absent: tuple[str, ...]
    num_images: int
    confusion: tuple[tuple[int, ...], ...]


def evaluate(
    model: nn.Module,
    dataset: Dataset,
    *,
    device: torch.device | str,
    batch: int | None = None,
    scoring: Scoring | None = None,
) -> Scores:
    """Scores a model in eval mode that maps normalised images to logits (N, classes, H, W).

    See ``count`` for what may be wrong with the model; ValueError also for a split without a
    labelled pixel.
    """
    scoring = scoring or Scoring()
    counted = count(model, dataset, device=device, batch=batch, scoring=scoring)
    return scores_of(counted, scoring)


def count(  # noqa: PLR0913 - two of them are the share
    model: nn.Module,
    dataset: Dataset,
    *,
    device: torch.device | str,
    batch: int | None = None,
    scoring: Scoring | None = None,
    rank: int = 0,
    world: int = 1,
    on_batch: Callable[[], None] = lambda: None,
) -> Confusions:
    """The confusion matrix of each image of one share of the val split, of ``world`` shares.

    Share ``rank`` is every ``world``-th batch, from the batch of that number. So each batch is the
    same however many processes there are, and no image is padded, repeated or left out:
    ``harness.confusions.merged`` makes the same matrices of the shares for any ``world``.
    ``on_batch`` is called before each batch.
    ValueError for logits of another size or class count, a window larger than an image, or a
    model in training mode; FloatingPointError for logits that are not finite.
    """
    if model.training:
        raise ValueError("the model is in training mode; score what harness.network.deploy gives")
    if not 0 <= rank < world:
        raise ValueError(f"rank {rank} is not one of {world} processes")
    scoring = scoring or Scoring()
    classes, num_images = dataset.label_map.classes, dataset.count("val")
    batch = batch or (BATCH if is_one_pass(scoring) else 1)
    parts = [sparse(classes, [], np.zeros((0, len(classes), len(classes)), np.int64))]
    for start in range(rank * batch, num_images, world * batch):
        on_batch()
        numbers = range(start, min(start + batch, num_images))
        for which, images, masks in _alike(dataset, numbers):
            predicted = predict(
                model,
                torch.from_numpy(images).to(device),
                len(classes),
                labels=masks.shape[1:],
                scoring=scoring,
            )
            labels = torch.from_numpy(masks).to(device)
            matrices = confusions(predicted, labels, len(classes))
            parts.append(sparse(classes, which, matrices.cpu().numpy()))
    return joined(parts)


def _alike(dataset: Dataset, numbers: range) -> Iterator[tuple[list[int], Pixels, Pixels]]:
    """Images and masks of some numbers, stacked with those of their own sizes."""
    groups: dict[tuple[tuple[int, ...], ...], list[tuple[int, Pixels, Pixels]]] = {}
    for number in numbers:
        image, mask = dataset.scored(number)
        groups.setdefault((image.shape, mask.shape), []).append((number, image, mask))
    for group in groups.values():
        which, images, masks = zip(*group, strict=True)
        yield list(which), np.stack(images), np.stack(masks)


def scores_of(counted: Confusions, scoring: Scoring) -> Scores:
    """The figures of all images of a split; ValueError if they have no labelled pixel."""
    return scores(total(counted), counted.classes, len(counted.images), absent=scoring.absent)


def confusion(predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Counts labelled pixels by true class (row) and predicted class (column), int64.

    ValueError for a prediction or a label outside the classes; a label may be IGNORE.
    """
    return confusions(predicted[None], labels[None], num_classes)[0]


def confusions(predicted: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """The confusion matrix of each of N images (N, classes, classes), int64; see ``confusion``."""
    if predicted.shape != labels.shape:
        raise ValueError(
            f"predictions {tuple(predicted.shape)} and labels {tuple(labels.shape)} differ in size"
        )
    seen = labels != IGNORE
    true, guess = labels[seen].long(), predicted[seen].long()
    for what, values in (("label", true), ("prediction", guess)):
        if values.numel() and (values.min() < 0 or values.max() >= num_classes):
            wrong = values[(values < 0) | (values >= num_classes)][0].item()
            raise ValueError(f"{what} {wrong} is not one of the {num_classes} classes")
    image = torch.arange(len(labels), device=labels.device).reshape(-1, *[1] * (labels.ndim - 1))
    places = (image.expand_as(labels)[seen] * num_classes + true) * num_classes + guess
    met = torch.bincount(places, minlength=len(labels) * num_classes**2)
    return met.reshape(len(labels), num_classes, num_classes)


def scores(
    counts: Tensor | Counts,
    classes: tuple[str, ...],
    num_images: int,
    *,
    absent: str = "exclude",
) -> Scores:
    """The figures of a confusion matrix; ValueError if it has no pixel at all."""
    matrix = torch.as_tensor(counts).cpu()
    if not matrix.sum():
        raise ValueError("the val split has no labelled pixel to score")
    hits, labelled, predicted = matrix.diagonal(), matrix.sum(dim=1), matrix.sum(dim=0)
    union = labelled + predicted - hits
    judged = union if absent == "cityscapes" else labelled
    iou = {
        name: hits[i].item() / union[i].item() if judged[i] else None
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
