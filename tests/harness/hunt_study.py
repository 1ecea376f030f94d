"""A search of two small groups."""

from dataclasses import replace

from tiny import RECIPE, tiny

from harness import Search, loguniform, session

session.GENERATION = 2

study = tiny(
    name="hunt",
    recipe=replace(RECIPE, lr=loguniform(1e-3, 1e-1)),
    search=Search(trials=3, sampler="random"),
)
