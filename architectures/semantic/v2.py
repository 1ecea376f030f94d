"""The semantic branch of BiSeNet V2: a fast-shrinking stem, then gather-and-expansion layers."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, positive
from harness.components import Feature, Semantic, semantics

Expand = Literal["gather", "depthwise"]

NUM_LAYERS = {"stage3": 2, "stage4": 2, "stage5": 4}
"""Gather-and-expansion layers a stage, the strided one included (V2, Table 1)."""


@semantics.register("semantic_branch")
class SemanticBranch(Semantic):
    """Stem to stride 4, then stages of gather-and-expansion layers at strides 8, 16 and 32.

    ``width`` is the channels of stage 4, half of stage 5's. ``ratio`` is the paper's lambda: the
    stem has ``ratio * width`` channels and stage 3 twice that, while stages 4 and 5 do not change
    with it (V2, Table 3a). ``depth`` multiplies the layers of each stage (Table 5).

    ``expand`` says which convolution of a layer multiplies the channels by ``expansion``: the
    first 3x3 ("gather"), as the paper's text says and its GFLOPs have it, or the depth-wise one
    ("depthwise"), as its figure 5 and well-known re-implementations have it, for about a third
    of the cost.
    """

    def __init__(
        self,
        image: Feature,
        *,
        width: int = 64,
        ratio: float = 0.25,
        expansion: int = 6,
        expand: Expand = "gather",
        depth: int = 1,
    ) -> None:
        positive("semantic_branch", width=width, expansion=expansion, depth=depth)
        first = _narrowed(width, ratio)
        channels = {"stage2": first, "stage3": 2 * first, "stage4": width, "stage5": 2 * width}
        strides = {"stage2": 4, "stage3": 8, "stage4": 16, "stage5": 32}
        super().__init__(
            taps={name: Feature(channels[name], strides[name] * image.stride) for name in channels}
        )
        self.stages = nn.ModuleDict({"stage2": Stem(image.channels, first)})
        before = first
        for name, num_layers in NUM_LAYERS.items():
            layers = [GatherExpand(before, channels[name], 2, expansion, expand)]
            for _ in range(depth * num_layers - 1):
                layers.append(GatherExpand(channels[name], channels[name], 1, expansion, expand))
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
    """Halves an image, then halves it again by a convolution and by pooling at once (fig. 4a)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.first = ConvBNReLU(in_channels, channels, stride=2)
        self.left = nn.Sequential(
            ConvBNReLU(channels, half, 1), ConvBNReLU(half, channels, stride=2)
        )
        self.right = nn.MaxPool2d(3, stride=2, padding=1)
        self.join = ConvBNReLU(2 * channels, channels)

    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, in_channels, H, W) to (N, channels, H/4, W/4)."""
        feature = self.first(image)
        return self.join(torch.cat([self.left(feature), self.right(feature)], dim=1))


class GatherExpand(nn.Module):
    """A gather-and-expansion layer at stride 1 or 2 (fig. 5b and 5c).

    Stride 2 takes two 3x3 depth-wise convolutions for one of 5x5, and a projected shortcut.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, expansion: int, expand: Expand
    ) -> None:
        super().__init__()
        wide = in_channels * expansion
        gathered = wide if expand == "gather" else in_channels
        layers = [
            ConvBNReLU(in_channels, gathered),
            ConvBN(gathered, wide, stride=stride, groups=gathered),
        ]
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            layers.append(ConvBN(wide, wide, groups=wide))
            self.shortcut = nn.Sequential(
                ConvBN(in_channels, in_channels, stride=2, groups=in_channels),
                ConvBN(in_channels, out_channels, 1),
            )
        self.residual = nn.Sequential(*layers, ConvBN(wide, out_channels, 1))

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        return functional.relu(self.residual(feature) + self.shortcut(feature))
