"""Whether a GPU may round products of float32 to TF32, as torch lets it in convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def float32(*, tf32: bool = False) -> Iterator[None]:
    """Meanwhile convolutions and matrix products of float32 are exact, or both are in TF32.

    On a CPU nothing changes. Torch refuses its older switches (``allow_tf32``) beside these.
    """
    backends: Any = torch.backends
    places = backends.cudnn.conv, backends.cuda.matmul
    before = [each.fp32_precision for each in places]
    for each in places:
        each.fp32_precision = "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        for each, was in zip(places, before, strict=True):
            each.fp32_precision = was
