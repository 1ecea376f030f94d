"""Gated sum: every pixel weighs detail against semantics by what both paths see there."""

import torch
from torch import Tensor

from architectures.layers import ConvBN, conv, positive
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("gated_sum")
class GatedSum(Fusion):
    """Adds both paths, one weighed by a gate between 0 and 1 and the other by the rest.

    The gate is a 1x1 convolution of both. ``width`` is the channels of the fused feature, None
    for the detail feature's; ``per_channel`` gives each channel of a pixel a gate of its own.
    """

    def __init__(
        self,
        detail: Feature,
        semantic: Feature,
        *,
        width: int | None = None,
        per_channel: bool = False,
    ) -> None:
        positive("gated_sum", width=width)
        width = detail.channels if width is None else width
        super().__init__(out=Feature(width, detail.stride))
        self.detail = ConvBN(detail.channels, width, 1)
        self.semantic = ConvBN(semantic.channels, width, 1)
        self.gate = conv(2 * width, width if per_channel else 1, 1)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to one at the detail feature's size."""
        fine, coarse = self.detail(detail), resize_like(self.semantic(semantic), detail)
        gate = self.gate(torch.cat([fine, coarse], dim=1)).sigmoid()
        return gate * fine + (1 - gate) * coarse
