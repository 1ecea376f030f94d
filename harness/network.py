"""Assembles an architecture into a network, and reduces it to what is deployed."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.architecture import Architecture, Part
from harness.components import (
    REGISTRIES,
    AuxHeads,
    Context,
    Detail,
    Feature,
    Fusion,
    Head,
    Semantic,
    Taps,
    described,
    resize_like,
)
from harness.fold import fold_batch_norms
from harness.mistakes import is_users, one_line
from harness.names import unknown
from harness.study import BOUNDARIES

ABSENT = "none"
"""The reserved name of a part that is not there."""

SMALLEST_SIDE = 32
"""The least height and width of an image, in pixels: below it the deepest stage is empty."""


class Logits(NamedTuple):
    """What a network gives: main logits (N, classes, H, W) at image size, and those of aux heads.

    ``aux`` is empty in eval mode. In training the logits of a deferred head are at its own stride.
    """

    main: Tensor
    aux: dict[str, Tensor]


class Paths(nn.Module):
    """Both paths, the context module and the fusion: everything before the heads."""

    def __init__(
        self, detail: Detail, semantic: Semantic, context: Context | None, fusion: Fusion
    ) -> None:
        super().__init__()
        self.detail = detail
        self.semantic = semantic
        self.context = context
        self.fusion = fusion

    def forward(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Maps an image to the fused feature and all taps by their full names."""
        detail = self.detail(image) if self.detail.taps else {}
        pyramid = self.semantic(image) if self.semantic.taps else {}
        taps = {f"detail.{name}": each for name, each in detail.items()}
        taps |= {f"semantic.{name}": each for name, each in pyramid.items()}
        semantic = None
        if self.context is not None:
            given = self.context(pyramid)
            inner = given if isinstance(given, dict) else {"out": given}
            taps |= {f"context.{name}": inner[name] for name in self.context.taps}
            semantic = taps["context"] = inner["out"]
        last = next(reversed(detail.values())) if detail else None
        return self.fusion(last, semantic), taps


class Network(nn.Module):
    """A two-path network as it is trained: paths, main head, auxiliary heads.

    Takes a normalised image (N, 3, H, W) with H and W of at least 32; gives ``Logits``.
    """

    def __init__(self, paths: Paths, head: Head, aux_heads: dict[str, Head]) -> None:
        super().__init__()
        self.paths = paths
        self.head = head
        self.aux_taps = tuple(aux_heads)
        self.aux_heads = nn.ModuleList(aux_heads.values())

    def forward(self, image: Tensor) -> Logits:
        """Gives main and auxiliary logits."""
        fused, taps = self.paths(image)
        if not self.training:
            return Logits(enlarged(self.head, self.head(fused), image), {})
        pairs = zip(self.aux_taps, self.aux_heads, strict=True)
        aux = {tap: _to_learn_from(head, head(taps[tap]), image) for tap, head in pairs}
        return Logits(_to_learn_from(self.head, self.head(fused), image), aux)


def _to_learn_from(head: nn.Module, logits: Tensor, image: Tensor) -> Tensor:
    """Logits as the loss takes them: a deferred head's as they are, others at image size."""
    return logits if head.deferred else resize_like(logits, image)


def enlarged(head: nn.Module, logits: Tensor, image: Tensor) -> Tensor:
    """Logits at image size, after which a deferred head's classes are those it picked before."""
    if head.deferred:
        return functional.interpolate(logits, size=image.shape[-2:], mode="nearest-exact")
    return resize_like(logits, image)


class Deployed(nn.Module):
    """A network reduced to what runs on a vehicle: no auxiliary heads.

    Takes a normalised image (N, 3, H, W); what it gives is for ``boundary`` to say:
    ``logits_full`` (N, classes, H, W), ``logits_native`` at the head's own stride, or
    ``labels_full``, the class of every pixel as uint8 (N, H, W).
    """

    def __init__(self, network: Network, boundary: str) -> None:
        super().__init__()
        self.paths = network.paths
        self.head = network.head
        self.boundary = boundary

    def forward(self, image: Tensor) -> Tensor:
        """Gives the main logits, or the classes."""
        fused, _ = self.paths(image)
        logits: Tensor = self.head(fused)
        if self.boundary == "logits_native":
            return logits
        if self.boundary == "logits_full":
            return enlarged(self.head, logits, image)
        if not self.head.deferred:
            return _classes(enlarged(self.head, logits, image)).squeeze(1)
        picked = _classes(logits)
        return enlarged(self.head, picked, image).squeeze(1)


def _classes(logits: Tensor) -> Tensor:
    """The class of each place (N, 1, h, w)."""
    return logits.argmax(1, keepdim=True).to(torch.uint8)


class Builder(Protocol):
    """Builds a part of a kind from what it is told."""

    def __call__(self, kind: str, part: Part, *inputs: Any) -> Any:
        """An instance of the part."""


class BrokenPromise(ValueError):
    """A part that does not do what it declares; the message names its class and file."""


def build_anew(kind: str, part: Part, *inputs: Any) -> Any:
    """A new instance of a part, from its registry.

    What a part refuses in its own words comes through; BrokenPromise for one that cannot be built
    otherwise, or that does not declare what it gives.
    """
    where = described(kind, part)
    try:
        built = REGISTRIES[kind].build(part, *inputs)
    except Exception as error:
        if is_users(error):
            raise
        seen = f"{type(error).__name__}: {one_line(error)[:300]}"
        raise BrokenPromise(f"{where}: cannot be built: {seen}") from error
    name, wanted = DECLARED[kind]
    given = getattr(built, name, None)
    if not _is_declaration(kind, given):
        raise BrokenPromise(
            f"{where}: must call super().__init__({name}=...) with {wanted}, not {given!r}"
        )
    return built


_TAPS = "taps", "a dict of Features, their channels whole numbers"
_OUT = "out", "a Feature, its channels a whole number"
DECLARED = {
    "detail": _TAPS,
    "semantic": _TAPS,
    "context": _OUT,
    "fusion": _OUT,
    "head": _OUT,
    "aux_heads": ("chosen", "a tuple of names"),
}
"""What a part of each kind must declare when it is built, and in what form."""


def _is_declaration(kind: str, given: Any) -> bool:
    """Whether what a part declares is of the type that its kind declares."""
    if kind == "aux_heads":
        return isinstance(given, tuple)
    if isinstance(given, dict) != (DECLARED[kind] == _TAPS):
        return False
    features = given.values() if isinstance(given, dict) else [given]
    return all(isinstance(f, Feature) and isinstance(f.channels, int) for f in features)


def assemble(architecture: Architecture, num_classes: int, build: Builder = build_anew) -> Network:
    """Builds the network of an architecture for some number of classes.

    ``build`` may hand out one part twice, to networks that are only looked at. KeyError for an
    unknown part or option, ValueError for parts that do not fit together or a hole that is still
    open.
    """
    parts = architecture.parts()
    image = Feature(3, 1)
    detail: Detail = build("detail", parts["detail"], image)
    semantic: Semantic = build("semantic", parts["semantic"], image)
    _check_paths(architecture, detail, semantic)
    context = build("context", parts["context"], dict(semantic.taps)) if semantic.taps else None
    given = last_feature(detail.taps), context.out if context else None
    fusion: Fusion = build("fusion", parts["fusion"], *given)
    head: Head = build("head", parts["head"], fusion.out, num_classes)
    taps = _all_taps(detail, semantic, context)
    aux_heads = _build_aux_heads(architecture, taps, num_classes, build)
    return Network(Paths(detail, semantic, context, fusion), head, aux_heads)


def last_feature(taps: Taps) -> Feature | None:
    """A path's output feature, or None for a path that is not there."""
    return next(reversed(taps.values())) if taps else None


def _all_taps(detail: Detail, semantic: Semantic, context: Context | None) -> Taps:
    taps = {f"detail.{name}": each for name, each in detail.taps.items()}
    taps |= {f"semantic.{name}": each for name, each in semantic.taps.items()}
    if context:
        taps |= {f"context.{name}": each for name, each in context.taps.items()}
        taps["context"] = context.out
    return taps


def _build_aux_heads(
    architecture: Architecture, taps: Taps, num_classes: int, build: Builder
) -> dict[str, Head]:
    placement: AuxHeads = build("aux_heads", architecture.parts()["aux_heads"], dict(taps))
    for tap in placement.chosen:
        if tap not in taps:
            raise ValueError(f"aux_heads {architecture.aux_heads}: {unknown('tap', tap, taps)}")
    return {tap: build("head", placement.head, taps[tap], num_classes) for tap in placement.chosen}


def _check_paths(architecture: Architecture, detail: Detail, semantic: Semantic) -> None:
    """Refuses parts that cannot work together, saying what would."""
    fusion, context = architecture.fusion, architecture.context
    if not detail.taps and not semantic.taps:
        raise ValueError("detail and semantic are both 'none': there is no path left")
    if not semantic.taps and context.name != ABSENT:
        raise ValueError(f"context {context.name!r} needs a semantic path; use context='none'")
    both = bool(detail.taps and semantic.taps)
    if not both and fusion.name != ABSENT:
        gone = "detail" if semantic.taps else "semantic"
        raise ValueError(
            f"fusion {fusion.name!r} needs both paths, but {gone} is absent; use fusion='none'"
        )
    if both and fusion.name == ABSENT:
        raise ValueError(
            "fusion 'none' is for one path alone; choose a fusion, or set detail or "
            "semantic to 'none'"
        )


def deploy(network: Network, *, boundary: str = "logits_full", fold: bool = True) -> nn.Module:
    """The network as it is timed and shipped: a copy in eval mode, without auxiliary heads.

    ``boundary``, one of ``harness.study.BOUNDARIES``, says where it ends; see ``Deployed``. With
    ``fold``, batch norms that follow a convolution are folded into it mechanically by
    ``torch.fx``; outputs agree with the unfolded network to about 1e-4. The network that is
    passed in is left as it was. ValueError for an unknown boundary.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(unknown("boundary", boundary, BOUNDARIES))
    deployed: nn.Module = Deployed(copy.deepcopy(network), boundary).eval()
    if fold:
        deployed = fold_batch_norms(deployed)
    return deployed.requires_grad_(False)
