"""Is a wider or a deeper BiSeNet V2 worth its cost?

V2, Table 5, on Cityscapes val (mIoU): width alpha 1 73.36, 1.25 73.61, 1.5 74.67, 1.75 74.04, 2
75.11; depth d 1 73.36, 2 74.10, 3 74.28, 4 74.02. The paper prints no cost for them.

Cost: 24 trials (3 seeds) of 10,000 steps of 16 images, about 1.5e17 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table5 --data camvid=PATH``; without data, ``twopath sweep v2_table5`` counts.
"""

from harness import Study, Variants
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import DEPTH, WIDTH

WIDER = space(WIDTH)
DEEPER = space(DEPTH, "d=2", "d=3", "d=4")  # d=1 is alpha=1

study = Study(
    name="v2_table5",
    question="Is a wider or a deeper BiSeNet V2 worth its cost?",
    space=Variants(items=(*WIDER.items, *DEEPER.items), baseline=WIDER.baseline),
    published=(*WIDTH.rows, *DEPTH.rows),
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
