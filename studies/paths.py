"""Does each path of a two-path network earn its place?

BiSeNet V2 asks this in its Table 2 (rows 1, 2 and 5: 62.35, 64.68 and 69.67 mIoU on Cityscapes for
the detail branch alone, the semantic branch alone, and both with guided aggregation). On
generated streets (mIoU, mean and standard deviation of three seeds): detail only 53.4 +- 0.7,
semantic only 23.9 +- 3.2, both 60.7 +- 0.2. Alone, the detail path cannot tell a road from a
promenade (mean IoU 21 and 42, together 67 and 86); alone, the semantic path finds no pole or lane
mark (IoU 0).

Cost: 9 trials of about 16 seconds of CPU time each, 1 min 28 s on two CPU cores:
``twopath run studies/paths.py --workers 2``
"""

from dataclasses import replace

from harness import Part, Recipe, Study, one_at_a_time
from studies.published import BISENETV2_SMALL

# One booster instead of four leaves time for half as many steps again.
BOTH = replace(BISENETV2_SMALL, aux_heads=Part("by_name", names=("semantic.stage5",), width=16))

study = Study(
    name="paths",
    question="Does each path earn its place?",
    space=one_at_a_time(
        BOTH,
        detail_only={"semantic": "none", "context": "none", "fusion": "none"},
        semantic_only={"detail": "none", "fusion": "none"},
    ),
    # Whole height and no scaling: the gantry that names the ground must stay in the crop.
    recipe=Recipe(dataset="streets", crop=(96, 128), steps=500, batch=4, lr=0.1, scales=(1.0, 1.0)),
    seeds=(0, 1, 2),
)
