"""Draws costs and scores again, as other rounds, other images and other seeds would have them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.beating import Flags, Measured
from reports.by_seed import Places
from reports.images import RESAMPLES, Floats, Images
from reports.own_noise import own_noise_of
from reports.statistics import Noise, fitted_means, num_apart

MOST_DRAWN = 500_000
"""Of very many candidates fewer draws are made: so many figures in all, but a hundred draws."""

NEAR = 20_000
"""How many scores are drawn at once: they stay near the processor."""

AT_ONCE = 2_000_000
"""How many rounds are drawn at once, so that memory stays small."""


@dataclass(frozen=True, kw_only=True)
class DrawnScores:
    """Scores (draws, candidates) drawn again, in one line where nothing is, and by what.

    ``all`` with what other seeds and other images would do to them, ``held`` with the seeds as they
    are; ``by_own_noise`` with seeds as noisy as each candidate's own, around means from which what
    a seed does to all is taken out where candidates have not the same seeds. ``lacks_seeds`` is
    whether that was done, and ``num_apart`` in how many groups, among which it cannot be.
    """

    all: Floats
    held: Floats
    by_own_noise: Floats
    sources: tuple[str, ...]
    lacks_seeds: bool
    num_apart: int


class Draws:
    """Draws scores again, but once for fronts that have the same candidates in reach."""

    def __init__(self, accuracy: str, images: Images | None) -> None:
        self.accuracy, self._images = accuracy, images if accuracy == "miou" else None
        self._last: tuple[Measured, Places, DrawnScores] | None = None

    def of(self, measured: Measured, inside: Places, noise: Noise | None) -> DrawnScores:
        """The scores of some candidates; of the same ones as the last time, the same."""
        if self._last and self._last[0] is measured and np.array_equal(self._last[1], inside):
            return self._last[2]
        means, table = (f(self.accuracy)[inside] for f in (measured.means, measured.scores))
        images, sources = self._of_images(measured, inside), ["seeds"] if noise else []
        everything, held = (_drawn_scores(means, table, each) for each in (noise, None))
        lacks_seeds = noise is not None and bool(np.isnan(table[:, _known(table)]).any())
        fitted = held + (fitted_means(table) - means if lacks_seeds else 0.0)
        if images is not None:
            everything, held, fitted = everything + images, held + images, fitted + images
            sources.append("images")
        own = fitted + _own_moves(table, noise)
        found = DrawnScores(
            all=everything,
            held=held,
            by_own_noise=own,
            sources=tuple(sources),
            lacks_seeds=lacks_seeds,
            num_apart=num_apart(table) if lacks_seeds else 1,
        )
        self._last = measured, inside, found
        return found

    def _of_images(self, measured: Measured, inside: Places) -> Floats | None:
        """How far other images would move scores, (draws, candidates); None if not of all."""
        names = [measured.candidates[place].name for place in inside] if self._images else []
        if not self._images or not {*names} <= {name for name, _ in self._images.miou}:
            return None
        return np.stack([self._images.of(each)[: _num_draws(inside)] for each in names], axis=1)


def _known(table: Floats) -> Flags:
    """Which seeds any candidate has."""
    return np.asarray(~np.isnan(table).all(axis=0))


def drawn_costs(measured: Measured, inside: Places, cost: str) -> tuple[Floats, bool]:
    """Costs of some candidates (draws, candidates), and whether they were drawn.

    Those are medians over rounds drawn again, alike for one session. One line where nothing is.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    timed = [measured.candidates[n].timed for n in inside] if cost == "latency_ms" else []
    for place, each in enumerate(timed):
        num_rounds = len(_rounds(each))
        if num_rounds > 1:
            groups.setdefault((str(each.get("latency_session")), num_rounds), []).append(place)
    num = _num_draws(inside)
    drawn = np.tile(measured.means(cost)[inside], (num if groups else 1, 1))
    for (session, num_rounds), places in groups.items():
        # One seed a session: what the machine did in a round, it did to all candidates.
        dice = np.random.default_rng(list(session.encode()))
        which = dice.integers(num_rounds, size=(num, num_rounds))
        step = max(1, AT_ONCE // which.size)
        for start in range(0, len(places), step):
            some = places[start : start + step]
            rounds = np.array([_rounds(timed[place]) for place in some])
            drawn[:, some] *= _moved_medians(rounds.astype(float), which)
    return drawn, bool(groups)


def _moved_medians(rounds: Floats, which: Places) -> Floats:
    """Medians of drawn rounds as a share of those of all, (draws, candidates)."""
    num, everyone = rounds.shape[1], np.arange(len(rounds))
    order, ordered = np.argsort(rounds, axis=1), np.sort(rounds, axis=1)
    times = np.stack([(which == each).sum(axis=1) for each in range(num)], axis=1)
    # Each candidate's rounds are drawn as often as any other's: so many are up to each of its own.
    upto = np.zeros((len(which), len(rounds)), dtype=int)
    low, high = np.zeros_like(upto), np.zeros_like(upto)
    for place in order.T:
        upto += times[:, place]
        low += upto <= (num - 1) // 2
        high += upto <= num // 2
    medians = (ordered[everyone, low] + ordered[everyone, high]) / 2
    return np.asarray(medians / np.median(rounds, axis=1))


def _rounds(timed: Mapping[str, Any]) -> Sequence[float]:
    """A latency by round; of one taken in several processes by process."""
    processes = timed.get("latency_processes_ns") or ()
    return timed.get("latency_rounds_ns") or [float(np.median(each)) for each in processes]


def _drawn_scores(means: Floats, table: Floats, noise: Noise | None) -> Floats:
    """Scores with what other seeds would do to them; in one line without noise.

    Seeds are drawn from the residuals of all candidates together, made as wide as the noise that
    was estimated: two or three values of one candidate's own are too few to draw from.
    """
    num = _num_draws(means)
    drawn = np.tile(means, (num if noise else 1, 1))
    if noise:
        pool, dice = _residuals(means, table, noise.sd), np.random.default_rng(0)
        seeds = (~np.isnan(table)).sum(axis=1)
        for rank in range(int(seeds.max())):
            some = np.flatnonzero(seeds > rank)
            for lines in np.array_split(drawn, math.ceil(drawn.size / NEAR)):
                lines[:, some] += dice.choice(pool, size=(len(lines), len(some))) / seeds[some]
    return drawn


def _own_moves(table: Floats, noise: Noise | None) -> Floats:
    """By how much other seeds would move scores, (draws, candidates), each by its own noise.

    By Student's t, since the spread of a few seeds is no better known: noise pooled over candidates
    gives one of five times the others' a place of 2 % on the front where in truth it is 40 %.
    """
    if noise is None:
        return np.zeros((1, 1))
    own, dice = own_noise_of(table, noise), np.random.default_rng(0)
    seeds = (~np.isnan(table)).sum(axis=1)
    size = (_num_draws(table), len(table))
    return np.asarray(dice.standard_t(own.dfs, size=size) * own.sds / np.sqrt(seeds))


def _num_draws(inside: Sized) -> int:
    return min(RESAMPLES, max(100, MOST_DRAWN // len(inside)))


def _residuals(means: Floats, table: Floats, sd: float) -> Floats:
    """What is left of scores after candidate and seed are taken out, scaled to some spread."""
    left, has = table - means[:, None], ~np.isnan(table)
    for column, known in zip(left.T, has.T, strict=True):
        if known.any():
            column -= statistics.fmean(column[known].tolist())
    left = left[has]
    power = float(np.sqrt((left**2).mean()))
    return np.asarray(left * (sd / power) if power else left)
