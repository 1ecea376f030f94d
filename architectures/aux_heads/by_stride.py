"""Training-only heads at chosen strides, whatever the stages there are called."""

from __future__ import annotations

from architectures.layers import Upsample, aux_head
from harness.components import AuxHeads, Taps, aux_placements
from harness.names import unknown


@aux_placements.register("by_stride")
class ByStride(AuxHeads):
    """Chooses the taps of both paths at ``strides``; those of the context module are none.

    ``width`` and ``upsample`` are the heads' own. ValueError for a stride that no tap has while
    both paths are there; a path that is absent takes its strides with it.
    """

    def __init__(
        self,
        taps: Taps,
        *,
        strides: tuple[int, ...] = (8, 16),
        width: int = 128,
        upsample: Upsample = "bilinear",
    ) -> None:
        paths = {
            tap: each.stride for tap, each in taps.items() if tap.partition(".")[0] != "context"
        }
        both = len({tap.partition(".")[0] for tap in paths}) == 2
        for stride in strides:
            if both and stride not in paths.values():
                known = map(str, sorted(set(paths.values())))
                raise ValueError(f"by_stride: {unknown('stride', stride, known)}")
        chosen = tuple(tap for tap, stride in paths.items() if stride in strides)
        super().__init__(chosen=chosen, head=aux_head("by_stride", width, upsample))
