"""The two training-only heads of BiSeNet V1: inside and at the end of its context module."""

from __future__ import annotations

from architectures.layers import Upsample, aux_head
from harness.components import AuxHeads, Taps, aux_placements


@aux_placements.register("v1")
class V1Heads(AuxHeads):
    """Chooses what the context module gives: with ``arm`` the mixed features at strides 16 and 8.

    So the author's code, which has as many heads as the paper's loss (K = 3). A context module
    without taps gets a head at its output only; without a semantic path there is none. ``width``
    and ``upsample`` are the heads' own: the author's code has width 128 for Xception39 and in its
    "speed" configurations, else 256.
    """

    def __init__(self, taps: Taps, *, width: int = 128, upsample: Upsample = "bilinear") -> None:
        chosen = tuple(tap for tap in taps if tap.partition(".")[0] == "context")
        super().__init__(chosen=chosen, head=aux_head("v1", width, upsample))
