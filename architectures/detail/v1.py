"""The spatial path of BiSeNet V1: three strided layers that keep the image's detail."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from architectures.layers import ConvBNReLU, positive
from harness.components import Detail, Feature, details

Stem = Literal["7x7", "3x3"]


@details.register("spatial_path")
class SpatialPath(Detail):
    """Three convolutions at strides 2, 4 and 8, to twice ``width`` channels (V1, section 3.1).

    The paper gives neither kernels nor channels, only three strided layers of convolution, batch
    norm and ReLU. ``stem="7x7"`` is the author's code, which has a fourth layer: a 7x7 and two
    3x3 of ``width`` channels (64 there), then a 1x1 that doubles them. ``stem="3x3"`` is the
    paper to the letter, with 3x3 kernels, the third layer doubling the channels.
    """

    def __init__(self, image: Feature, *, stem: Stem = "7x7", width: int = 64) -> None:
        positive("spatial_path", width=width)
        taps = {
            "stage1": Feature(width, 2 * image.stride),
            "stage2": Feature(width, 4 * image.stride),
            "stage3": Feature(2 * width, 8 * image.stride),
        }
        super().__init__(taps=taps)
        first = 7 if stem == "7x7" else 3
        self.stages = nn.ModuleDict(
            {
                "stage1": ConvBNReLU(image.channels, width, first, stride=2),
                "stage2": ConvBNReLU(width, width, stride=2),
                "stage3": _projected(width) if stem == "7x7" else _doubling(width),
            }
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the three stages' outputs."""
        taps, feature = {}, image
        for name, stage in self.stages.items():
            feature = taps[name] = stage(feature)
        return taps


def _projected(width: int) -> nn.Module:
    return nn.Sequential(ConvBNReLU(width, width, stride=2), ConvBNReLU(width, 2 * width, 1))


def _doubling(width: int) -> nn.Module:
    return ConvBNReLU(width, 2 * width, stride=2)
