"""No fusion: the one path that is there goes to the head."""

from __future__ import annotations

from torch import Tensor

from harness.components import Feature, Fusion, fusions


@fusions.register("none")
class NoFusion(Fusion):
    """Passes the feature of the path that is there; None stands for the other."""

    def __init__(self, detail: Feature | None, semantic: Feature | None) -> None:
        out = detail or semantic
        assert out is not None and not (detail and semantic), (detail, semantic)
        super().__init__(out=out)

    def forward(self, detail: Tensor | None, semantic: Tensor | None) -> Tensor:
        """Gives the feature that is not None."""
        present = semantic if detail is None else detail
        assert present is not None
        return present
