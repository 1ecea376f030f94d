"""What do the blocks of the semantic branch bring?

V2, Table 3b, on Cityscapes val (mIoU, GMACs): whole 69.67, 21.15; without context embedding 69.01,
21.07; one 5x5 depth-wise convolution for two of 3x3 68.98, 21.15; 1x1 for the gathering 3x3 66.62,
15.78 (we know no reading that saves so much: ``twopath paper bisenetv2:3b``).

Cost: 12 trials (3 seeds) of 10,000 steps of 16 images, about 3.7e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table3b --data camvid=PATH``; without data, ``twopath sweep v2_table3b`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import BLOCKS

study = Study(
    name="v2_table3b",
    question="What do the blocks of the semantic branch bring?",
    space=space(BLOCKS),
    published=BLOCKS.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
