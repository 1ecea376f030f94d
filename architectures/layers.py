"""The few blocks that three parts or more are made of."""

from __future__ import annotations

from typing import Literal

from torch import nn

from harness.architecture import Part

Upsample = Literal["bilinear", "pixel_shuffle", "deferred"]
"""The ways of the head ``seg`` from its feature's size to the image's."""


def conv(
    in_channels: int,
    out_channels: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> nn.Conv2d:
    """A convolution that keeps H x W at stride 1, initialised "kaiming normal" (BiSeNet V2).

    Kernels are odd; a stride s gives ceil(H / s) x ceil(W / s), whatever H and W are.
    """
    layer = nn.Conv2d(
        in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=bias
    )
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ConvBN(nn.Sequential):
    """Convolution and batch norm, in the order that folds when a network is deployed."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(
            conv(in_channels, out_channels, kernel, stride=stride, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels),
        )


class ConvBNReLU(nn.Sequential):
    """Convolution, batch norm and ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1
    ) -> None:
        super().__init__(
            conv(in_channels, out_channels, kernel, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


def positive(part: str, **options: float | None) -> None:
    """Refuses options of a part below 1; ValueError names part, option and value. None passes."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise ValueError(f"option {name!r} of {part!r} must be at least 1, not {value}")


def dilated(in_channels: int, out_channels: int, dilation: int, *, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution of places ``dilation`` apart, without a bias; it keeps H x W."""
    layer = nn.Conv2d(
        in_channels,
        out_channels,
        3,
        padding=dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


def aux_head(placement: str, width: int, upsample: Upsample) -> Part:
    """The head at each tap that a placement chooses; ValueError for a ``width`` below 1.

    ``width`` is its middle channels, ``upsample`` its way to the image's size; see ``seg``.
    """
    positive(placement, width=width)
    return Part("seg", width=width, upsample=upsample)
