"""The semantic branch of BiSeNet V2: a fast-shrinking stem, then gather-and-expansion layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, positive
from harness.components import Feature, Semantic, semantics

ExpandIn = Literal["conv", "dwconv"]
GatherKernel = Literal[3, 1]
Merge = Literal["concat", "sum", "conv_only", "pool_only"]

NUM_LAYERS = {"stage3": 2, "stage4": 2, "stage5": 4}
"""Gather-and-expansion layers a stage, the strided one included (V2, Table 1)."""


@semantics.register("semantic_branch")
class SemanticBranch(Semantic):
    """Stem to stride 4, then stages of gather-and-expansion layers at strides 8, 16 and 32.

    ``width`` is the channels of stage 4, half of stage 5's: 64 times the paper's alpha (Table 5).
    ``ratio`` is its lambda: the stem has ``ratio * width`` channels and stage 3 twice that, while
    stages 4 and 5 do not change with it (Table 3a). ``depth``, its d, multiplies the layers of
    each stage, the strided one included; the extra ones have stride 1 (Table 5).

    ``expand_in`` says which convolution of a layer multiplies the channels by ``expansion``, its
    epsilon (Table 3c): the first one ("conv"), as the paper's text says and its GFLOPs have it,
    or the depth-wise one ("dwconv"), as its figure 5 and well-known re-implementations have it,
    for about a third of the cost. ``gather_kernel=1`` makes that first convolution a 1x1 (Table
    3b, last row), and ``double_dwconv=False`` gives the strided layers one depth-wise 5x5 for
    two 3x3 (row 3).

    ``stem`` says how the stem's convolutions and its pooling meet before its last convolution:
    beside each other, as in figure 4a ("concat"), added ("sum"), or not at all, one of the two
    sides being left out. That convolution reads twice the stem's channels for "concat", else as
    many as the stem has.
    """

    def __init__(  # noqa: PLR0913 - the paper ablates them one by one
        self,
        image: Feature,
        *,
        width: int = 64,
        ratio: float = 0.25,
        expansion: int = 6,
        expand_in: ExpandIn = "conv",
        gather_kernel: GatherKernel = 3,
        double_dwconv: bool = True,
        depth: int = 1,
        stem: Merge = "concat",
    ) -> None:
        positive("semantic_branch", width=width, expansion=expansion, depth=depth)
        first = _narrowed(width, ratio)
        channels = {"stage2": first, "stage3": 2 * first, "stage4": width, "stage5": 2 * width}
        strides = {"stage2": 4, "stage3": 8, "stage4": 16, "stage5": 32}
        super().__init__(
            taps={name: Feature(channels[name], strides[name] * image.stride) for name in channels}
        )
        shape = Shape(expansion, expand_in, gather_kernel, double_dwconv)
        self.stages = nn.ModuleDict({"stage2": Stem(image.channels, first, stem)})
        before = first
        for name, num_layers in NUM_LAYERS.items():
            layers = [GatherExpand(before, channels[name], 2, shape)]
            for _ in range(depth * num_layers - 1):
                layers.append(GatherExpand(channels[name], channels[name], 1, shape))
            self.stages[name] = nn.Sequential(*layers)
            before = channels[name]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the four stages' outputs."""
        taps, feature = {}, image
        for name, stage in self.stages.items():
            feature = taps[name] = stage(feature)
        return taps


def _narrowed(width: int, ratio: float) -> int:
    channels = round(width * ratio)
    if channels < 1:
        raise ValueError(
            f"semantic_branch: ratio {ratio} leaves no channel of width {width} to the stem"
        )
    return channels


class Stem(nn.Module):
    """Halves an image, then halves it again by convolutions and by pooling at once (fig. 4a).

    ``merge`` says how the two meet; a side that it leaves out is not built.
    """

    def __init__(self, in_channels: int, channels: int, merge: Merge) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.first = ConvBNReLU(in_channels, channels, stride=2)
        sides: dict[str, nn.Module] = {}
        if merge != "pool_only":
            sides["conv"] = nn.Sequential(
                ConvBNReLU(channels, half, 1), ConvBNReLU(half, channels, stride=2)
            )
        if merge != "conv_only":
            sides["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
        self.sides = nn.ModuleDict(sides)
        self.merge = merge
        self.join = ConvBNReLU(2 * channels if merge == "concat" else channels, channels)

    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, in_channels, H, W) to (N, channels, H/4, W/4)."""
        feature = self.first(image)
        sides = [side(feature) for side in self.sides.values()]
        if self.merge == "concat":
            return self.join(torch.cat(sides, dim=1))
        return self.join(sides[0] + sides[1] if self.merge == "sum" else sides[0])


@dataclass(frozen=True)
class Shape:
    """What all gather-and-expansion layers of a branch have in common; its options say more."""

    expansion: int
    expand_in: ExpandIn = "conv"
    gather_kernel: GatherKernel = 3
    double_dwconv: bool = True


class GatherExpand(nn.Module):
    """A gather-and-expansion layer at stride 1 or 2 (fig. 5b and 5c).

    Stride 2 takes two 3x3 depth-wise convolutions for one of 5x5, and a projected shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, shape: Shape) -> None:
        super().__init__()
        wide = in_channels * shape.expansion
        gathered = wide if shape.expand_in == "conv" else in_channels
        self.residual = nn.Sequential(
            ConvBNReLU(in_channels, gathered, shape.gather_kernel),
            *_depthwise(gathered, wide, stride, shape),
            ConvBN(wide, out_channels, 1),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(
                ConvBN(in_channels, in_channels, stride=2, groups=in_channels),
                ConvBN(in_channels, out_channels, 1),
            )

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        return functional.relu(self.residual(feature) + self.shortcut(feature))


def _depthwise(gathered: int, wide: int, stride: int, shape: Shape) -> list[nn.Module]:
    """From ``gathered`` to ``wide`` channels; strided layers see 5x5, others 3x3."""
    if stride == 2 and not shape.double_dwconv:
        return [ConvBN(gathered, wide, 5, stride=2, groups=gathered)]
    layers: list[nn.Module] = [ConvBN(gathered, wide, stride=stride, groups=gathered)]
    if stride == 2:
        layers.append(ConvBN(wide, wide, groups=wide))
    return layers
