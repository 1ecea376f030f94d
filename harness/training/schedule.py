"""The learning rate of a step: linear warm-up, then the poly rule of both papers or a cosine."""

from __future__ import annotations

import math

from harness.study import Recipe


def learning_rate(step: int, recipe: Recipe) -> float:
    """The rate of the backbone at a step counted from 0.

    ``lr * (1 - step / steps) ** power`` (V1 section 4, V2 section 5), or
    ``lr * (1 + cos(pi * step / steps)) / 2`` (Loshchilov and Hutter 2017, without restarts), times
    a factor that rises linearly to 1 over the first ``warmup_steps``.
    """
    warm = min(1.0, (step + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    if recipe.schedule == "cosine":
        return float(recipe.lr * warm * (1 + math.cos(math.pi * step / recipe.steps)) / 2)
    return float(recipe.lr * warm * (1 - step / recipe.steps) ** recipe.power)
