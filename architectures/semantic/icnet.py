"""ICNet: a cascade of three resolutions, the deepest network for the smallest image."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, ConvBNReLU, dilated, positive
from harness.components import Feature, Semantic, resize_like, semantics

BINS = (1, 2, 3, 6)
"""Sides of the grids that the pyramid pools to."""

FUSED = 128
"""Channels of the cascade feature fusion."""


@semantics.register("icnet")
class ICNet(Semantic):
    """ICNet on PSPNet50 (Zhao et al., ECCV 2018, figure 2), layers as in the author's code.

    ``width`` is the channels of the first layer: 32 is the network after the paper's compression,
    whose model and speed are published; 64 is PSPNet50 as it is before. ``stage4`` and ``stage3``,
    the enlarged features of the two coarser resolutions, are where the paper's cascade label
    guidance trains auxiliary classifiers; ``fused`` is what its last 1x1 convolution reads.
    """

    def __init__(self, image: Feature, *, width: int = 32) -> None:
        positive("icnet", width=width)
        taps = {
            "stage4": Feature(8 * width, 16 * image.stride),
            "stage3": Feature(FUSED, 8 * image.stride),
            "fused": Feature(FUSED, 4 * image.stride),
        }
        super().__init__(taps=taps)
        # Of an even side, bilinear halving is the mean of two by two.
        self.halve = nn.AvgPool2d(2, ceil_mode=True)
        self.shared = _shared_stages(image.channels, width)
        self.deep = _deep_stages(width)
        self.pyramid = PyramidSum(32 * width, 8 * width)
        self.shallow = nn.Sequential(
            ConvBNReLU(image.channels, 32, stride=2), ConvBNReLU(32, 32, stride=2)
        )
        self.shallow_end = ConvBNReLU(32, 64, stride=2)
        self.fuse_medium = CascadeFusion(8 * width, 8 * width)
        self.fuse_large = CascadeFusion(FUSED, 64)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to what each resolution's classifier reads."""
        medium = self.shared(self.halve(image))
        small = self.pyramid(self.deep(self.halve(medium)))
        quarter = self.shallow(image)
        large = self.shallow_end(quarter)
        small = resize_like(small, medium)
        fused = resize_like(self.fuse_medium(small, medium), large)
        last = resize_like(self.fuse_large(fused, large), quarter)
        return {"stage4": small, "stage3": fused, "fused": last}


class Bottleneck(nn.Module):
    """A residual block of ResNet-50, strided in its first layer."""

    def __init__(self, in_channels: int, width: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        out_channels = 4 * width
        self.branch = nn.Sequential(
            ConvBNReLU(in_channels, width, 1, stride=stride),
            dilated(width, width, dilation),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            ConvBN(width, out_channels, 1),
        )
        same = in_channels == out_channels
        self.shortcut = (
            nn.Identity() if same else ConvBN(in_channels, out_channels, 1, stride=stride)
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, 4 * width, h/stride, w/stride)."""
        return functional.relu(self.branch(feature) + self.shortcut(feature))


class PyramidSum(nn.Module):
    """Adds to a feature its means over grids of four sizes, then a 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.grids = nn.ModuleList(nn.AdaptiveAvgPool2d(side) for side in BINS)
        self.mix = ConvBNReLU(in_channels, out_channels, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h, w)."""
        total = feature
        for grid in self.grids:
            total = total + resize_like(grid(feature), feature)
        return self.mix(total)


class CascadeFusion(nn.Module):
    """Adds an enlarged coarse feature to a finer one (figure 3)."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.coarse = nn.Sequential(dilated(coarse, FUSED, 2), nn.BatchNorm2d(FUSED))
        self.fine = ConvBN(fine, FUSED, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Maps two features of one size to one of 128 channels."""
        return functional.relu(self.coarse(coarse) + self.fine(fine))


def _shared_stages(in_channels: int, width: int) -> nn.Sequential:
    """The layers that both coarser resolutions go through, to 1/8 of what they are given."""
    return nn.Sequential(
        ConvBNReLU(in_channels, width, stride=2),
        ConvBNReLU(width, width),
        ConvBNReLU(width, 2 * width),
        nn.MaxPool2d(3, stride=2, padding=1),
        Bottleneck(2 * width, width),
        Bottleneck(4 * width, width),
        Bottleneck(4 * width, width),
        Bottleneck(4 * width, 2 * width, stride=2),
    )


def _deep_stages(width: int) -> nn.Sequential:
    """The rest of ResNet-50, dilated instead of strided, for the smallest resolution alone."""
    layers = [Bottleneck(8 * width, 2 * width) for _ in range(3)]
    before = 8 * width
    for channels, num_layers, dilation in ((4 * width, 6, 2), (8 * width, 3, 4)):
        for _ in range(num_layers):
            layers.append(Bottleneck(before, channels, dilation=dilation))
            before = 4 * channels
    return nn.Sequential(*layers)
