"""What do the two paths, their fusion and the booster heads bring?

V2, Table 2, on Cityscapes val (mIoU, GMACs): detail alone 62.35, 15.26; semantic alone 64.68, 7.63;
sum 68.60, 20.77; concatenation 68.93, 21.98; guided aggregation 69.67, 21.15; with boosters 73.19.
The last row of the table adds OHEM, which changes the recipe and is not asked here.

Cost: 18 trials (3 seeds) of 10,000 steps of 16 images, about 4.8e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table2 --data camvid=PATH``; without data, ``twopath sweep v2_table2`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import PARTS

study = Study(
    name="v2_table2",
    question="What do the two paths, their fusion and the booster heads bring?",
    space=space(PARTS),
    published=PARTS.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
