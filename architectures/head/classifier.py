"""The plainest head: one convolution from a feature to the classes."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from architectures.layers import conv
from harness.components import Feature, Head, heads


@heads.register("classifier")
class Classifier(Head):
    """One convolution to the classes, of side ``kernel``: the last layer of a whole network."""

    def __init__(self, feature: Feature, num_classes: int, *, kernel: Literal[1, 3] = 1) -> None:
        super().__init__(out=Feature(num_classes, feature.stride))
        self.classify = conv(feature.channels, num_classes, kernel)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, feature.channels, h, w) to (N, num_classes, h, w)."""
        return self.classify(feature)
