"""ShuffleNetV2, one of the backbones that V2's Table 6 tries as semantic branch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from architectures.layers import ConvBN, ConvBNReLU
from harness.architecture import SCRATCH
from harness.components import Feature, Semantic, semantics
from harness.names import unknown
from harness.weights import from_file

WIDTHS = {
    0.5: (24, 48, 96, 192),
    1.0: (24, 116, 232, 464),
    1.5: (24, 176, 352, 704),
    2.0: (24, 244, 488, 976),
}
"""Channels at strides 4 to 32 of each scale: Ma et al., Table 5."""


@semantics.register("shufflenet_v2")
class ShuffleNetV2(Semantic):
    """Blocks that split, filter and shuffle their channels (Ma et al., ECCV 2018, Table 5).

    ``scale`` is 0.5, 1.0, 1.5 or 2.0; V2's Table 6 has 1.5. It does not say where it cuts the
    network; here the last 1x1 convolution goes with the classifier that it was made for. Names
    are torchvision's, whose stages 2 to 4 give the taps ``stage3`` to ``stage5``: ours are named
    by their stride. ``weights`` is "scratch", or a file in that layout; Table 6 starts from
    ImageNet.
    """

    def __init__(self, image: Feature, *, scale: float = 1.0, weights: str = SCRATCH) -> None:
        if scale not in WIDTHS:
            raise ValueError(f"shufflenet_v2: {unknown('scale', scale, map(str, WIDTHS))}")
        widths = WIDTHS[scale]
        taps = {
            f"stage{at}": Feature(width, 2**at * image.stride)
            for at, width in enumerate(widths, start=2)
        }
        super().__init__(taps=taps, weights=from_file(weights, left_out=("conv5.", "fc.")))
        self.conv1 = ConvBNReLU(image.channels, widths[0], stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2 = _stage(widths[0], widths[1], num_blocks=4)
        self.stage3 = _stage(widths[1], widths[2], num_blocks=8)
        self.stage4 = _stage(widths[2], widths[3], num_blocks=4)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to what the pooling and the three stages give."""
        stride4 = self.maxpool(self.conv1(image))
        stride8 = self.stage2(stride4)
        stride16 = self.stage3(stride8)
        stride32 = self.stage4(stride16)
        return dict(zip(self.taps, (stride4, stride8, stride16, stride32), strict=True))


def _stage(in_channels: int, out_channels: int, *, num_blocks: int) -> nn.Sequential:
    """A strided block, and the rest at stride 1."""
    rest = [ShuffledHalf(out_channels) for _ in range(num_blocks - 1)]
    return nn.Sequential(ShuffledHalves(in_channels, out_channels), *rest)


class ShuffledHalf(nn.Module):
    """One half of the channels is filtered, the other passes, then they are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch2 = _filtering(channels // 2, channels // 2, stride=1)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, channels, h, w) to the same shape."""
        kept, filtered = feature.chunk(2, dim=1)
        return _shuffled(kept, self.branch2(filtered))


class ShuffledHalves(nn.Module):
    """All channels are filtered twice over at stride 2, then the two results are shuffled."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.branch1 = nn.Sequential(
            *ConvBN(in_channels, in_channels, stride=2, groups=in_channels),
            *ConvBNReLU(in_channels, half, 1),
        )
        self.branch2 = _filtering(in_channels, half, stride=2)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/2, w/2)."""
        return _shuffled(self.branch1(feature), self.branch2(feature))


def _filtering(in_channels: int, width: int, *, stride: int) -> nn.Sequential:
    """A depth-wise 3x3 between two 1x1; all in one row, for the sake of torchvision's names."""
    return nn.Sequential(
        *ConvBNReLU(in_channels, width, 1),
        *ConvBN(width, width, stride=stride, groups=width),
        *ConvBNReLU(width, width, 1),
    )


def _shuffled(first: Tensor, second: Tensor) -> Tensor:
    """The channels of two equally wide features, one from each in turn."""
    return torch.stack((first, second), dim=2).flatten(1, 2)
