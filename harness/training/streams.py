"""Named streams of chance: one seed gives each purpose a number of its own."""

from __future__ import annotations

import hashlib
from typing import Literal

Purpose = Literal["initial", "order", "augment", "dropout"]


def stream(seed: int, purpose: Purpose) -> int:
    """A number of 63 bits for one purpose, so that more draws for one change no other.

    The same seed gives the same data order and augmentation to every architecture: their results
    are then paired by seed.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
