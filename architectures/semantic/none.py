"""No semantic branch: the detail path alone (V2, Table 2, row 1)."""

from __future__ import annotations

from torch import Tensor

from harness.components import Feature, Semantic, semantics


@semantics.register("none")
class NoSemantic(Semantic):
    """A semantic path that is not there: no taps, no weights."""

    def __init__(self, image: Feature) -> None:
        super().__init__(taps={})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Gives nothing."""
        return {}
