"""The STDC backbone: blocks whose layers grow ever narrower, and are all kept side by side."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

from architectures.layers import ConvBN, conv
from harness.components import Feature, Semantic, semantics
from harness.weights import from_file

NUM_BLOCKS = {1: (2, 2, 2), 2: (4, 5, 3)}
"""Blocks of stages 3, 4 and 5 by depth (STDC, Table 2)."""

CHANNELS = {"stage2": 64, "stage3": 256, "stage4": 512, "stage5": 1024}

LEFT_OUT = ("conv_last.", "fc.", "bn.", "linear.", "x2.", "x4.", "x8.", "x16.", "x32.")
"""What the authors' files hold beside the backbone: a classifier, and the layers once more."""


@semantics.register("stdc_backbone")
class StdcBackbone(Semantic):
    """Short-term dense concatenation: two convolutions to stride 4, then three stages of blocks.

    Fan et al., "Rethinking BiSeNet for real-time semantic segmentation", CVPR 2021. ``depth`` is
    1 or 2 for STDC1 or STDC2 (Table 2). ``weights`` is a file of the authors' form: the layers
    bear their names. The classifier is left out.
    """

    def __init__(
        self, image: Feature, *, depth: Literal[1, 2] = 1, weights: str = "scratch"
    ) -> None:
        super().__init__(
            taps={
                name: Feature(channels, 2**at * image.stride)
                for at, (name, channels) in enumerate(CHANNELS.items(), 2)
            },
            weights=from_file(weights, left_out=LEFT_OUT),
        )
        layers: list[nn.Module] = [
            _layer(image.channels, 32, 3, stride=2),
            _layer(32, 64, 3, stride=2),
        ]
        self.ends = {len(layers) - 1: "stage2"}
        before = CHANNELS["stage2"]
        for name, num_blocks in zip(list(CHANNELS)[1:], NUM_BLOCKS[depth], strict=True):
            layers.append(DenseConcat(before, CHANNELS[name], 2))
            before = CHANNELS[name]
            layers += [DenseConcat(before, before, 1) for _ in range(num_blocks - 1)]
            self.ends[len(layers) - 1] = name
        self.features = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the outputs of stages 2 to 5."""
        taps, feature = {}, image
        for index, layer in enumerate(self.features):
            feature = layer(feature)
            if index in self.ends:
                taps[self.ends[index]] = feature
        return taps


class DenseConcat(nn.Module):
    """Four layers in a row, each half as wide as the last, side by side (STDC, fig. 3b and 3c).

    The last two are of one width, so that all fit. At stride 2 a depth-wise convolution behind
    the first layer halves the feature, and pooling halves the copy that is kept.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        half, quarter, eighth = (out_channels // part for part in (2, 4, 8))
        self.conv_list = nn.ModuleList(
            [
                _layer(in_channels, half, 1),
                _layer(half, quarter, 3),
                _layer(quarter, eighth, 3),
                _layer(eighth, eighth, 3),
            ]
        )
        self.avd_layer: nn.Module = nn.Identity()
        self.skip: nn.Module = nn.Identity()
        if stride == 2:
            self.avd_layer = ConvBN(half, half, stride=2, groups=half)
            self.skip = nn.AvgPool2d(3, stride=2, padding=1)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        first, *rest = self.conv_list
        wide = first(feature)
        kept, feature = [self.skip(wide)], self.avd_layer(wide)
        for layer in rest:
            feature = layer(feature)
            kept.append(feature)
        return torch.cat(kept, dim=1)


def _layer(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU under the names of the authors' files."""
    return nn.Sequential(
        OrderedDict(
            conv=conv(in_channels, out_channels, kernel, stride=stride, bias=False),
            bn=nn.BatchNorm2d(out_channels),
            relu=nn.ReLU(inplace=True),
        )
    )
