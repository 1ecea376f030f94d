"""Six candidates of nine steps, stopped at two rungs by accuracy and size."""

from dataclasses import replace

from tiny import RECIPE, tiny, with_heads

from harness import Part, Rungs, Scoring

STEPS = 9
RUNGS = Rungs(at=(1 / 9, 1 / 3))
WIDTHS = (3, 4, 5, 6, 7, 8)


def stopping(rungs=RUNGS, **changes):
    """The study with other rungs, or with what the changes say."""
    return tiny(
        **{
            "space": with_heads(*(Part("seg", width=width) for width in WIDTHS)),
            "recipe": replace(RECIPE, steps=STEPS, lr=0.05),
            "objectives": {"miou": "max", "params": "min"},
            "scoring": Scoring(held_out=0.5),
            "stopping": rungs,
            **changes,
        }
    )


study = stopping()
