"""The detail branch of BiSeNet V2: wide, shallow, and three times halved."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBNReLU, positive
from harness.components import Detail, Feature, details


@details.register("detail_branch")
class DetailBranch(Detail):
    """Three stages of 3x3 convolutions at strides 2, 4 and 8 (V2, Table 1, S1 to S3).

    ``width`` is the channels of the first two stages; the third has twice as many. The paper's
    is 64; its wider models (Table 5) multiply it.
    """

    def __init__(self, image: Feature, *, width: int = 64) -> None:
        positive("detail_branch", width=width)
        taps = {
            "stage1": Feature(width, 2 * image.stride),
            "stage2": Feature(width, 4 * image.stride),
            "stage3": Feature(2 * width, 8 * image.stride),
        }
        super().__init__(taps=taps)
        self.stages = nn.ModuleDict(
            {
                "stage1": _stage(image.channels, width, num_layers=2),
                "stage2": _stage(width, width, num_layers=3),
                "stage3": _stage(width, 2 * width, num_layers=3),
            }
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the three stages' outputs."""
        taps, feature = {}, image
        for name, stage in self.stages.items():
            feature = taps[name] = stage(feature)
        return taps


def _stage(in_channels: int, out_channels: int, *, num_layers: int) -> nn.Sequential:
    """A strided layer, and the rest at stride 1."""
    rest = [ConvBNReLU(out_channels, out_channels) for _ in range(num_layers - 1)]
    return nn.Sequential(ConvBNReLU(in_channels, out_channels, stride=2), *rest)
