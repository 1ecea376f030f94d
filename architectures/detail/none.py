"""No detail branch: the semantic path alone (V2, Table 2, row 2)."""

from __future__ import annotations

from torch import Tensor

from harness.components import Detail, Feature, details


@details.register("none")
class NoDetail(Detail):
    """A detail path that is not there: no taps, no weights."""

    def __init__(self, image: Feature) -> None:
        super().__init__(taps={})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Gives nothing."""
        return {}
