"""How narrow may the first stages of the semantic branch be?

V2, Table 3a, on Cityscapes val (mIoU, GMACs): detail alone 62.35, 15.26; lambda 1/2 69.66, 25.84;
1/4 69.67, 21.15; 1/8 69.26, 19.93; 1/16 68.27, 19.61.

Cost: 15 trials (3 seeds) of 10,000 steps of 16 images, about 4.6e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table3a --data camvid=PATH``; without data, ``twopath sweep v2_table3a`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import CHANNEL_RATIO

study = Study(
    name="v2_table3a",
    question="How narrow may the first stages of the semantic branch be?",
    space=space(CHANNEL_RATIO),
    published=CHANNEL_RATIO.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
