"""Global average pooling alone: the image's mean, added to every place."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBNReLU
from harness.components import Context, Taps, contexts


@contexts.register("global_pool")
class GlobalPool(Context):
    """Adds the deepest tap's global average to it (V1, section 4.2 and row GP of Table 3).

    ``project`` puts a 1x1 convolution, batch norm and ReLU behind the pooling, as the author's code
    does. That batch norm sees one value a channel and image: training needs two images a batch.
    """

    def __init__(self, pyramid: Taps, *, project: bool = False) -> None:
        tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.tap = tap
        self.mean = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            ConvBNReLU(out.channels, out.channels, 1) if project else nn.Identity(),
        )

    def forward(self, pyramid: dict[str, Tensor]) -> Tensor:
        """Maps the pyramid to a feature of its last tap's shape."""
        feature = pyramid[self.tap]
        return feature + self.mean(feature)
