"""STDC-Seg: BiSeNet V1's context path on the STDC backbone, whose stage 3 stands in for detail."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, conv
from architectures.semantic.stdc_backbone import CHANNELS, LEFT_OUT, StdcBackbone
from harness.components import Feature, Semantic, semantics
from harness.weights import from_file

WIDTH = 128
"""Channels of the context path, in the authors' code."""

FUSED = 256
"""Channels of the fused feature, in the authors' code."""


@semantics.register("stdc")
class Stdc(Semantic):
    """STDC-Seg up to its classifier, the head ``seg`` of width 256; whole, without a second path.

    Fan et al., "Rethinking BiSeNet for real-time semantic segmentation", CVPR 2021, figure 4, and
    the authors' code. ``depth`` is 1 or 2 for STDC1 or STDC2. ``weights`` are for its backbone; see
    ``stdc_backbone``.

    The paper's training-only heads read taps ``arm4`` (stride 8) and ``arm5`` (stride 16), both
    of width 64, for the classes, and ``stage3`` for the detail guidance. The loss of that last
    one, on the edges of the labels, is not part of a network. Training needs two images a batch,
    for the batch norms behind global poolings.
    """

    def __init__(
        self, image: Feature, *, depth: Literal[1, 2] = 1, weights: str = "scratch"
    ) -> None:
        backbone = StdcBackbone(image, depth=depth)
        eighth, sixteenth = backbone.taps["stage3"].stride, backbone.taps["stage4"].stride
        own = {
            "arm5": Feature(WIDTH, sixteenth),
            "arm4": Feature(WIDTH, eighth),
            "fused": Feature(FUSED, eighth),
        }
        source = from_file(weights, left_out=LEFT_OUT, into="backbone")
        super().__init__(taps=backbone.taps | own, weights=source)
        self.backbone = backbone
        self.global_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvBNReLU(CHANNELS["stage5"], WIDTH, 1)
        )
        self.arm5 = AttentionRefinement(CHANNELS["stage5"], WIDTH)
        self.arm4 = AttentionRefinement(CHANNELS["stage4"], WIDTH)
        self.smooth5 = ConvBNReLU(WIDTH, WIDTH)
        self.smooth4 = ConvBNReLU(WIDTH, WIDTH)
        self.fuse = Fuse(CHANNELS["stage3"] + WIDTH, FUSED)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the backbone's stages, both refined features and the fused one."""
        taps = self.backbone(image)
        deep = self.arm5(taps["stage5"]) + self.global_pool(taps["stage5"])
        taps["arm5"] = self.smooth5(_nearest_like(deep, taps["stage4"]))
        deep = self.arm4(taps["stage4"]) + taps["arm5"]
        taps["arm4"] = self.smooth4(_nearest_like(deep, taps["stage3"]))
        taps["fused"] = self.fuse(torch.cat([taps["stage3"], taps["arm4"]], dim=1))
        return taps


class AttentionRefinement(nn.Module):
    """A 3x3 convolution whose channels are weighed by their global mean (BiSeNet V1, fig. 2b)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.mix = ConvBNReLU(in_channels, channels)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvBN(channels, channels, 1), nn.Sigmoid()
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, channels, h, w)."""
        mixed = self.mix(feature)
        return mixed * self.attention(mixed)


class Fuse(nn.Module):
    """V1's feature fusion with four times fewer channels between its two layers of attention.

    The part ``ffm`` has biases there, and resizes; the authors' code does neither.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.mix = ConvBNReLU(in_channels, channels, 1)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            conv(channels, channels // 4, 1, bias=False),
            nn.ReLU(inplace=True),
            conv(channels // 4, channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, channels, h, w)."""
        mixed = self.mix(feature)
        return mixed + mixed * self.attention(mixed)


def _nearest_like(feature: Tensor, other: Tensor) -> Tensor:
    return functional.interpolate(feature, size=other.shape[-2:], mode="nearest")
