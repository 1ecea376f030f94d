"""A study of two sound heads, and between them of all that ends a trial or its worker."""

from dataclasses import replace

import odd_parts  # noqa: F401 - registers the odd head
from tiny import BOTH, RECIPE, tiny

from harness import Part, choice

ACTS = ("kill", "quit", "raise", "starve")
SOUND = (Part("seg", width=4), Part("odd"))


def headed(*heads):
    """Two paths under each of some heads."""
    return tiny(space=replace(BOTH, head=choice(*heads)), recipe=replace(RECIPE, steps=4))


study = headed(SOUND[0], *(Part("odd", act=act) for act in ACTS), SOUND[1])
