"""Concatenation: the two paths lie side by side, then one convolution mixes them."""

from __future__ import annotations

import torch
from torch import Tensor

from architectures.layers import ConvBNReLU, positive
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("concat")
class Concat(Fusion):
    """Joins the detail feature and the resized semantic feature by a 3x3 convolution.

    V2, Table 2, row 4. ``width`` is the channels of the fused feature, None for the detail
    feature's.
    """

    def __init__(self, detail: Feature, semantic: Feature, *, width: int | None = None) -> None:
        positive("concat", width=width)
        width = detail.channels if width is None else width
        super().__init__(out=Feature(width, detail.stride))
        self.mix = ConvBNReLU(detail.channels + semantic.channels, width)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to one at the detail feature's size."""
        return self.mix(torch.cat([detail, resize_like(semantic, detail)], dim=1))
