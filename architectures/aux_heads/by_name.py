"""Training-only heads at taps that are named one by one."""

from __future__ import annotations

from architectures.layers import Upsample, aux_head
from harness.components import AuxHeads, Taps, aux_placements
from harness.names import unknown


@aux_placements.register("by_name")
class ByName(AuxHeads):
    """Chooses the taps ``names``, such as ``detail.stage2``, ``semantic.stage4`` or ``context``.

    ``width`` and ``upsample`` are the heads' own. ValueError, with the known taps, for a name that
    is not one of them; the taps of a path that is absent are left out.
    """

    def __init__(
        self,
        taps: Taps,
        *,
        names: tuple[str, ...] = ("semantic.stage3", "semantic.stage4"),
        width: int = 128,
        upsample: Upsample = "bilinear",
    ) -> None:
        for name in names:
            if name not in taps and not _is_of_absent_path(name, taps):
                raise ValueError(f"by_name: {unknown('tap', name, taps)}")
        chosen = tuple(name for name in names if name in taps)
        super().__init__(chosen=chosen, head=aux_head("by_name", width, upsample))


def _is_of_absent_path(name: str, taps: Taps) -> bool:
    present = {tap.partition(".")[0] for tap in taps}
    return name.partition(".")[0] in {"detail", "semantic", "context"} - present
