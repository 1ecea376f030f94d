"""Predicts images again from the weights that trials kept, those first on which they differ."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from harness.confusions import FILE, Confusions, matrix, read
from harness.data.dataset import IGNORE, Dataset, LabelMap, Pixels
from harness.data.overlay import GOLDEN
from harness.data.roots import DataRoots, open_dataset
from harness.data.side_by_side import Picture
from harness.exporting import WEIGHTS, load_trained
from harness.measure.device import best_device
from harness.network import deploy
from harness.plan import Candidate, resolve
from harness.scoring import Scoring
from harness.training.evaluate import confusion
from harness.training.loop import initialise
from harness.training.views import predict

Row = dict[str, Any]

MORE = 3
"""So many times the images wanted are predicted, and those kept that differ most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """The images to show, those on which candidates differ most first, of how many there are.

    No two lie within ``gap`` of one another in the split where that could be avoided. ``notes``
    say what a reader must know of how they came about.
    """

    pictures: tuple[Picture, ...]
    num_images: int
    gap: int
    label_map: LabelMap
    notes: tuple[str, ...] = ()


def predicted(
    found: Sequence[Candidate],
    rows: Sequence[Row],
    trials: Path,
    roots: DataRoots,
    scoring: Scoring,
    num: int,
) -> Chosen:
    """What candidates say of the ``num`` images of the val split on which they differ most.

    ``rows`` are their trials, whose weights lie in ``trials``. They were scored image by image, so
    which images differ is known, from below, before anything is predicted. FileNotFoundError
    for weights that are not kept there; ValueError for candidates of different data.
    """
    if len({each.recipe.dataset for each in found}) != 1:
        raise ValueError("the candidates were trained on different data; show them one at a time")
    dataset = open_dataset(found[0].recipe.dataset, roots)
    folders = [trials / row["folder"] for row in rows]
    kept = [_kept(folder, row) for folder, row in zip(folders, rows, strict=True)]
    # Lists of street scenes follow drives, where neighbours are nearly the same image.
    gap = dataset.count("val") // (4 * num)
    numbers = spaced(likely(kept, dataset.count("val")), gap // 2, MORE * num)
    networks = [
        _network(each, dataset, folder) for each, folder in zip(found, folders, strict=True)
    ]
    pictures = [_picture(dataset, number, networks, scoring) for number in numbers]
    notes = [
        note
        for place, (each, was) in enumerate(zip(found, kept, strict=True))
        if (note := _drift(each.label, pictures, place, was))
    ]
    shown = {each.number: each for each in sorted(pictures, key=lambda each: -each.differ)}
    return Chosen(
        pictures=tuple(shown[number] for number in spaced([*shown], gap, num)),
        num_images=dataset.count("val"),
        gap=gap,
        label_map=dataset.label_map,
        notes=tuple(notes),
    )


def _kept(folder: Path, row: Row) -> Confusions | None:
    try:
        return read(folder / FILE, row.get("confusions_sha256"))
    except (OSError, ValueError):
        return None


def likely(kept: Sequence[Confusions | None], num_images: int) -> list[int]:
    """The numbers of all images, those first that differ most by their confusion matrices.

    Where matrices are not kept nothing is known: then any first few are spread over the split.
    """
    known = [each for each in kept if each is not None]
    if len(known) < len(kept):
        return sorted(range(num_images), key=lambda number: number * GOLDEN % 1)
    shares = [least_apart([matrix(each, i) for each in known]) for i in range(num_images)]
    return sorted(range(num_images), key=lambda number: -shares[number])


def spaced(ranked: Sequence[int], gap: int, most: int) -> list[int]:
    """The first so many numbers of which no two lie within ``gap``; the others if they are few."""
    kept: list[int] = []
    for number in ranked:
        if len(kept) < most and all(abs(number - each) > gap for each in kept):
            kept.append(number)
    others = (number for number in ranked if number not in kept)
    return [*kept, *others][:most]


def least_apart(matrices: Sequence[np.ndarray[Any, Any]]) -> float:
    """A share of labelled pixels on which networks must differ, by matrices (classes, classes).

    Of the pixels of a true class two networks name so many of each class: where these numbers
    differ, so must the pixels, half the sum of the gaps at least. Of one: where it is wrong.
    """
    pixels = max(int(matrices[0].sum()), 1)
    if len(matrices) == 1:
        return 1 - float(np.trace(matrices[0])) / pixels
    gaps = (np.abs(a - b).sum() / 2 for a, b in itertools.combinations(matrices, 2))
    return float(max(gaps)) / pixels


def _network(each: Candidate, dataset: Dataset, folder: Path) -> nn.Module:
    """A candidate as it was scored: its trained weights, deployed."""
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(
            f"{each.label} has no weights at {folder / WEIGHTS}, and without them it predicts "
            "nothing: every trial leaves them on the machine that ran it, so copy that folder here"
        )
    network = initialise(resolve(each.architecture), len(dataset.label_map.classes), seed=0)
    load_trained(network, folder)
    return deploy(network).to(best_device())


def _picture(
    dataset: Dataset, number: int, networks: Sequence[nn.Module], scoring: Scoring
) -> Picture:
    image, labels = dataset.scored(number)
    said = tuple(_said(network, image, labels, dataset, scoring) for network in networks)
    return Picture(number=number, image=image, labels=labels, predicted=said)


def _said(
    network: nn.Module, image: Pixels, labels: Pixels, dataset: Dataset, scoring: Scoring
) -> Pixels:
    """The class (h, w) of every label's pixel, as the trial was scored."""
    given = torch.from_numpy(image[None]).to(best_device())
    size = (labels.shape[0], labels.shape[1])
    num = len(dataset.label_map.classes)
    classes = predict(network, given, num, labels=size, scoring=scoring)[0]
    return np.asarray(classes.cpu().numpy().astype(np.uint8))


def _drift(name: str, pictures: Sequence[Picture], place: int, was: Confusions | None) -> str:
    """What to say of predictions that are not those which were scored; "" for the same."""
    if was is None:
        return f"{name}: its confusion matrices are gone, so others may differ more"
    moved = total = 0.0
    for each in pictures:
        now = _counts(each, place, len(was.classes))
        moved += float(np.abs(now - matrix(was, each.number)).sum()) / 2
        total += float((each.labels != IGNORE).sum())
    if not moved:
        return ""
    return (
        f"{name}: at least {100 * moved / max(total, 1):.2g} % of pixels are not as they were "
        "scored, as on another device, or after an edit of the network or the data"
    )


def _counts(picture: Picture, place: int, num_classes: int) -> np.ndarray[Any, Any]:
    said, labels = torch.from_numpy(picture.predicted[place]), torch.from_numpy(picture.labels)
    return np.asarray(confusion(said, labels, num_classes).numpy())
