"""No training-only heads: the main loss alone."""

from __future__ import annotations

from harness.architecture import Part
from harness.components import AuxHeads, Taps, aux_placements


@aux_placements.register("none")
class NoAuxHeads(AuxHeads):
    """Chooses no tap."""

    def __init__(self, taps: Taps) -> None:
        super().__init__(chosen=(), head=Part("seg"))
