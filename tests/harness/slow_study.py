"""A study whose trials are saved at every step, each as long as the environment says."""

import os
from dataclasses import replace

import odd_parts  # noqa: F401 - registers the odd head
from tiny import BOTH, RECIPE, tiny

from harness import Part
from harness.training import loop

loop.SAVE_EVERY_S = 0.0
loop.SAVE_SHARE = float("inf")

study = tiny(
    name="slow",
    space=replace(BOTH, head=Part("odd", act="slow")),
    recipe=replace(RECIPE, steps=12),
    seeds=tuple(range(int(os.environ.get("TWOPATH_TEST_SEEDS", "3")))),
)
