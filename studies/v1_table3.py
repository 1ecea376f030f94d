"""What does each component of BiSeNet V1 bring?

V1, Table 3, on Cityscapes val (mIoU): the context path alone 66.01, with the spatial path summed
66.82, fused by FFM 67.42, with the global pooling tail 68.42, with attention refinement 68.72, with
both 71.40. V1's recipe differs (its text and its author's code disagree); here all rows share V2's
for CamVid.

Cost: 18 trials (3 seeds) of 10,000 steps of 16 images, about 1.8e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v1_table3 --data camvid=PATH``; without data, ``twopath sweep v1_table3`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv1 import COMPONENTS

study = Study(
    name="v1_table3",
    question="What does each component of BiSeNet V1 bring?",
    space=space(COMPONENTS),
    published=COMPONENTS.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
