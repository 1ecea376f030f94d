"""What each part and option changes: paired by seed and setting, with what can be said of it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from reports.beating import Flags
from reports.by_seed import Floats, Places
from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.images import Images
from reports.more_seeds import SeedRange, Spread, pooled, seeds_to_resolve
from reports.paired import Interval, Paired, Word, bca_intervals, holm, paired, word
from reports.statistics import Difference
from reports.verdict import Verdict

MOST_ROWS = 60
"""A table of more rows is cut to the first: nobody reads it, and Holm would resolve nothing."""

MOST_PLACES = 2**62
"""A grid of more places needs numbers of any length."""

SIGNS = {2: (1, -1), 4: (1, -1, -1, 1)}
"""With which signs the two candidates of a change count, and the four of an interaction."""

Contrast = tuple[str, str, Callable[[], Places]]
"""What is changed, against what, and, if that is asked, the candidates that show it by rank.

These have a line for each setting of the other parts at which it can be matched.
"""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One row: what a change does to accuracy.

    ``settings`` is at how many settings of the other parts it could be matched by the same seeds,
    and ``unlike`` at how many more both were, but by others. ``image_low`` to
    ``image_high`` is the 95 % interval over images, with the seeds held as they are. ``p`` and
    ``exact_p`` are Holm's over the table; ``seeds`` is how many would resolve it, None where that
    is not known or hopeless. ``noise`` is what the study's noise makes of one seed's difference.
    """

    change: str
    against: str
    candidate: Candidate | None
    found: Paired
    settings: int
    unlike: int = 0
    image_low: float | None = None
    image_high: float | None = None
    p: float | None = None
    exact_p: float | None = None
    word: Word = "no spread known"
    seeds: SeedRange | None = None
    noise: Spread | None = None

    @property
    def resolved(self) -> bool:
        """Whether the change is told from noise."""
        return self.word.startswith("resolved")


@dataclass(frozen=True, kw_only=True)
class Effects:
    """The effects of a study on its first seeded figure, and the interactions of two factors.

    ``baseline`` is what changes were made to, None where settings are matched instead;
    ``num_cut`` is how many rows were too many to show.
    """

    key: str
    baseline: Candidate | None
    rows: tuple[Effect, ...]
    interactions: tuple[Effect, ...]
    num_cut: int = 0

    @property
    def has_intervals(self) -> bool:
        """Whether any change has an interval over seeds."""
        return any(each.found.low is not None for each in self.rows)

    @cached_property
    def bca(self) -> tuple[Interval | None, ...]:
        """The intervals of BCa's bootstrap, of the changes and then of the interactions."""
        return bca_intervals([each.found for each in (*self.rows, *self.interactions)])


def gap_of(effect: Effect) -> Difference:
    """An effect as a difference with the half-width of Student's interval."""
    low, high = effect.found.low, effect.found.high
    width = None if low is None or high is None else (high - low) / 2
    return Difference(value=effect.found.value, half_width=width, n=effect.found.n)


def effects(verdict: Verdict, images: Images | None = None) -> Effects | None:
    """The effects of a study; None if nothing seeded was compared."""
    key = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    if key is None:
        return None
    everyone = verdict.measured.candidates
    has = verdict.measured.compared & ~np.isnan(verdict.measured.means(key))
    ranks = np.flatnonzero(has)
    found = [everyone[rank] for rank in ranks.tolist()]
    if len(found) < 2:
        return None
    baseline, noise = next((each for each in found if each.baseline), None), verdict.noises[key]
    table = _Table(
        found=found,
        seeds=verdict.measured.seeds(key),
        scores=verdict.measured.scores(key)[ranks],
        images=images if key == "miou" else None,
        noise=pooled(noise) if noise else None,
    )
    places = _places_by_parts(verdict, found) if baseline else [each.factors for each in found]
    grid = _Grid(places)
    rows = _changes(found, found.index(baseline)) if baseline else _main_effects(grid)
    shown, num_rows = _first(table, rows)
    first = places[found.index(baseline)] if baseline else {}
    pairs, num_pairs = _first(table, _interactions(grid, first))
    judged = _judged([*shown, *pairs])
    return Effects(
        key=key,
        baseline=baseline,
        rows=judged[: len(shown)],
        interactions=judged[len(shown) :],
        num_cut=num_rows - len(shown) + num_pairs - len(pairs),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Candidates, their scores (candidates, seeds) with NaN for none, and those over images.

    ``noise`` is what a seed does to one score.
    """

    found: Sequence[Candidate]
    seeds: Sequence[int]
    scores: Floats
    images: Images | None
    noise: Spread | None

    @cached_property
    def _has(self) -> Flags:
        return ~np.isnan(self.scores)

    def has(self, matched: Places) -> Flags:
        """Which seeds all of each setting have: (settings, seeds)."""
        return np.asarray(self._has[matched].all(axis=1))


def _first(table: _Table, contrasts: Iterable[Contrast]) -> tuple[list[Effect], int]:
    """The effects of the first contrasts, and how many can be matched: tests take their time."""
    shown: list[Effect] = []
    num = 0
    for change, against, matched in contrasts:
        if len(shown) == MOST_ROWS:
            num += bool(table.has(matched()).any())
            continue
        places = matched()
        whole, columns = _matched_seeds(table, places)
        if columns:
            num += 1
            effect = _effect(table, (change, against), whole, columns)
            shown.append(replace(effect, unlike=len(places) - len(whole)))
    return shown, num


def _judged(rows: Sequence[Effect]) -> tuple[Effect, ...]:
    """The rows of one table with Holm's p, and the word that they allow."""
    ps = holm([each.found.p for each in rows])
    exact = holm([each.found.exact_p for each in rows])
    num_tested = len(ps) - ps.count(None)
    return tuple(
        replace(
            each,
            p=p,
            exact_p=flips,
            word=word(p, flips),
            seeds=seeds_to_resolve(each.found, num_tested, each.noise),
        )
        for each, p, flips in zip(rows, ps, exact, strict=True)
    )


def _matched_seeds(table: _Table, matched: Places) -> tuple[Places, list[int]]:
    """The settings that have seeds in common, and the columns of the seeds that all of them have.

    Where no seed is in all, since some trials of very many failed, the settings are those that
    have the commonest set of seeds.
    """
    has = table.has(matched)
    some = has.any(axis=1)
    matched, has = matched[some], has[some]
    shared = has.all(axis=0)
    if len(has) and not shared.any():
        packed = np.packbits(has, axis=1)  # a text a setting, which is quickly counted
        texts = packed.view(f"V{packed.shape[1]}")[:, 0].tolist()
        shared = has[texts.index(Counter(texts).most_common(1)[0][0])]
    whole = matched[(has >= shared).all(axis=1)]
    return whole, np.flatnonzero(shared).tolist() if len(has) else []


def _effect(table: _Table, names: tuple[str, str], whole: Places, columns: Sequence[int]) -> Effect:
    """The mean over settings of a contrast, seed by seed."""
    signs = np.broadcast_to(SIGNS[whole.shape[1]], whole.shape)
    weights = np.bincount(whole.ravel(), signs.ravel(), minlength=len(table.found))
    some = np.flatnonzero(weights)
    weighed = weights[some] * table.scores[some][:, columns].T
    found = paired([math.fsum(each) / len(whole) for each in weighed.tolist()])
    effect = Effect(
        change=names[0],
        against=names[1],
        candidate=table.found[int(whole[0, 0])] if whole.shape == (1, 2) else None,
        found=found,
        settings=len(whole),
        noise=_noise(table, weights[some] / len(whole)),
    )
    images, seeds = table.images, [table.seeds[column] for column in columns]
    if images is None or not images.has(
        {table.found[n].name for n in whole.ravel().tolist()}, seeds
    ):
        return effect
    low, high = _over_images(table, whole, seeds, images) + found.value
    return replace(effect, image_low=float(low), image_high=float(high))


def _noise(table: _Table, weights: Floats) -> Spread | None:
    """What the noise of all scores makes of their sum by some weights."""
    if table.noise is None:
        return None
    return replace(table.noise, sd=table.noise.sd * math.sqrt((weights**2).sum()))


def _over_images(table: _Table, whole: Places, seeds: Sequence[int], images: Images) -> Floats:
    """How far a contrast moves with the images, as the ends of its 95 % interval around zero."""
    signed = [zip(SIGNS[len(each)], each, strict=True) for each in whole.tolist()]
    owned = [(sign, table.found[rank].name) for each in signed for sign, rank in each]
    moved = [sign * images.miou[name, seed] for sign, name in owned for seed in seeds]
    contrast = np.sum(moved, axis=0) / (len(whole) * len(seeds))
    return np.asarray(np.quantile(contrast, (0.025, 0.975)))


Factors = Mapping[str, str]
"""Where a candidate stands: factor -> value."""


def _places_by_parts(verdict: Verdict, found: Sequence[Candidate]) -> list[Factors]:
    """Where candidates stand by their parts, for a study whose factors are names of changes."""
    kept = verdict.kept
    parts = dict(zip(kept.column("candidate"), kept.column("parts"), strict=True))
    own = [{k: v for k, v in each.factors.items() if k != "change"} for each in found]
    return [{**(parts.get(o.name) or {}), **mine} for o, mine in zip(found, own, strict=True)]


class _Grid:
    """Candidates on the grid of their factors, where each place is one number.

    A move along a factor adds to that number, so that who stands there is looked up.
    """

    def __init__(self, places: Sequence[Factors]) -> None:
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._codes: dict[str, dict[str | None, int]] = {}
        self._steps: dict[str, int] = {}
        self.num, size = len(places), 1
        for factor in dict.fromkeys(itertools.chain.from_iterable(places)):
            column = [each.get(factor) for each in places]
            codes = {value: code for code, value in enumerate(dict.fromkeys(column))}
            self._columns[factor] = np.array([*map(codes.__getitem__, column)])
            self._codes[factor], self._steps[factor] = codes, size
            size *= len(codes)
        kind = int if size < MOST_PLACES else object
        self._spots = np.zeros(len(places), dtype=kind)
        for factor, column_ in self._columns.items():
            self._spots = self._spots + column_.astype(kind) * self._steps[factor]
        self._order = np.argsort(self._spots, kind="stable")
        self._ordered = self._spots[self._order]

    def values(self, first: Factors) -> dict[str, list[str]]:
        """The values of each factor that has several, the ``first`` or else those met ahead."""
        met: dict[str, list[str]] = {}
        for factor in dict.fromkeys((*first, *self._codes)):
            ahead = [first[factor]] if factor in first else []
            known = dict.fromkeys((*ahead, *self._codes[factor]))
            met[factor] = [value for value in known if value is not None]
        return {factor: values for factor, values in met.items() if len(values) > 1}

    def matched(self, values: Factors, *others: Factors) -> Places:
        """Who has some values, each with those who have others instead and all else alike."""
        has = [self._columns[factor] == self._codes[factor][v] for factor, v in values.items()]
        here = np.flatnonzero(np.logical_and.reduce(has))
        lines = [here]
        for each in others:
            move = sum(self._move(f, values[f], v) for f, v in each.items())
            places = np.searchsorted(self._ordered, self._spots[here] + move, side="right") - 1
            is_there = self._ordered[places] == self._spots[here] + move
            here = here[is_there]
            lines = [*(line[is_there] for line in lines), self._order[places[is_there]]]
        return np.stack(lines, axis=1)

    def _move(self, factor: str, before: str, after: str) -> int:
        codes = self._codes[factor]
        return (codes[after] - codes[before]) * self._steps[factor]


def _changes(found: Sequence[Candidate], baseline: int) -> Iterable[Contrast]:
    """Each candidate against the baseline."""
    for rank, each in enumerate(found):
        if rank != baseline:
            yield each.name, "baseline", partial(np.array, [[rank, baseline]])


def _main_effects(grid: _Grid) -> Iterable[Contrast]:
    """Each value of each factor against the first, at all settings of the others that have both."""
    for factor, (first, *others) in grid.values({}).items():
        lone = grid.num == 1 + len(others)
        for value in others:
            change = value if lone else f"{factor}={value}"
            yield change, first, partial(grid.matched, {factor: value}, {factor: first})


def _interactions(grid: _Grid, first: Factors) -> Iterable[Contrast]:
    """What two changes together do beyond the sum of what each does, wherever all four are."""
    values = grid.values(first)
    for (one, (a, *firsts)), (two, (b, *seconds)) in itertools.combinations(values.items(), 2):
        for value, other in itertools.product(firsts, seconds):
            change = f"{one}={value} \N{MULTIPLICATION SIGN} {two}={other}"
            both = {one: value, two: other}
            three = ({one: a}, {two: b}, {one: a, two: b})
            yield change, "no interaction", partial(grid.matched, both, *three)
