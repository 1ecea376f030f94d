"""ResNet-18, 50 and 101: the backbones of BiSeNet V1's accurate variants and of V2's Table 6."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBN, conv
from harness.architecture import SCRATCH
from harness.components import Feature, Semantic, semantics
from harness.weights import from_file

WIDTHS = (64, 128, 256, 512)
"""Channels inside the blocks of the four stages."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, projected where the shape changes."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, width, stride)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, width, h/stride, w/stride)."""
        inner = self.relu(self.bn1(self.conv1(feature)))
        return self.relu(self.bn2(self.conv2(inner)) + self.downsample(feature))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1 beside a shortcut; the 3x3 is the one that strides."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        out_channels = self.expansion * width
        self.conv1 = conv(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, stride=stride, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, 4 * width, h/stride, w/stride)."""
        inner = self.relu(self.bn1(self.conv1(feature)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + self.downsample(feature))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return ConvBN(in_channels, out_channels, 1, stride=stride)


class ResNet(Semantic):
    """A 7x7 convolution and a pooling to stride 4, then four stages of residual blocks.

    Layers and names are torchvision's, so that its files fit; their classifier is left out.
    """

    def __init__(
        self,
        image: Feature,
        block: type[BasicBlock] | type[Bottleneck],
        num_blocks: tuple[int, int, int, int],
        weights: str,
    ) -> None:
        taps = {
            f"stage{at}": Feature(block.expansion * width, 2**at * image.stride)
            for at, width in enumerate(WIDTHS, start=2)
        }
        super().__init__(taps=taps, weights=from_file(weights, left_out=("fc.",)))
        self.conv1 = conv(image.channels, WIDTHS[0], 7, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        before = [WIDTHS[0], *(each.channels for each in taps.values())]
        self.layer1 = _stage(block, before[0], WIDTHS[0], num_blocks[0], stride=1)
        self.layer2 = _stage(block, before[1], WIDTHS[1], num_blocks[1], stride=2)
        self.layer3 = _stage(block, before[2], WIDTHS[2], num_blocks[2], stride=2)
        self.layer4 = _stage(block, before[3], WIDTHS[3], num_blocks[3], stride=2)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the four stages' outputs."""
        taps, feature = {}, self.maxpool(self.relu(self.bn1(self.conv1(image))))
        layers = (self.layer1, self.layer2, self.layer3, self.layer4)
        for name, layer in zip(self.taps, layers, strict=True):
            feature = taps[name] = layer(feature)
        return taps


def _stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    width: int,
    num_blocks: int,
    *,
    stride: int,
) -> nn.Sequential:
    """A block that changes the shape, and the rest that keep it."""
    rest = [block(block.expansion * width, width, 1) for _ in range(num_blocks - 1)]
    return nn.Sequential(block(in_channels, width, stride), *rest)


@semantics.register("resnet18")
class ResNet18(ResNet):
    """ResNet-18 (He et al., CVPR 2016), as V1's context path and V2's Table 6 have it.

    ``weights`` is "scratch", or a file in torchvision's layout; both papers start from ImageNet.
    """

    def __init__(self, image: Feature, *, weights: str = SCRATCH) -> None:
        super().__init__(image, BasicBlock, (2, 2, 2, 2), weights)


@semantics.register("resnet50")
class ResNet50(ResNet):
    """ResNet-50 (He et al., CVPR 2016), which neither paper uses in its own networks.

    ``weights`` is "scratch", or a file in torchvision's layout.
    """

    def __init__(self, image: Feature, *, weights: str = SCRATCH) -> None:
        super().__init__(image, Bottleneck, (3, 4, 6, 3), weights)


@semantics.register("resnet101")
class ResNet101(ResNet):
    """ResNet-101 (He et al., CVPR 2016), of V1's Table 7.

    The author's code has three 3x3 convolutions (64, 64 and 128 channels) for the 7x7 of this
    one. ``weights`` is "scratch", or a file in torchvision's layout.
    """

    def __init__(self, image: Feature, *, weights: str = SCRATCH) -> None:
        super().__init__(image, Bottleneck, (3, 4, 23, 3), weights)
