"""Bilateral guided aggregation of BiSeNet V2: each path gates the other, at two scales."""

from __future__ import annotations

from torch import Tensor, nn

from architectures.layers import ConvBN, conv, positive
from harness.components import Feature, Fusion, fusions, resize_like


@fusions.register("bga")
class BilateralGuidedAggregation(Fusion):
    """Gates the detail feature by the semantic one, at its own size and at the small one.

    V2, figure 6. ``width`` is the channels of the fused feature, None for the detail feature's.
    Any two strides will do. The paper's step from 8 to 32 is a strided convolution and a strided
    pooling: of a longer step the pooling takes what is left, of a shorter one there is no pooling.

    ``guide_detail`` and ``guide_semantic`` are the two directions. Without the one, the detail
    feature is not multiplied by the enlarged semantic one; without the other, the semantic feature
    is added as it is, with neither the shrunken detail feature nor a sigmoid. Layers that only
    guide go with their guide; without both, two projected features are added.
    """

    def __init__(
        self,
        detail: Feature,
        semantic: Feature,
        *,
        width: int | None = None,
        guide_detail: bool = True,
        guide_semantic: bool = True,
    ) -> None:
        positive("bga", width=width)
        width = detail.channels if width is None else width
        super().__init__(out=Feature(width, detail.stride))
        self.detail = _separable(detail.channels, width)
        step = semantic.stride / detail.stride
        self.detail_down = _downsampling(detail.channels, width, step) if guide_semantic else None
        self.semantic_up = ConvBN(semantic.channels, width) if guide_detail else None
        self.semantic = _separable(semantic.channels, width)
        self.mix = ConvBN(width, width)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Maps the two features to one at the detail feature's size."""
        large, small = self.detail(detail), self.semantic(semantic)
        if self.semantic_up is not None:
            large = large * resize_like(self.semantic_up(semantic), detail).sigmoid()
        if self.detail_down is not None:
            # A path that rounds down when it halves is a pixel off; else this changes nothing.
            small = resize_like(self.detail_down(detail), semantic) * small.sigmoid()
        return self.mix(large + resize_like(small, detail))


def _separable(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBN(in_channels, in_channels, groups=in_channels), conv(in_channels, width, 1)
    )


def _downsampling(in_channels: int, width: int, step: float) -> nn.Sequential:
    """From the detail stride to the semantic one, at ceil(H / step) for a power of two."""
    stride = 2 if step >= 2 else 1
    pool = max(1, round(step / stride))
    # Padding does not count, lest the border be darker than the rest.
    pooling = nn.AvgPool2d(2 * pool - 1, pool, pool - 1, count_include_pad=False)
    return nn.Sequential(
        ConvBN(in_channels, width, stride=stride), pooling if pool > 1 else nn.Identity()
    )
