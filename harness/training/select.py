"""Which weights of a run are scored: the last, or the best on images held out of train."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.data.dataset import Dataset, Pixels, Split
from harness.network import Network, deploy
from harness.scoring import Scoring
from harness.training.evaluate import evaluate
from harness.training.loop import Step
from harness.whole import write_whole

BEST = "best.pt"
"""What the best weights so far are called, in the folder of a trial that is training."""


class HeldOut(Dataset):
    """A data set whose train split lacks its last images, which are its val split.

    The last ones, and not some at random: the train lists of street scenes follow drives, where
    neighbouring frames are nearly the same image. The same for every candidate and seed.
    ValueError if the share leaves no image on one side.
    """

    def __init__(self, whole: Dataset, share: float) -> None:
        self.label_map, self.size = whole.label_map, whole.size
        self._whole = whole
        every = whole.count("train")
        self._kept = every - math.ceil(every * share)
        if not 0 < self._kept < every:
            raise ValueError(f"holding {share:g} of {every} train images out leaves none to train")

    def count(self, split: Split) -> int:
        """The number of images of a split."""
        return self._kept if split == "train" else self._whole.count("train") - self._kept

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """An image and its mask, both out of the whole set's train split."""
        return self._whole.load("train", index if split == "train" else self._kept + index)

    def fingerprint(self) -> str:
        """The whole set's, and how many of its train images are left."""
        return f"{self._whole.fingerprint()}, the first {self._kept} of train"


@dataclass(frozen=True, kw_only=True)
class Best:
    """Keeps the best of a run's weights in ``file``; the first of equals wins.

    The file outlives a crash. The steps after the run's checkpoint are then taken and judged
    again, with the same outcome.
    """

    file: Path
    network: Network
    dataset: HeldOut
    scoring: Scoring
    device: torch.device | str

    def look(self, step: Step) -> None:
        """Judges the weights after a step, if it is one of the steps to be judged."""
        if step.step not in steps_to_judge(step.steps, self.scoring.looks):
            return
        miou = held_out_miou(self.network, self.dataset, self.scoring, self.device)
        if not self.file.exists() or miou > self._read()["miou"]:
            self._write({"step": step.step, "miou": miou, "network": self.network.state_dict()})

    def restore(self) -> dict[str, Any]:
        """Puts the best weights into the network; gives what a row says of them."""
        best = self._read()
        self.network.load_state_dict(best["network"])
        return {"selected_step": best["step"], "selected_miou": best["miou"]}

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(self.file, map_location="cpu", weights_only=True)
        return state

    def _write(self, state: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_whole(self.file, buffer.getvalue())


def held_out_miou(
    network: Network, dataset: HeldOut, scoring: Scoring, device: torch.device | str
) -> float:
    """The mIoU, from 0 to 1, of a network that is training on the images held out of train."""
    return evaluate(deploy(network), dataset, device=device, scoring=scoring).miou


def steps_to_judge(steps: int, looks: int) -> frozenset[int]:
    """The steps, counted from 1, after which weights are judged: evenly spaced, with the last."""
    return frozenset(math.ceil(steps * look / looks) for look in range(1, looks + 1))
