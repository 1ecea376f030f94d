"""The head of ENet: one transposed convolution, from half the image's size to the image's."""

from __future__ import annotations

from torch import Tensor, nn

from harness.components import Feature, Head, heads


@heads.register("transposed")
class Transposed(Head):
    """A 2x2 transposed convolution of stride 2 to the classes (ENet, Table 1, "fullconv").

    Its kernel is that of the author's code. ValueError for a feature of the image's own size,
    which leaves nothing to double.
    """

    def __init__(self, feature: Feature, num_classes: int) -> None:
        if feature.stride < 2:
            raise ValueError("head 'transposed' doubles a feature's size; of stride 1 it cannot")
        super().__init__(out=Feature(num_classes, feature.stride // 2))
        self.classify = nn.ConvTranspose2d(feature.channels, num_classes, 2, stride=2)
        nn.init.kaiming_normal_(self.classify.weight, mode="fan_out", nonlinearity="relu")
        assert self.classify.bias is not None
        nn.init.zeros_(self.classify.bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Maps (N, feature.channels, h, w) to (N, num_classes, 2h, 2w)."""
        return self.classify(feature)
