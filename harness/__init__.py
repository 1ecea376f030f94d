"""The machine: a benchmark and ablation harness for two-path segmentation networks.

This module gives data only and imports neither torch nor ray, optuna, pandas or matplotlib.
"""

from harness.architecture import Architecture, Part
from harness.holes import choice, integer, loguniform, uniform
from harness.scoring import Scoring
from harness.study import (
    Budget,
    Recipe,
    Rungs,
    Search,
    Study,
    Timing,
    Variants,
    grid,
    one_at_a_time,
)

__all__ = [
    "Architecture",
    "Budget",
    "Part",
    "Recipe",
    "Rungs",
    "Scoring",
    "Search",
    "Study",
    "Timing",
    "Variants",
    "choice",
    "grid",
    "integer",
    "loguniform",
    "one_at_a_time",
    "uniform",
]
