"""Which fusion of the two paths is on the accuracy-latency front?

BiSeNet V2 asks this in its Table 2 (rows 3 to 5: 68.60, 68.93 and 69.67 mIoU on Cityscapes for
sum, concatenation and guided aggregation); V1's feature fusion module joins in. Here on generated
street scenes, with a quarter-width network.

Cost: 8 trials, a few minutes on two CPU cores.
"""

from dataclasses import replace

from harness import Budget, Recipe, Study, choice
from studies.published import BISENETV2_SMALL

study = Study(
    name="fusion",
    question="Which fusion of the two paths is on the accuracy-latency front?",
    space=replace(BISENETV2_SMALL, fusion=choice("sum", "concat", "ffm", "bga")),
    recipe=Recipe(dataset="streets", crop=(64, 128), steps=30, batch=8),
    seeds=(0, 1),
    objectives={"miou": "max", "latency_ms": "min"},
    budget=Budget(gmacs=1.0),
)
