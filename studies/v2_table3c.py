"""How far should gather-and-expansion layers expand?

V2, Table 3c, on Cityscapes val (mIoU, GMACs): detail alone 62.35, 15.26; expansion 1 67.48, 17.78;
2 68.41, 18.45; 4 68.78, 19.80; 6 69.67, 21.15; 8 68.99, 22.49.

Cost: 18 trials (3 seeds) of 10,000 steps of 16 images, about 5.2e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table3c --data camvid=PATH``; without data, ``twopath sweep v2_table3c`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import EXPANSION

study = Study(
    name="v2_table3c",
    question="How far should gather-and-expansion layers expand?",
    space=space(EXPANSION),
    published=EXPANSION.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
