"""Which fusion of the two paths is on the accuracy-latency front, on real street images?

The question of studies/fusion.py on CamVid's 367 training and 101 validation images, at a third of
their size. BiSeNet V2 reports 72.4 mIoU for its full network on CamVid's test images at 960x720
(Table 8); a quarter-width network trained for minutes is far below that, and only the differences
are of interest.

Cost: 32 trials, about 7 minutes on two CPU cores. Eight seeds, since fewer than seven cannot
resolve three changes by flipping signs (docs/reports.md):
``twopath run studies/fusion_camvid.py --data camvid=PATH --workers 2``
"""

from dataclasses import replace

from harness import Part, Recipe
from studies.fusion import FUSIONS
from studies.fusion import study as fusion
from studies.published import BISENETV2_SMALL

study = replace(
    fusion,
    name="fusion_camvid",
    space=replace(BISENETV2_SMALL, fusion=FUSIONS),
    recipe=Recipe(dataset=Part("camvid", size=(120, 160)), crop=(96, 128), steps=250, batch=8),
    seeds=tuple(range(8)),
)
