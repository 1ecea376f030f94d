"""Which fusion of the two paths is on the accuracy-latency front?

BiSeNet V2 asks this in its Table 2 (rows 3 to 5: 68.60, 68.93 and 69.67 mIoU on Cityscapes for
sum, concatenation and guided aggregation); V1's feature fusion module joins in. Here on generated
street scenes, with a quarter-width network.

Cost: 8 trials, about 4 minutes on two CPU cores.
"""

from dataclasses import replace

from harness import Budget, Part, Recipe, Study, choice
from studies.published import BISENETV2_SMALL

FUSIONS = choice("sum", "concat", "ffm", "bga")

study = Study(
    name="fusion",
    question="Which fusion of the two paths is on the accuracy-latency front?",
    space=replace(
        BISENETV2_SMALL,
        fusion=FUSIONS,
        # One booster instead of four leaves time for half as many steps again.
        aux_heads=Part("by_name", names=("semantic.stage5",), width=16),
    ),
    # Whole height and no scaling: the gantry that names the ground must stay in the crop.
    recipe=Recipe(dataset="streets", crop=(96, 128), steps=400, batch=4, scales=(1.0, 1.0)),
    seeds=(0, 1),
    objectives={"miou": "max", "latency_ms": "min"},
    budget=Budget(gmacs=1.0),  # rejected before training
)
