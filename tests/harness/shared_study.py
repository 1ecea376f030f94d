"""A study whose trials several processes share, some of which go wrong in one of them only."""

from dataclasses import replace

import odd_parts  # noqa: F401 - registers the odd head
from tiny import BOTH, RECIPE, tiny

from harness import Part, choice

HEADS = (Part("seg", width=4), Part("odd", act="raise second"), Part("odd", act="kill second"))

study = tiny(
    name="shared",
    space=replace(BOTH, head=choice(*HEADS)),
    recipe=replace(RECIPE, batch=4, steps=4, lr=0.005),
)
