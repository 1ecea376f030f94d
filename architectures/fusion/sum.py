"""Sum: the two paths are added, then mixed by one convolution."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBN, ConvBNReLU, positive
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("sum")
class Sum(Fusion):
    """Adds the semantic feature, resized, to the detail feature (V2, Table 2, row 3).

    ``width`` is the channels of the fused feature, None for the detail feature's. A path of
    another width is projected first. V2 does not draw its plain fusions; that "Concate" costs one
    3x3 128 -> 128 convolution more than "Sum" says that each is followed by such a convolution.
    """

    def __init__(self, detail: Feature, semantic: Feature, *, width: int | None = None) -> None:
        positive("sum", width=width)
        width = detail.channels if width is None else width
        super().__init__(out=Feature(width, detail.stride))
        self.detail = _projection(detail.channels, width)
        self.semantic = _projection(semantic.channels, width)
        self.mix = ConvBNReLU(width, width)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to one at the detail feature's size."""
        return self.mix(self.detail(detail) + resize_like(self.semantic(semantic), detail))


def _projection(in_channels: int, width: int) -> nn.Module:
    return nn.Identity() if in_channels == width else ConvBN(in_channels, width, 1)
