"""The context embedding block of BiSeNet V2: the image's mean, added to every place."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBNReLU, conv
from harness.components import Context, Taps, contexts


@contexts.register("context_embedding")
class ContextEmbedding(Context):
    """Adds a projected global average to the deepest tap, then a 3x3 convolution (V2, fig. 4b).

    Figure 4 shows no batch norm or ReLU behind that convolution. The batch norm behind the
    pooling sees one value a channel and image, so training needs two images a batch.
    """

    def __init__(self, pyramid: Taps) -> None:
        tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.tap = tap
        self.embedding = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.BatchNorm2d(out.channels),
            ConvBNReLU(out.channels, out.channels, 1),
        )
        self.mix = conv(out.channels, out.channels)

    def forward(self, pyramid: dict[str, Tensor]) -> Tensor:
        """Maps the pyramid to a feature of its last tap's shape."""
        feature = pyramid[self.tap]
        return self.mix(feature + self.embedding(feature))
