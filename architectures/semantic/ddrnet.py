"""DDRNet: two branches from one trunk, at two resolutions, that exchange what they found twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, conv, positive
from harness.components import Feature, Semantic, resize_like, semantics

PYRAMID_WIDTH = 128
"""Channels of each scale of the pyramid, in both of the authors' 23-layer networks."""


@semantics.register("ddrnet")
class DdrNet(Semantic):
    """DDRNet-23 up to its classifier, the head ``seg``; whole, without a path beside it.

    Hong et al., "Deep dual-resolution networks for real-time and accurate semantic segmentation
    of road scenes", 2021, and the authors' code. ``width`` is the channels at stride 4: 32 for
    DDRNet-23-slim with a head of 64 channels, 64 for DDRNet-23 with a head of 128.

    The training-only head reads tap ``stage3``, the high-resolution branch behind the first
    exchange. The authors' heads begin with a batch norm and a ReLU: those of the classifier are
    the end of this part, and of those of the tap it has the ReLU. Their two biases right before
    batch norms, without effect, are left out. Training needs two images a batch, for the batch
    norm behind a global pooling.
    """

    def __init__(self, image: Feature, *, width: int = 32) -> None:
        positive("ddrnet", width=width)
        stride = 8 * image.stride
        super().__init__(
            taps={"stage3": Feature(2 * width, stride), "fused": Feature(4 * width, stride)}
        )
        self.trunk = trunk(image.channels, width)
        self.high3 = stage(2 * width, 2 * width, 2)
        self.high4 = stage(2 * width, 2 * width, 2)
        self.high5 = bottleneck(2 * width, 2 * width)
        self.low3 = stage(2 * width, 4 * width, 2, stride=2)
        self.low4 = stage(4 * width, 8 * width, 2, stride=2)
        self.low5 = bottleneck(8 * width, 8 * width, stride=2)
        self.up3 = ConvBN(4 * width, 2 * width, 1)
        self.up4 = ConvBN(8 * width, 2 * width, 1)
        self.down3 = ConvBN(2 * width, 4 * width, stride=2)
        self.down4 = nn.Sequential(
            ConvBNReLU(2 * width, 4 * width, stride=2), ConvBN(4 * width, 8 * width, stride=2)
        )
        self.pyramid = DeepAggregationPyramid(16 * width, PYRAMID_WIDTH, 4 * width)
        self.end = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(inplace=True))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the high-resolution branch half-way, and to the sum of both branches."""
        relu = functional.relu
        shared = self.trunk(image)
        low, high = self.low3(shared), self.high3(shared)
        low, high = low + self.down3(relu(high)), _add(high, self.up3(relu(low)))
        half_way = relu(high)
        low, high = self.low4(relu(low)), self.high4(half_way)
        low, high = low + self.down4(relu(high)), _add(high, self.up4(relu(low)))
        low, high = self.low5(relu(low)), self.high5(relu(high))
        return {"stage3": half_way, "fused": self.end(_add(high, self.pyramid(low)))}


def _add(large: Tensor, small: Tensor) -> Tensor:
    return large + resize_like(small, large)


class DeepAggregationPyramid(nn.Module):
    """The feature pooled to four sizes, each mixed into the next larger one (DAPPM)."""

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.scales = pooled_scales(in_channels, width)
        self.mixes = nn.ModuleList(activated(width, width, 3) for _ in self.scales[1:])
        self.compress = activated(len(self.scales) * width, out_channels)
        self.shortcut = activated(in_channels, out_channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h, w)."""
        first, *pooled = [scale(feature) for scale in self.scales]
        found = [first]
        for small, mix in zip(pooled, self.mixes, strict=True):
            found.append(mix(_add(found[-1], small)))
        return self.compress(torch.cat(found, dim=1)) + self.shortcut(feature)


def pooled_scales(in_channels: int, width: int) -> nn.ModuleList:
    """The feature itself, pooled at strides 2, 4 and 8, and its mean, each projected."""
    pools = [nn.AvgPool2d(2 * stride + 1, stride, padding=stride) for stride in (2, 4, 8)]
    return nn.ModuleList(
        nn.Sequential(pool, activated(in_channels, width))
        for pool in (nn.Identity(), *pools, nn.AdaptiveAvgPool2d(1))
    )


def activated(
    in_channels: int, out_channels: int, kernel: int = 1, *, groups: int = 1
) -> nn.Sequential:
    """Batch norm and ReLU before a convolution, the other way round than elsewhere."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        conv(in_channels, out_channels, kernel, groups=groups, bias=False),
    )


class Residual(nn.Module):
    """A few layers and a shortcut around them; there is no ReLU behind their sum."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = ConvBN(in_channels, out_channels, 1, stride=stride)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        return self.layers(feature) + self.shortcut(feature)


def basic(in_channels: int, out_channels: int, *, stride: int = 1) -> Residual:
    """Two 3x3 convolutions of ResNet-18, without the last ReLU."""
    first = ConvBNReLU(in_channels, out_channels, stride=stride)
    return Residual(in_channels, out_channels, stride, first, ConvBN(out_channels, out_channels))


def bottleneck(in_channels: int, width: int, *, stride: int = 1) -> Residual:
    """A 3x3 convolution between two 1x1, the last to ``2 * width``, without the last ReLU."""
    first, middle = ConvBNReLU(in_channels, width, 1), ConvBNReLU(width, width, stride=stride)
    return Residual(in_channels, 2 * width, stride, first, middle, ConvBN(width, 2 * width, 1))


def stage(
    in_channels: int, out_channels: int, num_blocks: int, *, stride: int = 1
) -> nn.Sequential:
    """Basic blocks with ReLUs between them; the one behind the last is the reader's."""
    blocks: list[nn.Module] = [basic(in_channels, out_channels, stride=stride)]
    for _ in range(num_blocks - 1):
        blocks += [nn.ReLU(inplace=True), basic(out_channels, out_channels)]
    return nn.Sequential(*blocks)


def trunk(in_channels: int, width: int) -> nn.Sequential:
    """What both branches begin with: (N, in_channels, H, W) to (N, 2 * width, H/8, W/8)."""
    return nn.Sequential(
        ConvBNReLU(in_channels, width, stride=2),
        ConvBNReLU(width, width, stride=2),
        stage(width, width, 2),
        nn.ReLU(inplace=True),
        stage(width, 2 * width, 2, stride=2),
        nn.ReLU(inplace=True),
    )
