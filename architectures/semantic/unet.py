"""U-Net: a contracting path and an expanding one, joined at every size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from architectures.layers import ConvBNReLU, conv, positive
from harness.components import Feature, Semantic, semantics

DEPTH = 4
"""How often the image is halved (figure 1)."""


@semantics.register("unet")
class UNet(Semantic):
    """U-Net with convolutions that keep their size (Ronneberger et al., MICCAI 2015, figure 1).

    The original ones lose their border, so that its output is smaller than its image. ``width``
    is the channels of the first stage; each halving doubles them. ``norm`` puts a batch norm
    behind each 3x3 convolution, which the original does not have and most later ones do.
    """

    def __init__(self, image: Feature, *, width: int = 64, norm: bool = False) -> None:
        positive("unet", width=width)
        super().__init__(taps={"decoder": Feature(width, image.stride)})
        widths = [width * 2**at for at in range(DEPTH + 1)]
        self.first = _stage(image.channels, width, norm)
        self.down = nn.ModuleList(_stage(widths[at], widths[at + 1], norm) for at in range(DEPTH))
        self.up = nn.ModuleList(Up(widths[at], norm) for at in reversed(range(DEPTH)))
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.dropout = nn.Dropout()

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to a feature of its own size."""
        features = [self.first(image)]
        for stage in self.down:
            features.append(stage(self.pool(features[-1])))
        feature = self.dropout(features.pop())
        for stage in self.up:
            feature = stage(feature, features.pop())
        return {"decoder": feature}


class Up(nn.Module):
    """Doubles a feature, halving its channels, and joins it with the one of that size before."""

    def __init__(self, channels: int, norm: bool) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        nn.init.kaiming_normal_(self.enlarge.weight, nonlinearity="relu")
        assert self.enlarge.bias is not None
        nn.init.zeros_(self.enlarge.bias)
        self.mix = _stage(2 * channels, channels, norm)

    def forward(self, feature: Tensor, before: Tensor) -> Tensor:
        """Maps (N, 2 * channels, h, w) and (N, channels, H, W) to the latter's shape."""
        height, width = before.shape[-2:]
        # Of an odd side the doubled one has a row more.
        doubled = self.enlarge(feature)[..., :height, :width]
        return self.mix(torch.cat([before, doubled], dim=1))


def _stage(in_channels: int, out_channels: int, norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions, each followed by a ReLU."""
    if norm:
        return nn.Sequential(
            ConvBNReLU(in_channels, out_channels), ConvBNReLU(out_channels, out_channels)
        )
    return nn.Sequential(
        conv(in_channels, out_channels),
        nn.ReLU(inplace=True),
        conv(out_channels, out_channels),
        nn.ReLU(inplace=True),
    )
