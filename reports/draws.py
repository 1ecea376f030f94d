"""Draws costs and scores again, as other rounds, other images and other seeds would have them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.candidates import Candidate
from reports.images import RESAMPLES, Floats, Images
from reports.own_noise import own_noise
from reports.statistics import Noise

MOST_DRAWN = 500_000
"""Of very many candidates fewer draws are made: so many figures in all, but a hundred draws."""

AT_ONCE = 2_000_000
"""How many rounds are drawn at once, so that memory stays small."""


@dataclass(frozen=True, kw_only=True)
class DrawnScores:
    """Scores (draws, candidates) drawn again, in one line where nothing is, and by what.

    ``all`` with what other seeds and other images would do to them, ``held`` with the seeds as they
    are; ``by_own_noise`` with seeds as noisy as each candidate's own.
    """

    all: Floats
    held: Floats
    by_own_noise: Floats
    sources: tuple[str, ...]


class Draws:
    """Draws scores again, but once for fronts that have the same candidates in reach."""

    def __init__(self, accuracy: str, images: Images | None) -> None:
        self.accuracy, self._images = accuracy, images if accuracy == "miou" else None
        self._last: tuple[Sequence[Candidate], DrawnScores] | None = None

    def of(self, inside: Sequence[Candidate], scores: Floats, noise: Noise | None) -> DrawnScores:
        """The scores of some candidates; of the same ones as the last time, the same."""
        if self._last and _are(self._last[0], inside):
            return self._last[1]
        everything, sources = _drawn_scores(inside, self.accuracy, scores, noise, self._images)
        held, _ = _drawn_scores(inside, self.accuracy, scores, None, self._images)
        own = held + _own_moves(inside, self.accuracy, noise)
        found = DrawnScores(all=everything, held=held, by_own_noise=own, sources=sources)
        self._last = inside, found
        return found


def _are(some: Sequence[Candidate], others: Sequence[Candidate]) -> bool:
    """Whether candidates are the same objects, in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))


def drawn_costs(inside: Sequence[Candidate], cost: str, costs: Floats) -> tuple[Floats, bool]:
    """Costs (draws, candidates): medians over rounds drawn again, alike for one session.

    One line where nothing is drawn.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    for place, each in enumerate(inside if cost == "latency_ms" else ()):
        num_rounds = len(_rounds(each.timed))
        if num_rounds > 1:
            session = str(each.timed.get("latency_session"))
            groups.setdefault((session, num_rounds), []).append(place)
    num = _num_draws(inside)
    drawn = np.tile(costs, (num if groups else 1, 1))
    for (session, num_rounds), places in groups.items():
        # One seed a session: what the machine did in a round, it did to all candidates.
        dice = np.random.default_rng(list(session.encode()))
        which = dice.integers(num_rounds, size=(num, num_rounds))
        step = max(1, AT_ONCE // which.size)
        for start in range(0, len(places), step):
            some = places[start : start + step]
            rounds = np.array([_rounds(inside[place].timed) for place in some])
            drawn[:, some] *= _moved_medians(rounds.astype(float), which)
    return drawn, bool(groups)


def _moved_medians(rounds: Floats, which: NDArray[np.int64]) -> Floats:
    """Medians of drawn rounds as a share of those of all, (draws, candidates)."""
    medians = np.median(rounds[:, which], axis=2, overwrite_input=True)
    return np.asarray((medians / np.median(rounds, axis=1)[:, None]).T)


def _rounds(timed: Mapping[str, Any]) -> Sequence[float]:
    """A latency by round; of one taken in several processes by process."""
    processes = timed.get("latency_processes_ns") or ()
    return timed.get("latency_rounds_ns") or [float(np.median(each)) for each in processes]


def _drawn_scores(
    inside: Sequence[Candidate],
    accuracy: str,
    scores: Floats,
    noise: Noise | None,
    images: Images | None,
) -> tuple[Floats, tuple[str, ...]]:
    """Scores with what other seeds and other images would do to them, and which of both did.

    Seeds are drawn from the residuals of all candidates together, made as wide as the noise that
    was estimated: two or three values of one candidate's own are too few to draw from.
    """
    num = _num_draws(inside)
    drawn = np.tile(scores, (num if noise else 1, 1))
    sources = []
    if noise:
        pool, dice = _residuals(inside, accuracy, noise.sd), np.random.default_rng(0)
        seeds = np.array([len(each.figures[accuracy]) for each in inside])
        for rank in range(int(seeds.max())):
            some = np.flatnonzero(seeds > rank)
            drawn[:, some] += dice.choice(pool, size=(num, len(some))) / seeds[some]
        sources.append("seeds")
    if images and {each.name for each in inside} <= {name for name, _ in images.miou}:
        drawn = drawn + np.stack([images.of(each.name)[:num] for each in inside], axis=1)
        sources.append("images")
    return drawn, tuple(sources)


def _own_moves(inside: Sequence[Candidate], accuracy: str, noise: Noise | None) -> Floats:
    """By how much other seeds would move scores, (draws, candidates), each by its own noise.

    By Student's t, since the spread of a few seeds is no better known: noise pooled over candidates
    gives one of five times the others' a place of 2 % on the front where in truth it is 40 %.
    """
    if noise is None:
        return np.zeros((1, 1))
    scores = {each.name: each.figures[accuracy] for each in inside}
    own, dice = own_noise(scores, noise), np.random.default_rng(0)
    seeds = np.array([len(each) for each in scores.values()])
    size = (_num_draws(inside), len(inside))
    return np.asarray(dice.standard_t(own.dfs, size=size) * own.sds / np.sqrt(seeds))


def _num_draws(inside: Sequence[Candidate]) -> int:
    return min(RESAMPLES, max(100, MOST_DRAWN // len(inside)))


def _residuals(inside: Sequence[Candidate], accuracy: str, sd: float) -> Floats:
    """What is left of scores after candidate and seed are taken out, scaled to some spread."""
    own = {e.name: e.mean(accuracy) or 0.0 for e in inside}
    trials = [(e.name, seed, v) for e in inside for seed, v in e.figures[accuracy].items()]
    by_seed: dict[int, list[float]] = {}
    for name, seed, value in trials:
        by_seed.setdefault(seed, []).append(value - own[name])
    shift = {seed: statistics.fmean(values) for seed, values in by_seed.items()}
    left = np.array([value - own[name] - shift[seed] for name, seed, value in trials])
    power = float(np.sqrt((left**2).mean()))
    return np.asarray(left * (sd / power) if power else left)
