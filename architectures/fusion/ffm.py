"""The feature fusion module of BiSeNet V1: concatenation, then channels weighed by attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from architectures.layers import ConvBNReLU, conv, positive
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("ffm")
class FeatureFusion(Fusion):
    """Joins both paths by a 1x1 convolution and adds a copy weighed by its global mean.

    V1, figure 2c; the layers of the attention have no bias, as in the author's code. ``width`` is
    the channels of the fused feature, None for the detail feature's; the author's code has 256.
    ``reduction`` divides the channels between the two layers of the attention; the author's code
    has 1.
    """

    def __init__(
        self,
        detail: Feature,
        semantic: Feature,
        *,
        width: int | None = None,
        reduction: int = 1,
    ) -> None:
        positive("ffm", width=width, reduction=reduction)
        width = detail.channels if width is None else width
        super().__init__(out=Feature(width, detail.stride))
        self.mix = ConvBNReLU(detail.channels + semantic.channels, width, 1)
        between = max(1, width // reduction)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            conv(width, between, 1, bias=False),
            nn.ReLU(inplace=True),
            conv(between, width, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to one at the detail feature's size."""
        mixed = self.mix(torch.cat([detail, resize_like(semantic, detail)], dim=1))
        return mixed + mixed * self.attention(mixed)
