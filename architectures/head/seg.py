"""The segmentation head of BiSeNet V2: one convolution to think, one to classify."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBNReLU, Upsample, conv, positive
from harness.components import Feature, Head, heads


@heads.register("seg")
class SegHead(Head):
    """A 3x3 convolution to ``width`` channels, then a 1x1 to the classes (V2, fig. 7; V1's code).

    The width, C_t in the figure, stands in no table of the paper; V1's code has 64.

    ``upsample`` is the way to the image's size. "bilinear", as the paper: logits at the feature's
    stride s, enlarged by the network. "pixel_shuffle": the 1x1 gives s * s values a class, which
    are laid out as s x s pixels. "deferred": classes are picked at stride s, and only they are
    enlarged; the loss is taken there too.
    """

    def __init__(
        self,
        feature: Feature,
        num_classes: int,
        *,
        width: int = 128,
        upsample: Upsample = "bilinear",
    ) -> None:
        positive("seg", width=width)
        step = feature.stride if upsample == "pixel_shuffle" else 1
        out = Feature(num_classes, feature.stride // step)
        super().__init__(out=out, deferred=upsample == "deferred")
        self.mix = ConvBNReLU(feature.channels, width)
        self.classify = conv(width, num_classes * step**2, 1)
        self.spread = nn.PixelShuffle(step) if step > 1 else nn.Identity()

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, feature.channels, h, w) to (N, num_classes, h, w), or s times as high and wide.

        Where the image's sides do not divide by s, the shuffled logits are up to s - 1 pixels
        larger than it.
        """
        return self.spread(self.classify(self.mix(feature)))
