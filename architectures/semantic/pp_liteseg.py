"""PP-LiteSeg: a decoder that narrows as its features grow, on the STDC backbone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from architectures.layers import ConvBN, ConvBNReLU
from architectures.semantic.stdc_backbone import CHANNELS, LEFT_OUT, StdcBackbone
from harness.components import Feature, Semantic, resize_like, semantics
from harness.weights import from_file

Size = Literal["tiny", "base"]

DEPTH: dict[Size, Literal[1, 2]] = {"tiny": 1, "base": 2}
"""The backbone by size: STDC1 or STDC2 (PP-LiteSeg, Table 1)."""

WIDTHS = {"tiny": (32, 64, 128), "base": (64, 96, 128)}
"""Channels of the decoder at strides 8, 16 and 32 (PP-LiteSeg, Table 1)."""

BINS = (1, 2, 4)
"""Sides in pixels of the pooled features, in the authors' code."""

WIDTH = 128
"""Channels of the pooled features, in the authors' code."""


@semantics.register("pp_liteseg")
class PpLiteSeg(Semantic):
    """PP-LiteSeg up to its classifier, the head ``seg``; whole, without a second path.

    Peng et al., "PP-LiteSeg: a superior real-time semantic segmentation model", 2022, and the
    authors' code, which has three fusions where the paper's text has two. ``size`` is "tiny" for
    PP-LiteSeg-T with a head of 32 channels, or "base" for PP-LiteSeg-B with one of 64. ``weights``
    are for its backbone; see ``stdc_backbone``.

    Training-only heads of width 64 read taps ``fused4`` and ``fused5``. Training needs two images
    a batch, for the batch norm behind a global pooling.
    """

    def __init__(self, image: Feature, *, size: Size = "tiny", weights: str = "scratch") -> None:
        backbone = StdcBackbone(image, depth=DEPTH[size])
        widths = dict(zip(("stage3", "stage4", "stage5"), WIDTHS[size], strict=True))
        deepest_first = list(reversed(widths))
        own = {
            name.replace("stage", "fused"): Feature(widths[name], backbone.taps[name].stride)
            for name in deepest_first
        }
        source = from_file(weights, left_out=LEFT_OUT, into="backbone")
        super().__init__(taps=backbone.taps | own, weights=source)
        self.backbone = backbone
        self.pyramid = SimplePyramid(CHANNELS["stage5"], WIDTH)
        self.fusions = nn.ModuleDict()
        before = WIDTH
        for name in deepest_first:
            self.fusions[name] = AttentionFusion(CHANNELS[name], before, widths[name])
            before = widths[name]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the backbone's stages and to the decoder's, the deepest first."""
        taps = self.backbone(image)
        feature = self.pyramid(taps["stage5"])
        for name, fuse in self.fusions.items():
            feature = taps[name.replace("stage", "fused")] = fuse(taps[name], feature)
        return taps


class SimplePyramid(nn.Module):
    """The sum of the feature pooled to a few sizes, then a 3x3 convolution (SPPM)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(side), ConvBNReLU(in_channels, channels, 1))
            for side in BINS
        )
        self.mix = ConvBNReLU(channels, channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, channels, h, w)."""
        first, *rest = [resize_like(scale(feature), feature) for scale in self.scales]
        return self.mix(sum(rest, first))


class AttentionFusion(nn.Module):
    """Weighs a backbone's feature and the decoder's against each other, place by place.

    The unified attention fusion module (UAFM) with spatial attention: the weight is made of each
    feature's mean and maximum over its channels.
    """

    def __init__(self, low_channels: int, high_channels: int, out_channels: int) -> None:
        super().__init__()
        self.low = ConvBNReLU(low_channels, high_channels)
        self.attention = nn.Sequential(ConvBNReLU(4, 2), ConvBN(2, 1), nn.Sigmoid())
        self.mix = ConvBNReLU(high_channels, out_channels)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Maps (N, low_channels, h, w) and the smaller one to (N, out_channels, h, w)."""
        low, high = self.low(low), resize_like(high, low)
        weight = self.attention(torch.cat([*_over_channels(low), *_over_channels(high)], dim=1))
        return self.mix(low * weight + high * (1 - weight))


def _over_channels(feature: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum over the channels, each (N, 1, h, w)."""
    return feature.mean(dim=1, keepdim=True), feature.amax(dim=1, keepdim=True)
