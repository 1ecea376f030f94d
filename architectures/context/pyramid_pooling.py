"""The pyramid pooling module of PSPNet: means of regions of several sizes beside the feature."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from architectures.layers import ConvBNReLU, positive
from harness.components import Context, Feature, Taps, contexts, resize_like


@contexts.register("pyramid_pooling")
class PyramidPooling(Context):
    """Joins the deepest tap with its means over grids of ``bins`` x ``bins`` (PSPNet, fig. 3).

    Each grid is projected to the tap's channels divided by the number of grids, enlarged to the
    tap's size, and laid beside it; a 3x3 convolution mixes all. A grid may be finer than the tap.
    ``width`` is the channels of the output, None for the tap's; PSPNet has 512 of 2048.

    A single bin's batch norm sees one value a channel and image, so training needs two images a
    batch.
    """

    def __init__(
        self, pyramid: Taps, *, bins: tuple[int, ...] = (1, 2, 3, 6), width: int | None = None
    ) -> None:
        if not bins or min(bins) < 1:
            raise ValueError(f"option 'bins' of 'pyramid_pooling' must be 1 or more, not {bins}")
        positive("pyramid_pooling", width=width)
        tap, feature = list(pyramid.items())[-1]
        width = feature.channels if width is None else width
        super().__init__(out=Feature(width, feature.stride))
        self.tap = tap
        narrow = max(1, feature.channels // len(bins))
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(bin), ConvBNReLU(feature.channels, narrow, 1))
            for bin in bins
        )
        self.mix = ConvBNReLU(feature.channels + narrow * len(bins), width)

    def forward(self, pyramid: dict[str, Tensor]) -> Tensor:
        """Maps the pyramid to a feature of its last tap's size."""
        feature = pyramid[self.tap]
        levels = [resize_like(level(feature), feature) for level in self.levels]
        return self.mix(torch.cat([feature, *levels], dim=1))
