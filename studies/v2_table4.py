"""Where should the booster heads stand?

V2, Table 4, on Cityscapes val (mIoU): none 69.67; after stages 2 to 5, before and after context
embedding, 73.04; without the last 73.19; without both of stage 5 71.62; from stage 3 on 72.84; from
stage 4 on 72.68; stage 5 alone 72.03. All networks cost the same when deployed. Heads in the detail
branch, which no row has: ``Part("by_name", names=("detail.stage2", "semantic.stage4"))``.

Cost: 21 trials (3 seeds) of 10,000 steps of 16 images, about 6.8e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table4 --data camvid=PATH``; without data, ``twopath sweep v2_table4`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import BOOSTER

study = Study(
    name="v2_table4",
    question="Where should the booster heads stand?",
    space=space(BOOSTER),
    published=BOOSTER.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
