"""DFANet: a light backbone run three times, each time on what the one before has found."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, conv
from harness.components import Feature, Semantic, resize_like, semantics

STAGES = ((48, 4), (96, 6), (192, 4))
"""Channels and blocks of the backbone's stages enc2, enc3 and enc4 (Table 1, Xception A)."""

FC_WIDTH = 1000
"""Width of the fully connected layer of the attention: the classes of ImageNet."""

DECODER_WIDTH = 32


@semantics.register("dfanet")
class DFANet(Semantic):
    """DFANet A (Li et al., CVPR 2019, figure 2 and Table 1).

    ``decoder`` is what its last 1x1 convolution reads. The paper leaves the decoder's widths open;
    well-known re-implementations have 32. Its "7.8M" parameters are out of reach: the layers it
    tells of have 1.8 million, 1.2 of them in the attention. Taken as mebibytes of 32-bit weights,
    as other papers print them, they would be 2.0 million.
    """

    def __init__(self, image: Feature) -> None:
        super().__init__(taps={"decoder": Feature(DECODER_WIDTH, 4 * image.stride)})
        first, deepest = STAGES[0][0], STAGES[-1][0]
        self.stem = ConvBNReLU(image.channels, 8, stride=2)
        self.backbones = nn.ModuleList(
            [
                Backbone(8, aggregates=False),
                Backbone(deepest, aggregates=True),
                Backbone(deepest, aggregates=True),
            ]
        )
        self.low = nn.ModuleList(ConvBNReLU(first, DECODER_WIDTH, 1) for _ in range(3))
        self.high = nn.ModuleList(ConvBN(deepest, DECODER_WIDTH, 1) for _ in range(3))
        self.mix = ConvBNReLU(DECODER_WIDTH, DECODER_WIDTH, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to a feature at stride 4."""
        stages: list[Tensor] = []
        low: list[Tensor] = []
        high: list[Tensor] = []
        for backbone in self.backbones:
            entering = resize_like(high[-1], stages[0]) if high else self.stem(image)
            stages, attended = backbone(entering, stages)
            low.append(stages[0])
            high.append(attended)
        return {"decoder": self._decode(low, high)}

    def _decode(self, low: list[Tensor], high: list[Tensor]) -> Tensor:
        """Adds all first stages, and behind one more layer all last ones, at the largest size."""
        first, *others = (layer(each) for layer, each in zip(self.low, low, strict=True))
        decoded = self.mix(_added(first, others))
        return _added(decoded, [layer(each) for layer, each in zip(self.high, high, strict=True)])


class Backbone(nn.Module):
    """Xception A from enc2 on, with its attention.

    One that ``aggregates`` joins the input of each stage with what the stage gave in the backbone
    before. The sizes agree: what it is given has half the resolution of what that one was given.
    """

    def __init__(self, in_channels: int, *, aggregates: bool) -> None:
        super().__init__()
        self.aggregates = aggregates
        self.stages, before = nn.ModuleList(), in_channels
        for channels, num_blocks in STAGES:
            first = Block(before + channels if aggregates else before, channels, stride=2)
            rest = [Block(channels, channels) for _ in range(num_blocks - 1)]
            self.stages.append(nn.Sequential(first, *rest))
            before = channels
        self.attention = Attention(before)

    def forward(self, feature: Tensor, earlier: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Gives the stages' outputs, and the last of them weighed by the attention."""
        stages = []
        for at, stage in enumerate(self.stages):
            joined = torch.cat([feature, earlier[at]], dim=1) if self.aggregates else feature
            feature = stage(joined)
            stages.append(feature)
        return stages, self.attention(feature)


class Block(nn.Module):
    """Three separable convolutions, the first two of a quarter of the channels, and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        width = out_channels // 4
        self.branch = nn.Sequential(
            _separable(in_channels, width, stride=stride),
            nn.ReLU(inplace=True),
            _separable(width, width),
            nn.ReLU(inplace=True),
            _separable(width, out_channels),
        )
        same = stride == 1 and in_channels == out_channels
        projection = nn.Identity() if same else ConvBN(in_channels, out_channels, 1, stride=stride)
        self.shortcut: nn.Module = projection

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        return functional.relu(self.branch(feature) + self.shortcut(feature))


class Attention(nn.Module):
    """Weighs channels by what a fully connected layer makes of their means (FC attention)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.fc = conv(channels, FC_WIDTH, 1)
        self.project = conv(FC_WIDTH, channels, 1)
        # All weights start near one: a feature times itself, three times over, would overflow.
        assert self.project.bias is not None
        nn.init.normal_(self.project.weight, std=1e-4)
        nn.init.ones_(self.project.bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Keeps the shape of a feature."""
        return feature * self.project(self.fc(self.mean(feature)))


def _separable(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    """A depth-wise convolution, and a 1x1 one right behind it."""
    depthwise = ConvBN(in_channels, in_channels, stride=stride, groups=in_channels)
    # No ReLU halves what it gives; there are 126 such layers.
    (weight,) = depthwise[0].parameters()
    nn.init.kaiming_normal_(weight, nonlinearity="linear")
    return nn.Sequential(depthwise, ConvBN(in_channels, out_channels, 1))


def _added(large: Tensor, small: list[Tensor]) -> Tensor:
    """Adds smaller features to a large one, enlarged to its size."""
    for each in small:
        large = large + resize_like(each, large)
    return large
