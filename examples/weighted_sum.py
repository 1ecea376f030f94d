"""Weighted sum: the cheapest fusion in which the two paths still compete."""

import torch
from torch import Tensor, nn

from architectures.layers import ConvBN
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("weighted_sum")
class WeightedSum(Fusion):
    """Projects both paths to one width and adds them with learned softmax weights."""

    def __init__(self, detail: Feature, semantic: Feature, *, width: int = 128):
        super().__init__(out=Feature(width, detail.stride))
        self.detail = ConvBN(detail.channels, width, 1)
        self.semantic = ConvBN(semantic.channels, width, 1)
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        a, b = self.weight.softmax(0)
        return a * self.detail(detail) + b * resize_like(self.semantic(semantic), detail)
