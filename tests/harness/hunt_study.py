"""A search of two small groups."""

from dataclasses import replace

from tiny import ALONE, tiny

from harness import Part, Search, integer, session

session.GENERATION = 2

study = tiny(
    name="hunt",
    space=replace(ALONE, head=Part("seg", width=integer(3, 9))),
    search=Search(trials=3, sampler="random"),
)
