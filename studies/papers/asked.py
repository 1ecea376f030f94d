"""A paper's table as the space of a study: its rows with our networks."""

from __future__ import annotations

from harness import Architecture, Recipe, Timing, Variants
from harness.names import unknown
from harness.papers import PaperTable

COUNTED_AS_PRINTED = Timing(size=(512, 1024))
"""Costs and latency at the size of the graph that V2's tables count."""

RECIPE = Recipe(
    dataset="camvid",
    crop=(360, 480),
    steps=10_000,
    batch=16,
    lr=5e-2,
    weight_decay=5e-4,
    warmup_steps=500,
    amp=True,
)
"""What V2 says of CamVid (section 4.2): 10,000 steps of 16 images, learning rate 5e-2 by the poly
rule, scales 0.75 to 2, flips. The warm-up is ours; no paper gives one. The images are 480x360, half
of the paper's 960x720; on a CPU, ``amp`` does nothing.
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
