"""PIDNet: a third branch, which learns boundaries, says where detail goes before context."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers import ConvBN, positive
from architectures.semantic.ddrnet import activated, basic, bottleneck, pooled_scales, stage, trunk
from harness.components import Feature, Semantic, resize_like, semantics

PYRAMID_WIDTH = 96
"""Channels of each scale of the pyramid, in the authors' code for PIDNet-S and PIDNet-M."""


@semantics.register("pidnet")
class PidNet(Semantic):
    """PIDNet up to its classifier, the head ``seg`` of width 128; whole, without another path.

    Xu et al., "PIDNet: a real-time semantic segmentation network inspired by PID controllers",
    CVPR 2023, and the authors' code. ``width`` is the channels at stride 4: 32 for PIDNet-S, 64 for
    their code's PIDNet-M. PIDNet-L, of other modules, is not there.

    Training-only heads read taps ``branch_p`` (the detail branch P behind its first guidance, for
    the classes) and ``branch_d`` (the boundary branch D behind its second, for boundaries). The
    loss on boundaries is not part of a network: without it D is a third branch that learns from
    the classes alone.

    The authors' heads begin with a batch norm and a ReLU: those of the classifier are the end of
    this part, and of those of the taps it has the ReLU. Their two biases right before batch
    norms, without effect, are left out. Training needs two images a batch, for the batch norm
    behind a global pooling.
    """

    def __init__(self, image: Feature, *, width: int = 32) -> None:
        positive("pidnet", width=width)
        channels = {"branch_p": 2 * width, "branch_d": 2 * width, "fused": 4 * width}
        super().__init__(
            taps={name: Feature(each, 8 * image.stride) for name, each in channels.items()}
        )
        self.trunk = trunk(image.channels, width)
        self.i3 = stage(2 * width, 4 * width, 3, stride=2)
        self.i4 = stage(4 * width, 8 * width, 3, stride=2)
        self.i5 = nn.Sequential(
            bottleneck(8 * width, 8 * width, stride=2), bottleneck(16 * width, 8 * width)
        )
        self.p3 = stage(2 * width, 2 * width, 2)
        self.p4 = stage(2 * width, 2 * width, 2)
        self.p5 = bottleneck(2 * width, 2 * width)
        self.guide3 = PixelAttentionGuide(4 * width, 2 * width, width)
        self.guide4 = PixelAttentionGuide(8 * width, 2 * width, width)
        self.d3 = basic(2 * width, width)
        self.d4 = bottleneck(width, width)
        self.d5 = bottleneck(2 * width, 2 * width)
        self.diff3 = ConvBN(4 * width, width)
        self.diff4 = ConvBN(8 * width, 2 * width)
        self.pyramid = ParallelPyramid(16 * width, PYRAMID_WIDTH, 4 * width)
        self.fuse = BoundaryGuidedFusion(4 * width)
        self.end = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(inplace=True))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to branches P and D half-way, and to the three branches fused."""
        relu = functional.relu
        shared = self.trunk(image)
        i, p, d = relu(self.i3(shared)), self.p3(shared), self.d3(shared)
        branch_p = relu(self.guide3(p, i))
        d = relu(d + resize_like(self.diff3(i), d))
        i, p, d = relu(self.i4(i)), self.p4(branch_p), self.d4(d)
        p = relu(self.guide4(p, i))
        branch_d = relu(d + resize_like(self.diff4(i), d))
        i, p, d = self.pyramid(self.i5(i)), self.p5(p), self.d5(branch_d)
        fused = self.fuse(p, resize_like(i, p), d)
        return {"branch_p": branch_p, "branch_d": branch_d, "fused": self.end(fused)}


class PixelAttentionGuide(nn.Module):
    """Replaces detail by context at each place as far as the two agree there (Pag)."""

    def __init__(self, context_channels: int, channels: int, width: int) -> None:
        super().__init__()
        self.compress = ConvBN(context_channels, channels, 1)
        self.query = ConvBN(channels, width, 1)
        self.key = ConvBN(channels, width, 1)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """Maps the two features to one of the shape of ``detail``."""
        context = self.compress(context)
        agreement = self.key(detail) * resize_like(self.query(context), detail)
        weight = agreement.sum(dim=1, keepdim=True).sigmoid()
        return (1 - weight) * detail + weight * resize_like(context, detail)


class ParallelPyramid(nn.Module):
    """DDRNet's pyramid whose scales are mixed at once, in groups, not in turn (PAPPM)."""

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.scales = pooled_scales(in_channels, width)
        num_pooled = len(self.scales) - 1
        self.mix = activated(num_pooled * width, num_pooled * width, 3, groups=num_pooled)
        self.compress = activated(len(self.scales) * width, out_channels)
        self.shortcut = activated(in_channels, out_channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, in_channels, h, w) to (N, out_channels, h, w)."""
        first, *pooled = [scale(feature) for scale in self.scales]
        mixed = self.mix(torch.cat([first + resize_like(each, first) for each in pooled], dim=1))
        return self.compress(torch.cat([first, mixed], dim=1)) + self.shortcut(feature)


class BoundaryGuidedFusion(nn.Module):
    """Lets detail through at boundaries, and context elsewhere (Light-Bag)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.p = ConvBN(channels, channels, 1)
        self.i = ConvBN(channels, channels, 1)

    def forward(self, p: Tensor, i: Tensor, d: Tensor) -> Tensor:
        """Maps detail, context and boundary features of one shape to one of that shape."""
        edge = d.sigmoid()
        return self.p(p + (1 - edge) * i) + self.i(i + edge * p)
