"""No context module: the deepest tap of the pyramid enters the fusion as it is."""

from __future__ import annotations

from torch import Tensor

from harness.components import Context, Taps, contexts


@contexts.register("none")
class NoContext(Context):
    """Passes the last tap of the pyramid on (V2, Table 3b, row 2)."""

    def __init__(self, pyramid: Taps) -> None:
        tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.tap = tap

    def forward(self, pyramid: dict[str, Tensor]) -> Tensor:
        """Maps the pyramid to its last tap."""
        return pyramid[self.tap]
