"""MobileNetV2, one of the backbones that V2's Table 6 tries as semantic branch."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBN, conv
from harness.architecture import SCRATCH
from harness.components import Feature, Semantic, semantics
from harness.weights import from_file

FIRST = 32
"""Channels of the first convolution."""

ROWS: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, and stride of the first block: Sandler et al., Table 2."""

TAPPED = {"stage2": 3, "stage3": 6, "stage4": 13, "stage5": 17}
"""The last of the features at each stride, by its index."""


@semantics.register("mobilenet_v2")
class MobileNetV2(Semantic):
    """Inverted residuals at strides 4 to 32 (Sandler et al., CVPR 2018, Table 2).

    V2's Table 6 does not say where it cuts the network; here the 1x1 convolution to 1280 channels
    goes with the classifier that it was made for. Names are torchvision's. ``weights`` is
    "scratch", or a file in that layout; Table 6 starts from ImageNet.
    """

    def __init__(self, image: Feature, *, weights: str = SCRATCH) -> None:
        blocks: list[nn.Module] = [_conv_bn_relu6(image.channels, FIRST, stride=2)]
        widths = [FIRST]
        for expansion, width, num_blocks, first_stride in ROWS:
            for at in range(num_blocks):
                stride = first_stride if at == 0 else 1
                blocks.append(InvertedResidual(widths[-1], width, stride, expansion))
                widths.append(width)
        taps = {
            name: Feature(widths[at], stride * image.stride)
            for (name, at), stride in zip(TAPPED.items(), (4, 8, 16, 32), strict=True)
        }
        unused = (f"features.{len(blocks)}.", "classifier.")
        super().__init__(taps=taps, weights=from_file(weights, left_out=unused))
        self.features = nn.Sequential(*blocks)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the last feature at each stride."""
        feature, features = image, []
        for block in self.features:
            feature = block(feature)
            features.append(feature)
        return {name: features[at] for name, at in TAPPED.items()}


class InvertedResidual(nn.Module):
    """Widens, filters depth-wise and narrows again, beside a shortcut where the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * in_channels
        widening = [_conv_bn_relu6(in_channels, wide, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widening,
            _conv_bn_relu6(wide, wide, stride=stride, groups=wide),
            *ConvBN(wide, out_channels, 1),
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/stride, w/stride)."""
        return feature + self.conv(feature) if self.adds else self.conv(feature)


def _conv_bn_relu6(
    in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        conv(in_channels, out_channels, kernel, stride=stride, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(inplace=True),
    )
