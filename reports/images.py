"""Resamples the images that accuracy was scored on: how mIoU would move with other images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.confusions import FILE, Confusions, read
from reports.trials import Trials

RESAMPLES = 1000
MOST_TRIALS = 600
"""Beyond so many trials no images are resampled: it would take longer than it tells."""

Floats = NDArray[np.float64]
Trial = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The mIoU of trials over resamples of one list of images, the same resamples for all.

    ``miou`` maps candidate and seed to an array (RESAMPLES,) of how far the mIoU of each resample
    lies from that of all images.
    """

    num_images: int
    miou: Mapping[tuple[str, int], Floats]

    def has(self, names: Iterable[str], seeds: Iterable[int]) -> bool:
        """Whether all of some candidates have all of some seeds."""
        seeds = tuple(seeds)
        return all((name, seed) in self.miou for name in names for seed in seeds)

    def of(self, name: str) -> Floats:
        """A candidate's mean over its seeds (RESAMPLES,); zeros where it has none."""
        known = [each for (which, _), each in self.miou.items() if which == name]
        return np.mean(known, axis=0) if known else np.zeros(RESAMPLES)


def images_of(trials: Trials, folder: Path | None) -> Images | None:
    """Resamples the images of trials whose matrices are kept in ``folder``.

    A trial whose file is gone or another is left out. None where nothing is left, where trials
    are too many, or where not all were scored on the same images.
    """
    if folder is None:
        return None
    states = zip(trials.column("confusions_sha256"), trials.column("state"), strict=True)
    wanted = [place for place, (has, state) in enumerate(states) if has and state == "done"]
    if not wanted or len(wanted) > MOST_TRIALS:
        return None
    found: dict[tuple[str, int], Floats] = {}
    numbers: NDArray[Any] | None = None
    for trial in map(trials.__getitem__, wanted):
        kept = _kept(trial, folder)
        if kept is None:
            continue
        numbers = kept.images if numbers is None else numbers
        if not np.array_equal(numbers, kept.images):
            return None
        found[trial["candidate"], trial["seed"]] = moved(kept, trial.get("scoring_absent"))
    return Images(num_images=len(numbers), miou=found) if numbers is not None else None


def _kept(trial: Trial, folder: Path) -> Confusions | None:
    try:
        return read(folder / trial["key"][:16] / FILE, trial["confusions_sha256"])
    except (OSError, ValueError):
        return None


def moved(kept: Confusions, absent: str | None = None) -> Floats:
    """How far the mIoU of each resample lies from that of all images, (RESAMPLES,).

    ``absent`` is the rule for classes without labels, as in ``harness.scoring.Scoring``.
    """
    num = len(kept.images)
    whole = _miou(np.ones((1, num)), kept, absent)
    return _miou(_times(num), kept, absent) - whole


@lru_cache(maxsize=4)
def _times(num: int) -> Floats:
    """How often each image is in each resample; the same for every trial, so they are paired."""
    dice = np.random.default_rng(num)
    return dice.multinomial(num, np.full(num, 1 / num), size=RESAMPLES).astype(float)


def _miou(times: Floats, kept: Confusions, absent: str | None) -> Floats:
    num = len(kept.classes)
    place = np.arange(num**2)
    true, guess = place // num, place % num
    shape = (len(kept.images), num**2)
    from scipy import sparse  # late: few studies keep matrices

    counts = sparse.csr_array((kept.counts.astype(float), kept.cells, kept.starts), shape=shape)
    hits, labelled, predicted = (
        times @ (counts @ sparse.csr_array((np.ones(len(at)), (at, to)), shape=(num**2, num)))
        for at, to in ((place[true == guess], true[true == guess]), (place, true), (place, guess))
    )
    union = labelled + predicted - hits
    judged = (union if absent == "cityscapes" else labelled) > 0
    iou = np.divide(hits, union, out=np.zeros_like(hits), where=judged)
    return np.asarray(iou.sum(axis=1) / np.maximum(judged.sum(axis=1), 1))
