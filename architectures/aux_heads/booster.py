"""The booster heads of BiSeNet V2: one at each of several stages in a row (Table 4)."""

from __future__ import annotations

from typing import Literal

from architectures.layers import Upsample, aux_head
from harness.components import AuxHeads, Taps, aux_placements
from harness.names import unknown

Stage = Literal["stage2", "stage3", "stage4", "stage5_4", "stage5_5"]

TAPS: dict[Stage, str] = {
    "stage2": "semantic.stage2",
    "stage3": "semantic.stage3",
    "stage4": "semantic.stage4",
    "stage5_4": "semantic.stage5",
    "stage5_5": "context",
}
"""The columns of Table 4 and their taps: stage 5_5 is what the context module gives."""


@aux_placements.register("booster")
class Booster(AuxHeads):
    """Chooses the stages from ``first`` to ``last``, both included, by the names of V2's Table 4.

    Every row of the table is such a run: the defaults are row 3, its best; row 1 is ``none``.
    Without a semantic path it chooses none. ``width`` and ``upsample`` are the heads' own.
    ValueError for a run that ends before it begins, or a stage that the semantic path has not.
    """

    def __init__(
        self,
        taps: Taps,
        *,
        first: Stage = "stage2",
        last: Stage = "stage5_4",
        width: int = 128,
        upsample: Upsample = "bilinear",
    ) -> None:
        stages = list(TAPS)
        run = [TAPS[each] for each in stages[stages.index(first) : stages.index(last) + 1]]
        if not run:
            raise ValueError(f"booster: first {first!r} lies behind last {last!r}")
        for tap in run:
            if tap not in taps and "context" in taps:
                raise ValueError(f"booster: {unknown('tap', tap, taps)}")
        chosen = tuple(tap for tap in run if tap in taps)
        super().__init__(chosen=chosen, head=aux_head("booster", width, upsample))
