"""Does a light classifier do as semantic branch?

V2, Table 6, on Cityscapes val (mIoU): ShuffleNetV2 1.5x 74.07, MobileNetV2 72.95 and ResNet-18
75.22, all pretrained on ImageNet; the paper's own branch from scratch 73.36, and BiSeNetV2-Large
75.80. Here all start from scratch; to load weights, give a backbone's part ``weights``, and the
report keeps pretrained and scratch apart.

Cost: 15 trials (3 seeds) of 10,000 steps of 16 images, about 9.9e16 multiply-adds in all, a
backward pass counted as two forward ones: work for a GPU.
``twopath run v2_table6 --data camvid=PATH``; without data, ``twopath sweep v2_table6`` counts.
"""

from harness import Study
from studies.papers.asked import COUNTED_AS_PRINTED, RECIPE, space
from studies.papers.bisenetv2 import BACKBONES

study = Study(
    name="v2_table6",
    question="Does a light classifier do as semantic branch?",
    space=space(BACKBONES),
    published=BACKBONES.rows,
    recipe=RECIPE,
    seeds=(0, 1, 2),
    objectives={"miou": "max", "gmacs": "min"},
    timing=COUNTED_AS_PRINTED,
)
