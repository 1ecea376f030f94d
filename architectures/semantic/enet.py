"""ENet: a network of narrow bottlenecks that halves the image early and decodes it cheaply."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, dilated
from architectures.semantic.vgg import unpool
from harness.components import Feature, Semantic, semantics


@semantics.register("enet")
class ENet(Semantic):
    """ENet as the author's code has it (Paszke et al., arXiv 1606.02147, Table 1).

    ``stage3`` is what the encoder alone is trained with; ``decoder`` is what the last transposed
    convolution reads: the head ``transposed``. The decoder has ReLU and no dropout, as in the
    code. Biases right before a batch norm are left out.
    """

    def __init__(self, image: Feature) -> None:
        taps = {
            "stage3": Feature(128, 8 * image.stride),
            "decoder": Feature(16, 2 * image.stride),
        }
        super().__init__(taps=taps)
        self.initial = Initial(image.channels, 16)
        self.down2 = Down(16, 64, dropout=0.01)
        self.stage2 = nn.Sequential(*(_regular(64, dropout=0.01) for _ in range(4)))
        self.down3 = Down(64, 128, dropout=0.1)
        self.stage3 = nn.Sequential(*_context_layers(128), *_context_layers(128))
        self.up2 = Up(128, 64)
        self.decoder2 = nn.Sequential(_decoding(64), _decoding(64))
        self.up1 = Up(64, 16)
        self.decoder1 = _decoding(16)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the encoder's feature and the decoder's."""
        half = self.initial(image)
        quarter, *before1 = self.down2(half)
        eighth, *before2 = self.down3(self.stage2(quarter))
        encoded = self.stage3(eighth)
        decoded = self.decoder2(self.up2(encoded, *before2))
        decoded = self.decoder1(self.up1(decoded, *before1))
        return {"stage3": encoded, "decoder": decoded}


class Initial(nn.Module):
    """Halves the image by a convolution and by pooling, side by side (figure 2a).

    Each has a batch norm of its own, which is what one behind both comes to, but folds.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.left = ConvBN(in_channels, out_channels - in_channels, stride=2)
        self.right = nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), nn.BatchNorm2d(in_channels))
        self.activation = nn.PReLU(out_channels)

    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, in_channels, H, W) to (N, out_channels, H/2, W/2)."""
        return self.activation(torch.cat([self.left(image), self.right(image)], dim=1))


class Bottleneck(nn.Module):
    """Adds to a feature what its narrow branch makes of it (figure 2b)."""

    def __init__(self, branch: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.activation = activation

    def forward(self, feature: Tensor) -> Tensor:
        """Keeps the shape of a feature."""
        return self.activation(self.branch(feature) + feature)


class Down(nn.Module):
    """A bottleneck that halves a feature, and tells where its maxima were."""

    def __init__(self, in_channels: int, out_channels: int, *, dropout: float) -> None:
        super().__init__()
        width = out_channels // 4
        # An odd side is rounded up; of an even one the added row is never read.
        narrow = nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)),
            _initialised(nn.Conv2d(in_channels, width, 2, stride=2, bias=False)),
            nn.BatchNorm2d(width),
        )
        self.branch = nn.Sequential(narrow, *_rest(dilated(width, width, 1), out_channels, dropout))
        self.pool = nn.MaxPool2d(2, ceil_mode=True, return_indices=True)
        self.activation = nn.PReLU(out_channels)
        self.added = out_channels - in_channels

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor, torch.Size]:
        """Maps (N, in_channels, h, w) to (N, out_channels, h/2, w/2), the places and the shape."""
        pooled, places = self.pool(feature)
        widened = functional.pad(pooled, (0, 0, 0, 0, 0, self.added))
        return self.activation(self.branch(feature) + widened), places, feature.shape


class Up(nn.Module):
    """A bottleneck that doubles a feature, its maxima put back where they were."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = out_channels // 4
        doubling = nn.ConvTranspose2d(
            width, width, 3, stride=2, padding=1, output_padding=1, bias=False
        )
        self.branch = nn.Sequential(
            ConvBN(in_channels, width, 1),
            nn.ReLU(inplace=True),
            _initialised(doubling),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            ConvBN(width, out_channels, 1),
        )
        self.shortcut = ConvBN(in_channels, out_channels, 1)

    def forward(self, feature: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
        """Maps (N, in_channels, h, w) to a shape (N, out_channels, H, W)."""
        shortcut = unpool(self.shortcut(feature), places, shape)
        height, width = shape[-2:]
        # Of an odd side the doubled one has a row more.
        return functional.relu(self.branch(feature)[..., :height, :width] + shortcut)


def _context_layers(channels: int) -> list[Bottleneck]:
    """Section 2.1 to 2.8 of Table 1: plain, dilated and asymmetric bottlenecks by turns."""
    width = channels // 4
    middles = [
        dilated(width, width, 1),
        dilated(width, width, 2),
        _asymmetric(width),
        dilated(width, width, 4),
        dilated(width, width, 1),
        dilated(width, width, 8),
        _asymmetric(width),
        dilated(width, width, 16),
    ]
    return [_encoding(middle, channels, 0.1) for middle in middles]


def _regular(channels: int, *, dropout: float) -> Bottleneck:
    return _encoding(dilated(channels // 4, channels // 4, 1), channels, dropout)


def _encoding(middle: nn.Module, channels: int, dropout: float) -> Bottleneck:
    narrow = ConvBN(channels, channels // 4, 1)
    branch = nn.Sequential(narrow, *_rest(middle, channels, dropout))
    return Bottleneck(branch, nn.PReLU(channels))


def _rest(middle: nn.Module, channels: int, dropout: float) -> list[nn.Module]:
    """A branch of the encoder from its first activation on."""
    width = channels // 4
    return [
        nn.PReLU(width),
        middle,
        nn.BatchNorm2d(width),
        nn.PReLU(width),
        ConvBN(width, channels, 1),
        nn.Dropout2d(dropout),
    ]


def _decoding(channels: int) -> Bottleneck:
    width = channels // 4
    branch = nn.Sequential(
        ConvBN(channels, width, 1),
        nn.ReLU(inplace=True),
        ConvBN(width, width),
        nn.ReLU(inplace=True),
        ConvBN(width, channels, 1),
    )
    return Bottleneck(branch, nn.ReLU(inplace=True))


def _asymmetric(width: int) -> nn.Sequential:
    """A 5x5 convolution as one of 5 columns and one of 5 rows."""
    return nn.Sequential(
        _initialised(nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=False)),
        _initialised(nn.Conv2d(width, width, (5, 1), padding=(2, 0), bias=False)),
    )


def _initialised(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """The layer, drawn as ``conv`` does."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer
