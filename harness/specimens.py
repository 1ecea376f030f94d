"""Specimens for checking parts: what a part is told, and tensors that fit, at awkward sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from harness.architecture import Part
from harness.components import REGISTRIES, Feature, Taps
from harness.network import ABSENT

SIZES = ((32, 32), (33, 47), (90, 120))
"""Heights and widths of the images that the parts are checked with, in pixels."""

NUM_CLASSES = 5

PYRAMIDS: tuple[Taps, ...] = (
    {f"stage{at}": Feature(4 + 4 * at, 2**at) for at in (2, 3, 4, 5)},
    {"stage3": Feature(24, 8), "stage4": Feature(20, 16), "stage5": Feature(20, 32)},
)
PAIRS = (
    (Feature(16, 8), Feature(24, 32)),
    (Feature(24, 8), Feature(16, 16)),
    (Feature(16, 4), Feature(16, 32)),
    (Feature(12, 8), Feature(12, 8)),
    (Feature(16, 16), Feature(24, 8)),
)
DETAIL_TAPS: Taps = {f"detail.stage{at}": Feature(8 * at, 2**at) for at in (1, 2, 3)}
SEMANTIC_TAPS: Taps = {f"semantic.stage{at}": Feature(4 * at, 2**at) for at in (2, 3, 4, 5)}
CONTEXT_TAPS: Taps = {"context.stage4": Feature(20, 16), "context": Feature(20, 8)}


def told(kind: str, name: str) -> list[tuple[Any, ...]]:
    """What a part may be told when it is built: every set of inputs it must cope with."""
    if kind in ("detail", "semantic"):
        return [(Feature(3, 1),)]
    if kind == "context":
        return [(pyramid,) for pyramid in PYRAMIDS]
    if kind == "fusion":
        alone = [(PAIRS[0][0], None), (None, PAIRS[0][1])]
        return alone if name == ABSENT else list(PAIRS)
    if kind == "head":
        return [(feature, NUM_CLASSES) for feature in PAIRS[0]]
    semantic = SEMANTIC_TAPS | CONTEXT_TAPS
    return [(DETAIL_TAPS | semantic,), (DETAIL_TAPS,), (semantic,)]


def _mapped(inputs: Any, make: Callable[[Feature], Any]) -> Any:
    """The inputs of a part with a tensor for each feature; numbers of classes are left out."""
    if isinstance(inputs, Feature):
        return make(inputs)
    if isinstance(inputs, dict):
        return {name: make(feature) for name, feature in inputs.items()}
    if isinstance(inputs, tuple):
        return [_mapped(each, make) for each in inputs if not isinstance(each, int)]
    return None


class Bound(nn.Module):
    """A part that takes its tensors in one list, so that every kind is run and traced alike."""

    def __init__(self, kind: str, part: Part, inputs: tuple[Any, ...]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            self.part = REGISTRIES[kind].build(part, *inputs)
        self.inputs = inputs
        self.declared = _declared(kind, self.part, inputs)

    def forward(self, tensors: list[Tensor]) -> dict[str, Tensor]:
        """Runs the part; outputs by tap, or as ``out``."""
        index = itertools.count()
        result = self.part(*_mapped(self.inputs, lambda _: tensors[next(index)]))
        return result if isinstance(result, dict) else {"out": result}

    def tensors(self, size: tuple[int, int], batch: int = 2) -> list[Tensor]:
        """Fixed random inputs of an image size; a stride-s feature is ceil(H / s) x ceil(W / s)."""
        found: list[Tensor] = []
        generator = torch.Generator().manual_seed(0)

        def make(feature: Feature) -> None:
            sides = [math.ceil(side / feature.stride) for side in size]
            found.append(torch.randn(batch, feature.channels, *sides, generator=generator))

        _mapped(self.inputs, make)
        return found


def specimens(kind: str, part: Part) -> list[Bound]:
    """A part built for each set of inputs that it may be told."""
    return [Bound(kind, part, inputs) for inputs in told(kind, part.name)]


def _declared(kind: str, part: Any, inputs: tuple[Any, ...]) -> Taps:
    if kind in ("detail", "semantic"):
        return dict(part.taps)
    return {**part.taps, "out": part.out} if kind == "context" else {"out": part.out}
