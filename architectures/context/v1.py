"""The context modules of BiSeNet V1: a U-shape over the deepest taps, plain or with attention."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from architectures.layers import ConvBN, ConvBNReLU, positive
from harness.components import Context, Feature, Taps, contexts, resize_like
from harness.names import unknown

Refine = Literal["mul", "residual"]


@contexts.register("arm")
class AttentionRefinement(Context):
    """The two deepest taps, refined by attention and joined in a U-shape (V1, fig. 2a and 2b).

    The layers are those of the author's code: each tap is projected by a 3x3 convolution and
    refined, added to what comes from below, enlarged to the tap before it, and mixed by a 3x3
    convolution. Strides 32 and 16 so end at 8; two taps alone end at the stride of the shallower.
    The feature before the last is ``context.<tap>``, named for the tap whose size it has.

    ``arm`` is the attention, ``global_pool`` the tail: the projected mean of the deepest tap, added
    to it. With neither this is ``u_shape``, row CP of Table 3. ``refine`` is what the attention a
    makes of a feature F: F * a ("mul", as the paper) or F + F * a ("residual"). ``width`` is the
    channels of all layers; the author's code has 128.

    The paper's text has a ReLU in the attention; its figure and the author's code have none, nor
    has this. The author's code enlarges with aligned corners, this without. The batch norms behind
    the poolings see one value a channel and image, so training needs two images a batch.
    """

    def __init__(
        self,
        pyramid: Taps,
        *,
        arm: bool = True,
        global_pool: bool = True,
        refine: Refine = "mul",
        width: int = 128,
    ) -> None:
        positive("arm", width=width)
        if len(pyramid) < 2:
            raise ValueError(f"arm takes a pyramid of two taps or more, not {list(pyramid)}")
        if refine != "mul" and not arm:
            raise ValueError(f"option 'refine' of 'arm' cannot be {refine!r} without arm")
        decoder = TopDown(pyramid, width, num_joined=2, refine=refine if arm else None)
        super().__init__(out=decoder.out, taps=decoder.inner)
        self.decoder = decoder
        self.deepest, feature = list(pyramid.items())[-1]
        self.tail = (
            nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvBNReLU(feature.channels, width, 1))
            if global_pool
            else None
        )

    def forward(self, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        """Maps the pyramid to its tap and the output."""
        tail = None if self.tail is None else self.tail(pyramid[self.deepest])
        return self.decoder(pyramid, tail)


@contexts.register("u_shape")
class UShape(Context):
    """A U-shape from the deepest tap up to stride 8 or 4, without attention (V1, Table 2).

    The paper gives no layers. Read here, as figure 2a draws it: the taps deeper than ``to_stride``
    are projected by 3x3 convolutions and joined as in ``arm``, so "8s" joins the last two stages
    and "4s" the last three; the tap at ``to_stride`` lends its size alone. "8s" is row CP of
    Table 3: both tables say 66.01 mIoU. ``width`` is the channels of all layers.

    Features before the last are ``context.<tap>``, named for the tap whose size they have.
    ValueError if no tap has the stride, or none is deeper.
    """

    def __init__(self, pyramid: Taps, *, to_stride: Literal[8, 4] = 8, width: int = 128) -> None:
        positive("u_shape", width=width)
        strides = sorted({feature.stride for feature in pyramid.values()})
        if to_stride not in strides[:-1]:
            raise ValueError(f"u_shape: {unknown('to_stride', to_stride, map(str, strides[:-1]))}")
        num_joined = sum(feature.stride > to_stride for feature in pyramid.values())
        decoder = TopDown(pyramid, width, num_joined=num_joined, refine=None)
        super().__init__(out=decoder.out, taps=decoder.inner)
        self.decoder = decoder

    def forward(self, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        """Maps the pyramid to its taps and the output."""
        return self.decoder(pyramid, None)


class TopDown(nn.Module):
    """Adds up taps from the deepest on; each sum is enlarged to the next tap and mixed.

    ``inner`` are the mixed features by the tap whose size they have, ``out`` is the last.
    """

    def __init__(
        self, pyramid: Taps, width: int, *, num_joined: int, refine: Refine | None
    ) -> None:
        super().__init__()
        names = list(reversed(pyramid))
        self.joined = names[:num_joined]
        self.sizes = [*names[1:], names[-1]][:num_joined]
        self.project = nn.ModuleList(
            nn.Sequential(
                ConvBNReLU(pyramid[name].channels, width),
                Attention(width, refine) if refine else nn.Identity(),
            )
            for name in self.joined
        )
        self.mix = nn.ModuleList(ConvBNReLU(width, width) for _ in self.joined)
        features = [Feature(width, pyramid[name].stride) for name in self.sizes]
        self.inner = dict(zip(self.sizes[:-1], features, strict=False))
        self.out = features[-1]

    def forward(self, pyramid: dict[str, Tensor], deeper: Tensor | None) -> dict[str, Tensor]:
        """Maps the pyramid, and what is added to its deepest tap, to ``inner`` and ``out``."""
        given = []
        for name, size, project, mix in zip(
            self.joined, self.sizes, self.project, self.mix, strict=True
        ):
            feature = project(pyramid[name])
            total = feature if deeper is None else feature + deeper
            deeper = mix(resize_like(total, pyramid[size]))
            given.append(deeper)
        return dict(zip([*self.inner, "out"], given, strict=True))


class Attention(nn.Module):
    """Weighs the channels of a feature by what their means say (V1, fig. 2b)."""

    def __init__(self, channels: int, refine: Refine) -> None:
        super().__init__()
        self.refine = refine
        self.weight = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvBN(channels, channels, 1), nn.Sigmoid()
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Maps a feature to one of its shape."""
        weighed = feature * self.weight(feature)
        return weighed if self.refine == "mul" else feature + weighed
