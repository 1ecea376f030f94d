"""A training-only head after every semantic stage: the best row of V2's Table 4."""

from __future__ import annotations

from architectures.layers import Upsample, aux_head
from harness.components import AuxHeads, Taps, aux_placements


@aux_placements.register("every_stage")
class EveryStage(AuxHeads):
    """Chooses all semantic taps, the deepest before the context module (V2, Table 4, row 3).

    Without a semantic path it chooses none. ``width`` and ``upsample`` are the heads' own.
    """

    def __init__(self, taps: Taps, *, width: int = 128, upsample: Upsample = "bilinear") -> None:
        chosen = tuple(tap for tap in taps if tap.startswith("semantic."))
        super().__init__(chosen=chosen, head=aux_head("every_stage", width, upsample))
