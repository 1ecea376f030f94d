"""A study of two sound heads, and between them one that raises and one that ends its worker."""

from dataclasses import replace

import odd_parts  # noqa: F401 - registers the odd head
from tiny import BOTH, RECIPE, tiny

from harness import Part, choice

SOUND = (Part("seg", width=4), Part("odd"))


def headed(*heads):
    """Two paths under each of some heads."""
    return tiny(space=replace(BOTH, head=choice(*heads)), recipe=replace(RECIPE, steps=4))


study = headed(SOUND[0], Part("odd", act="kill"), Part("odd", act="raise"), SOUND[1])
