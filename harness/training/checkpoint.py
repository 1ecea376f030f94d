"""Checkpoints of a training run: written whole or not at all, read back to the bit."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness.training.learner import Learner
from harness.whole import write_whole

DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(kw_only=True)
class Progress:
    """How far a run has come: steps done, points of its loss curve, and where its time went.

    A checkpoint lies between two steps, so a batch in parts is never half done in it.
    ``class_weights`` are what was counted in the train split, once a run.
    """

    step: int = 0
    history: list[tuple[int, float, float]] = field(default_factory=list)
    train_s: float = 0.0
    wait_s: float = 0.0
    class_weights: list[float] | None = None


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The file that holds one run, and beside it the one before.

    ``identity`` tells that run from any other, by a digest of each thing that makes it. Where
    several processes train together, all of them call; the first one writes.
    """

    path: Path
    identity: Mapping[str, str]
    device: torch.device

    def save(self, learner: Learner, progress: Progress) -> None:
        """Writes all that the next step depends on beside the file, then renames both."""
        random = learner.ranks.told(self._random_state())
        if learner.ranks.rank > 0:
            return
        state = {
            "identity": dict(self.identity),
            "network": learner.network.state_dict(),
            "optimizer": learner.optimizer.state_dict(),
            "scaler": learner.scaler.state_dict(),
            "average": learner.average.state_dict() if learner.average else None,
            "progress": asdict(progress),
            "random": random,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        content = hashlib.sha256(payload).digest() + payload
        # A crash between the two renames leaves the one before, which is then the newest.
        write_whole(self.path, content, before=partial(_put_by, self.path))

    def restore(self, learner: Learner, last: int) -> Progress:
        """Puts a run back as it was saved at or before its step ``last``; says how far it had come.

        A damaged file is said on stderr and removed, and the one before it is used; without any,
        everything is left as it is: no progress. ValueError for a file of another run. To the
        bit the same goes on only in as many processes as saved it.
        """
        ranks = learner.ranks
        # A damaged file is removed by one of them, before the others look.
        state = _newest(self.path, last) if ranks.rank == 0 else None
        ranks.wait()
        if ranks.rank > 0:
            state = _newest(self.path, last)
        if state is None:
            return Progress()
        self._check(state["identity"])
        learner.network.load_state_dict(state["network"])
        learner.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:  # empty if it was saved where nothing is scaled
            learner.scaler.load_state_dict(state["scaler"])
        if learner.average:
            learner.average.load_state_dict(state["average"])
        if ranks.rank == 0 and len(state["random"]) != ranks.world:
            _say_other_world(self.path, len(state["random"]), ranks.world)
        if ranks.rank < len(state["random"]):
            self._set_random_state(state["random"][ranks.rank])
        return Progress(**state["progress"])

    def _check(self, saved: Mapping[str, str]) -> None:
        other = [what for what, digest in self.identity.items() if saved.get(what) != digest]
        if other:
            raise ValueError(
                f"{self.path} is the checkpoint of another trial: another {', '.join(other)}; "
                "move it away to train from the start"
            )

    def _random_state(self) -> dict[str, torch.Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def _set_random_state(self, state: dict[str, torch.Tensor]) -> None:
        torch.set_rng_state(state["cpu"])
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)


def _say_other_world(path: Path, saved: int, now: int) -> None:
    print(
        f"twopath: {path} was saved by {saved} processes and goes on in {now}: the same training "
        "up to rounding, but not to the bit",
        file=sys.stderr,
    )


def remove(path: Path) -> None:
    """Removes a run's checkpoint and the one before it."""
    for file in (path, _before(path)):
        file.unlink(missing_ok=True)


def saved_files(path: Path) -> list[Path]:
    """A run's checkpoint and the one before it, as far as they are there."""
    return [file for file in (path, _before(path)) if file.exists()]


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.before")


def _put_by(path: Path) -> None:
    if path.exists():
        path.replace(_before(path))


def _newest(path: Path, last: int) -> dict[str, Any] | None:
    """The newest state that is whole and not beyond a step."""
    for file in (path, _before(path)):
        if file.exists():
            state = _read_whole(file)
            if state is not None and state["progress"]["step"] <= last:
                return state
            if state is not None:
                continue
            # Or it would take the place of the one before it at the next save.
            file.unlink()
            then = "the one before it is used" if _before(path).exists() else "training starts anew"
            print(f"checkpoint {file} is damaged: {then}", file=sys.stderr)
    return None


def _read_whole(path: Path) -> dict[str, Any] | None:
    content = path.read_bytes()
    digest, payload = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state
