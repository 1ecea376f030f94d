"""How far the hypervolume of a front may be off: by other seeds, and by what else was drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reports.candidates import Candidate
from reports.images import Floats
from reports.paired import paired


def weights(costs: Floats, scores: Floats, edge: tuple[float, float]) -> Floats:
    """By how much the hypervolume grows with each score, (candidates,); 0 off the front.

    That is the cost from a point of the front to the next, or to the reference ``edge``.
    """
    found, best = np.zeros(len(costs)), edge[1]
    last = None
    for place in np.lexsort((-scores, costs)):
        if scores[place] > best and costs[place] < edge[0]:
            if last is not None:
                found[last] = costs[place] - costs[last]
            best, last = scores[place], place
    if last is not None:
        found[last] = edge[0] - costs[last]
    return found


def over_seeds(inside: Sequence[Candidate], accuracy: str, each: Floats) -> float | None:
    """The half-width of the 95 % interval of a hypervolume over seeds; None where it is not known.

    Student's, of what each seed moves it by, to first order (the delta method). A seed moves all
    candidates together too, which drawing from their residuals alone would miss.
    """
    held = [(one.figures[accuracy], w) for one, w in zip(inside, each, strict=True) if w]
    shared = set.intersection(*(set(values) for values, _ in held)) if held else set()
    moved = [sum(w * values[seed] for values, w in held) for seed in sorted(shared)]
    found = paired(moved) if moved else None
    if found is None or found.low is None or found.high is None:
        return None
    return (found.high - found.low) / 2


def interval(volume: float, seeds: float, drawn: Floats, others: Floats) -> tuple[float, float]:
    """The 95 % interval of a hypervolume, above 0, which holds the hypervolume itself.

    ``seeds`` is its half-width over seeds. ``drawn`` are hypervolumes with everything drawn again,
    which lie above their own truth, as the best of noisy scores does: by as much the interval is
    moved down, though never so far that what was seen lies outside. ``others`` are hypervolumes
    with all but seeds drawn again.
    """
    low, high = np.quantile(others, (0.025, 0.975))
    half = math.hypot(seeds, (high - low) / 2)
    middle = 2 * volume - float(drawn.mean())
    return max(0.0, min(middle - half, volume)), max(middle + half, volume)
