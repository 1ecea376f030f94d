"""The contract of each kind of part, and the registries they are looked up in.

A part is told what it gets as ``Feature(channels, stride)`` and declares what it gives, so any
combination that fits can be built and no channel count is typed twice. Spatial sizes are never
assumed to divide: a stride-s feature of an HxW image is about ceil(H/s) x ceil(W/s).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from harness.architecture import Part
from harness.registry import Registry, place
from harness.weights import Weights


@dataclass(frozen=True)
class Feature:
    """What is known of a feature map before it exists: channels, and stride to the image."""

    channels: int
    stride: int


Taps = dict[str, Feature]
"""Features by the name of the stage that gives them, in order; the last is a path's output."""


class Detail(nn.Module, ABC):
    """The wide, shallow path. Takes the image; gives its taps, the last about stride 8.

    No taps at all means that there is no such path. ``weights`` is where its weights come from
    before training, None for none: from scratch.
    """

    def __init__(self, *, taps: Taps, weights: Weights | None = None) -> None:
        super().__init__()
        self.taps = taps
        self.weights = weights

    @abstractmethod
    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image (N, C, H, W) to one tensor a tap, named and ordered like ``taps``."""


class Semantic(nn.Module, ABC):
    """The narrow, deep path. Takes the image; gives a pyramid of taps of rising stride.

    No taps at all means that there is no such path. ``weights`` is where its weights come from
    before training, None for none: from scratch.
    """

    def __init__(self, *, taps: Taps, weights: Weights | None = None) -> None:
        super().__init__()
        self.taps = taps
        self.weights = weights

    @abstractmethod
    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image (N, C, H, W) to one tensor a tap, named and ordered like ``taps``."""


class Context(nn.Module, ABC):
    """Turns the semantic path's pyramid into the one feature that enters the fusion.

    ``taps`` are features on the way there that auxiliary heads may read; most modules have none.
    """

    def __init__(self, *, out: Feature, taps: Taps | None = None) -> None:
        super().__init__()
        self.out = out
        self.taps = taps or {}

    @abstractmethod
    def forward(self, pyramid: dict[str, Tensor]) -> Tensor | dict[str, Tensor]:
        """Maps the pyramid to a tensor (N, out.channels, H/out.stride, W/out.stride).

        A module with taps gives a dict: a tensor a tap, ordered like ``taps``, and last ``out``.
        """


class Fusion(nn.Module, ABC):
    """Joins the detail feature and the semantic feature into one.

    Only the fusion named ``none`` is ever told, and given, None: for the path that is absent.
    """

    def __init__(self, *, out: Feature) -> None:
        super().__init__()
        self.out = out

    @abstractmethod
    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to a tensor (N, out.channels, H/out.stride, W/out.stride)."""


class Head(nn.Module, ABC):
    """Turns a feature into logits at a stride that it declares; the network resizes them.

    Resized is bilinearly, before the classes are picked, unless the head is ``deferred``: then
    its loss is taken at its own stride, classes are picked there too, and only they are enlarged.
    """

    def __init__(self, *, out: Feature, deferred: bool = False) -> None:
        super().__init__()
        self.out = out
        self.deferred = deferred

    @abstractmethod
    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, feature.channels, h, w) to (N, num_classes, H/out.stride, W/out.stride)."""


class AuxHeads(ABC):  # noqa: B024 - its constructor is the whole contract
    """Chooses which taps get a training-only head; the network builds the heads.

    Taps are named ``detail.<stage>``, ``semantic.<stage>``, ``context.<tap>`` for those inside the
    context module, and ``context`` for its output. ``head`` is the part that every chosen tap gets.
    """

    def __init__(self, *, chosen: tuple[str, ...], head: Part) -> None:
        self.chosen = chosen
        self.head = head


details: Registry[Detail] = Registry("detail", Detail, ("image",))
semantics: Registry[Semantic] = Registry("semantic", Semantic, ("image",))
contexts: Registry[Context] = Registry("context", Context, ("pyramid",))
fusions: Registry[Fusion] = Registry("fusion", Fusion, ("detail", "semantic"))
heads: Registry[Head] = Registry("head", Head, ("feature", "num_classes"))
aux_placements: Registry[AuxHeads] = Registry("aux_heads", AuxHeads, ("taps",))

REGISTRIES: dict[str, Registry[Any]] = {
    each.kind: each for each in (details, semantics, contexts, fusions, heads, aux_placements)
}
"""Every kind of part with its registry, in the order of ``harness.architecture.KINDS``."""


def described(kind: str, part: Part) -> str:
    """A part with its class and file, for messages; KeyError for an unknown one."""
    return f"{kind} {part.name!r} ({place(REGISTRIES[kind].get(part.name))})"


def resize_like(feature: Tensor, other: Tensor) -> Tensor:
    """Resizes a feature bilinearly to the height and width of another."""
    return functional.interpolate(
        feature, size=other.shape[-2:], mode="bilinear", align_corners=False
    )
