"""Checkpoints of a training run: written whole or not at all, read back to the bit."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(kw_only=True)
class Progress:
    """How far a run has come: steps done, points of its loss curve, and where its time went."""

    step: int = 0
    history: list[tuple[int, float, float]] = field(default_factory=list)
    train_s: float = 0.0
    wait_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file that holds one run; ``identity`` tells that run from any other."""

    path: Path
    identity: str
    device: torch.device

    def save(self, network: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
        """Writes weights, optimizer, progress and random state beside the file, then renames."""
        state = {
            "identity": self.identity,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "progress": asdict(progress),
            "random": self._random_state(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        _write_whole(self.path, buffer.getvalue())

    def restore(self, network: nn.Module, optimizer: Optimizer) -> Progress:
        """Puts a run back as it was saved, and says how far it had come.

        A file that is missing or damaged (the latter with a warning) leaves everything as it is:
        no progress. ValueError for a file of another run.
        """
        state = _read_whole(self.path)
        if state is None:
            return Progress()
        if state["identity"] != self.identity:
            raise ValueError(
                f"{self.path} is the checkpoint of another trial (its network, recipe, data or "
                "seed differ); move it away to train from the start"
            )
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        self._set_random_state(state["random"])
        return Progress(**state["progress"])

    def _random_state(self) -> dict[str, torch.Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def _set_random_state(self, state: dict[str, torch.Tensor]) -> None:
        torch.set_rng_state(state["cpu"])
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)


def _write_whole(path: Path, payload: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _read_whole(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content = path.read_bytes()
    digest, payload = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        warnings.warn(
            f"checkpoint {path} is damaged; training starts again from step 0",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state
