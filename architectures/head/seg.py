"""The segmentation head of BiSeNet V2: one convolution to think, one to classify."""

from __future__ import annotations

from torch import Tensor

from architectures.layers import ConvBNReLU, conv, positive
from harness.components import Feature, Head, heads


@heads.register("seg")
class SegHead(Head):
    """A 3x3 convolution to ``width`` channels, then a 1x1 to the classes (V2, fig. 7).

    The width, C_t in the figure, stands in no table of the paper.
    """

    def __init__(self, feature: Feature, num_classes: int, *, width: int = 128) -> None:
        positive("seg", width=width)
        super().__init__(out=Feature(num_classes, feature.stride))
        self.mix = ConvBNReLU(feature.channels, width)
        self.classify = conv(width, num_classes, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, feature.channels, h, w) to (N, num_classes, h, w)."""
        return self.classify(self.mix(feature))
