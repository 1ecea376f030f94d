"""Whether a GPU may round products of float32 to TF32, as torch lets it in convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

_BACKENDS: Any = torch.backends
PLACES = (_BACKENDS.cudnn.conv, _BACKENDS.cuda.matmul)
AT_FIRST = tuple(each.fp32_precision for each in PLACES)
"""What torch has until somebody says something else."""


@contextmanager
def float32(*, tf32: bool = False) -> Iterator[None]:
    """Meanwhile convolutions and matrix products of float32 are exact, or both are in TF32.

    On a CPU nothing changes. Torch refuses its older switches (``allow_tf32``) beside these.
    """
    if not torch.cuda.is_available():
        yield
        return
    with _set(["tf32" if tf32 else "ieee"] * len(PLACES)):
        yield


@contextmanager
def undecided() -> Iterator[None]:
    """Meanwhile float32 is as torch has it, for its exporter, which reads the older switches."""
    with _set(AT_FIRST):
        yield


@contextmanager
def _set(precisions: Sequence[str]) -> Iterator[None]:
    before = [each.fp32_precision for each in PLACES]
    for each, wanted in zip(PLACES, precisions, strict=True):
        each.fp32_precision = wanted
    try:
        yield
    finally:
        for each, was in zip(PLACES, before, strict=True):
            each.fp32_precision = was
