"""Networks on VGG16: FCN-32s, which reads its end, and SegNet, which mirrors it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from architectures.layers import ConvBNReLU, conv, positive
from harness.components import Feature, Semantic, semantics

STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Width, as a multiple of the first, and number of 3x3 layers of VGG16's stages."""


@semantics.register("fcn32s")
class FCN32s(Semantic):
    """VGG16 with its classifier as convolutions (Long et al., CVPR 2015, FCN-32s).

    ``width`` is the channels of the first stage, an eighth of the last's; ``fc_width`` those of
    the two layers that were fully connected, the 7x7 "fc6" and the 1x1 "fc7". No batch norm. The
    image is not padded by 100 pixels as in the author's code: every layer keeps its size.
    """

    def __init__(self, image: Feature, *, width: int = 64, fc_width: int = 4096) -> None:
        positive("fcn32s", width=width, fc_width=fc_width)
        super().__init__(taps={"fc7": Feature(fc_width, 32 * image.stride)})
        self.stages = _vgg16(image.channels, width, _conv_relu)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.classifier = nn.Sequential(
            conv(8 * width, fc_width, 7),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            conv(fc_width, fc_width, 1),
            nn.ReLU(inplace=True),
            nn.Dropout(),
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to what the scores are made of, at stride 32."""
        feature = image
        for stage in self.stages:
            feature = self.pool(stage(feature))
        return {"fc7": self.classifier(feature)}


@semantics.register("segnet")
class SegNet(Semantic):
    """VGG16 with batch norms, and the same backwards (Badrinarayanan et al., TPAMI 2017).

    Each pooling remembers the places of its maxima, and the unpooling of the same stage puts
    values there and zeros elsewhere. ``width`` is the channels of the first stage. The decoder's
    last layer, a 3x3 convolution to the classes, is the head ``classifier(kernel=3)``.
    """

    def __init__(self, image: Feature, *, width: int = 64) -> None:
        positive("segnet", width=width)
        super().__init__(taps={"decoder": Feature(width, image.stride)})
        self.encoder = _vgg16(image.channels, width, ConvBNReLU)
        self.decoder = nn.ModuleList(_mirrored(width))
        self.pool = nn.MaxPool2d(2, ceil_mode=True, return_indices=True)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to a feature of its own size."""
        feature, pooled = image, []
        for stage in self.encoder:
            whole = stage(feature)
            feature, places = self.pool(whole)
            pooled.append((places, whole.shape))
        for stage, (places, shape) in zip(self.decoder, reversed(pooled), strict=True):
            feature = stage(unpool(feature, places, shape))
        return {"decoder": feature}


def unpool(feature: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
    """Puts values back to the places of the maxima of a feature of some shape, among zeros.

    It is ``nn.MaxUnpool2d`` for any size, which the tracing behind fvcore can't follow there.
    """
    zeros = feature.new_zeros(shape).flatten(2)
    return zeros.scatter(2, places.flatten(2), feature.flatten(2)).view(shape)


def _vgg16(in_channels: int, width: int, layer: Callable[[int, int], nn.Module]) -> nn.ModuleList:
    """The five stages of VGG16, without the pooling behind each."""
    stages, before = nn.ModuleList(), in_channels
    for multiple, num_layers in STAGES:
        channels = multiple * width
        rest = [layer(channels, channels) for _ in range(num_layers - 1)]
        stages.append(nn.Sequential(layer(before, channels), *rest))
        before = channels
    return stages


def _mirrored(width: int) -> list[nn.Sequential]:
    """SegNet's decoder, deepest stage first; what is left of the first stage is one layer."""
    stages = []
    widths = [multiple * width for multiple, _ in STAGES]
    for at in (4, 3, 2, 1):
        same = [ConvBNReLU(widths[at], widths[at]) for _ in range(STAGES[at][1] - 1)]
        stages.append(nn.Sequential(*same, ConvBNReLU(widths[at], widths[at - 1])))
    return [*stages, nn.Sequential(ConvBNReLU(width, width))]


def _conv_relu(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(conv(in_channels, out_channels), nn.ReLU(inplace=True))
