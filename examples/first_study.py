"""What does each path of a small BiSeNet V2 bring, and does guided aggregation beat a sum?

Cost: 8 trials of a few seconds each on a CPU.
"""

from harness import Part, Recipe, Study, one_at_a_time
from studies.published import BISENETV2_SMALL

study = Study(
    name="first_study",
    question="What does each path bring, and does guided aggregation beat a sum?",
    space=one_at_a_time(
        BISENETV2_SMALL,
        fusion="sum",
        detail_only={"semantic": "none", "context": "none", "fusion": "none"},
        semantic_only={"detail": "none", "fusion": "none"},
    ),
    recipe=Recipe(
        dataset=Part("streets", size=(64, 128), train=32, val=8),
        crop=(64, 128),
        steps=20,
        batch=4,
        warmup_steps=2,
    ),
    seeds=(0, 1),
)
