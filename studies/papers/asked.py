"""A paper's table as the space of a study: its rows with our networks."""

from __future__ import annotations

from dataclasses import replace

from harness import Architecture, Timing, Variants
from harness.names import unknown
from harness.papers import PaperTable
from studies.recipes import V2_CAMVID

COUNTED_AS_PRINTED = Timing(size=(512, 1024))
"""Costs and latency at the size of the graph that V2's tables count."""

RECIPE = replace(V2_CAMVID, loss="ce", warmup_steps=500, amp="bf16")
"""V2's recipe of CamVid without OHEM, which few rows of the tables have. The warm-up
is ours: no paper gives one. On a CPU, ``amp`` does nothing.
"""


def space(table: PaperTable, *labels: str) -> Variants:
    """Our networks of some rows of a table, or of all; the reference row is the baseline.

    Of rows with one network, as where a paper changes the recipe too, the first is taken. KeyError
    for a label that has no network of ours.
    """
    found: dict[str, Architecture] = {}
    for label in labels or table.ours:
        if label not in table.ours:
            raise KeyError(unknown(f"row of {table.name} with a network", label, table.ours))
        if table.ours[label] not in found.values():
            found[label] = table.ours[label]
    return Variants(items=tuple(found.items()), baseline=table.reference or "")
