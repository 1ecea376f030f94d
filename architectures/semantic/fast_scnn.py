"""Fast-SCNN: two resolutions that share their first three layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, dilated
from harness.components import Feature, Semantic, resize_like, semantics

BOTTLENECKS = ((64, 3, 2), (96, 3, 2), (128, 3, 1))
"""Channels, layers and stride of the three groups of bottlenecks (Table 1)."""

BINS = (1, 2, 3, 6)
"""Sides of the grids that the pyramid pools to."""


@semantics.register("fast_scnn")
class FastSCNN(Semantic):
    """Fast-SCNN (Poudel et al., BMVC 2019, Table 1).

    ``stage3`` ends "learning to downsample" and ``stage5`` the global feature extractor: the
    paper's auxiliary losses are taken there. ``fused`` is what the last 1x1 convolution reads.
    The paper names no rate for the dropout before it; well-known re-implementations have 0.1.
    """

    def __init__(self, image: Feature) -> None:
        taps = {
            "stage3": Feature(64, 8 * image.stride),
            "stage5": Feature(128, 32 * image.stride),
            "fused": Feature(128, 8 * image.stride),
        }
        super().__init__(taps=taps)
        self.down = nn.Sequential(
            ConvBNReLU(image.channels, 32, stride=2),
            _separable(32, 48, stride=2),
            _separable(48, 64, stride=2),
        )
        self.extract = nn.Sequential(*_bottlenecks(64), PyramidPooling(128))
        self.fuse = Fuse(64, 128)
        self.classify = nn.Sequential(_separable(128, 128), _separable(128, 128), nn.Dropout(0.1))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the shared feature, the global one and the fused one."""
        shared = self.down(image)
        deep = self.extract(shared)
        fused = self.classify(self.fuse(shared, deep))
        return {"stage3": shared, "stage5": deep, "fused": fused}


class Bottleneck(nn.Module):
    """An inverted residual block that widens six times (Table 2)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        wide = 6 * in_channels
        self.branch = nn.Sequential(
            ConvBNReLU(in_channels, wide, 1),
            ConvBN(wide, wide, stride=stride, groups=wide),
            nn.ReLU(inplace=True),
            ConvBN(wide, out_channels, 1),
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        branch = self.branch(feature)
        return branch + feature if self.adds else branch


class PyramidPooling(nn.Module):
    """Adds to a feature what grids of four sizes see of it, each in a quarter of its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.grids = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(side), ConvBNReLU(channels, channels // 4, 1))
            for side in BINS
        )
        self.mix = ConvBNReLU(2 * channels, channels, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Keeps the shape of a feature."""
        grids = [resize_like(grid(feature), feature) for grid in self.grids]
        return self.mix(torch.cat([feature, *grids], dim=1))


class Fuse(nn.Module):
    """Adds the deep feature, enlarged, to the shared one (Table 3)."""

    def __init__(self, shared: int, deep: int) -> None:
        super().__init__()
        self.spread = nn.Sequential(
            dilated(deep, deep, 4, groups=deep), nn.BatchNorm2d(deep), nn.ReLU(inplace=True)
        )
        self.deep = ConvBN(deep, deep, 1)
        self.shared = ConvBN(shared, deep, 1)

    def forward(self, shared: Tensor, deep: Tensor) -> Tensor:
        """Maps both to the size of the shared one and the channels of the deep one."""
        deep = self.deep(self.spread(resize_like(deep, shared)))
        return functional.relu(self.shared(shared) + deep)


def _bottlenecks(channels: int) -> list[Bottleneck]:
    layers, before = [], channels
    for width, num_layers, first_stride in BOTTLENECKS:
        for stride in (first_stride, *[1] * (num_layers - 1)):
            layers.append(Bottleneck(before, width, stride))
            before = width
    return layers


def _separable(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    """A depth-wise convolution, and a 1x1 one right behind it."""
    return nn.Sequential(
        ConvBN(in_channels, in_channels, stride=stride, groups=in_channels),
        ConvBNReLU(in_channels, out_channels, 1),
    )
