"""Xception39, the light backbone of BiSeNet V1's context path."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import conv
from harness.architecture import SCRATCH
from harness.components import Feature, Semantic, semantics
from harness.weights import from_file

FIRST = 8
"""Channels of the strided convolution and the pooling that come before the stages."""

STAGES = {"layer1": (4, 16), "layer2": (8, 32), "layer3": (4, 64)}
"""Blocks of a stage, and the channels inside them; they give four times as many."""

EXPANSION = 4


@semantics.register("xception39")
class Xception39(Semantic):
    """A strided convolution, a pooling, and three stages of separable residual blocks.

    The author's code, since V1 only names it; the taps are the pooling's 8 channels at stride 4,
    then 64, 128 and 256. Modules are named as there, for ``weights``: "scratch", or a file of
    weights trained on ImageNet, as V1's were; the author's code comes without one.
    """

    def __init__(self, image: Feature, *, weights: str = SCRATCH) -> None:
        widths = [FIRST, *(EXPANSION * inside for _, inside in STAGES.values())]
        taps = {
            f"stage{at}": Feature(width, 2**at * image.stride)
            for at, width in enumerate(widths, start=2)
        }
        super().__init__(taps=taps, weights=from_file(weights, left_out=("fc.",)))
        self.conv1 = _conv_bn(image.channels, FIRST, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3 = (
            _stage(before, *each) for before, each in zip(widths, STAGES.values(), strict=False)
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to what the pooling and the three stages give."""
        stage2 = self.maxpool(self.conv1(image))
        stage3 = self.layer1(stage2)
        stage4 = self.layer2(stage3)
        return {
            "stage2": stage2,
            "stage3": stage3,
            "stage4": stage4,
            "stage5": self.layer3(stage4),
        }


def _stage(in_channels: int, num_blocks: int, inside: int) -> nn.Sequential:
    """A strided block, and the rest at stride 1."""
    rest = [Block(EXPANSION * inside, inside, stride=1) for _ in range(num_blocks - 1)]
    return nn.Sequential(Block(in_channels, inside, stride=2), *rest)


class Block(nn.Module):
    """Three separable convolutions beside a shortcut, which is one too where the block strides."""

    def __init__(self, in_channels: int, inside: int, *, stride: int) -> None:
        super().__init__()
        out_channels = EXPANSION * inside
        self.residual_branch = nn.Sequential(
            _separable(in_channels, inside, stride=stride),
            _separable(inside, inside),
            _separable(inside, out_channels, relu=False),
        )
        self.proj: nn.Module = nn.Identity()
        if stride > 1:
            self.proj = _separable(in_channels, out_channels, stride=stride, relu=False)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, 4 * inside, h/stride, w/stride)."""
        return functional.relu(self.proj(feature) + self.residual_branch(feature))


def _separable(
    in_channels: int, out_channels: int, *, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    """A depth-wise 3x3 convolution and, with no batch norm between them, a 1x1."""
    return nn.Sequential(
        OrderedDict(
            conv1=conv(in_channels, in_channels, stride=stride, groups=in_channels, bias=False),
            point_wise_cbr=_conv_bn(in_channels, out_channels, 1, relu=relu),
        )
    )


def _conv_bn(
    in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=conv(in_channels, out_channels, kernel, stride=stride, bias=False),
        bn=nn.BatchNorm2d(out_channels),
    )
    if relu:
        layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
