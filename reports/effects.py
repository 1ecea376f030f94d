"""What each part and option changes: paired by seed and setting, with what can be said of it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.images import Images
from reports.paired import Paired, Word, holm, paired, seeds_to_resolve, word
from reports.statistics import Difference
from reports.verdict import Verdict

MOST_ROWS = 60
"""A table of more rows is cut to the first: nobody reads it, and Holm would resolve nothing."""

Signed = tuple[tuple[int, Candidate], ...]
"""A contrast at one setting: candidates with the sign that each counts with."""

Contrast = tuple[str, str, Callable[[], Iterable[Signed]]]
"""What is changed, against what, and at which settings it can be matched, if that is asked."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One row: what a change does to accuracy.

    ``settings`` is at how many settings of the other parts it could be matched. ``image_low`` to
    ``image_high`` is the 95 % interval over images, with the seeds held as they are. ``p`` and
    ``exact_p`` are Holm's over the table; ``seeds`` is how many would resolve it, None where that
    is not known or hopeless.
    """

    change: str
    against: str
    candidate: Candidate | None
    found: Paired
    settings: int
    image_low: float | None = None
    image_high: float | None = None
    p: float | None = None
    exact_p: float | None = None
    word: Word = "no spread known"
    seeds: int | None = None

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


def gap_of(effect: Effect) -> Difference:
    """An effect as a difference with the half-width of Student's interval."""
    low, high = effect.found.low, effect.found.high
    width = None if low is None or high is None else (high - low) / 2
    return Difference(value=effect.found.value, half_width=width, n=effect.found.n)


def effects(verdict: Verdict, images: Images | None = None) -> Effects | None:
    """The effects of a study; None if nothing seeded was compared."""
    key = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    found = [each for each in verdict.compared if key and each.figures[key]]
    if key is None or len(found) < 2:
        return None
    baseline = next((each for each in found if each.baseline), None)
    seen = images if key == "miou" else None
    if baseline:
        places = _places_by_parts(verdict, found)
        rows: Iterable[Contrast] = (
            (each.name, "baseline", partial(iter, [((1, each), (-1, baseline))]))
            for each in found
            if each is not baseline
        )
    else:
        places = {each.name: dict(each.factors) for each in found}
        rows = _main_effects(found, places)
    shown, num_rows = _first(key, rows, seen)
    pairs, num_pairs = _first(key, _interactions(found, places, baseline), seen)
    return Effects(
        key=key,
        baseline=baseline,
        rows=_judged(shown),
        interactions=_judged(pairs),
        num_cut=num_rows - len(shown) + num_pairs - len(pairs),
    )


def _first(
    key: str, contrasts: Iterable[Contrast], images: Images | None
) -> tuple[list[Effect], int]:
    """The effects of the first contrasts, and how many can be matched: tests take their time."""
    shown: list[Effect] = []
    num = 0
    for change, against, matched in contrasts:
        if len(shown) == MOST_ROWS:
            num += any(_seeds(key, each) for each in matched())
            continue
        whole, seeds = _matched_seeds(key, matched())
        if seeds:
            num += 1
            shown.append(_effect(key, change, against, whole, seeds, images))
    return shown, num


def _judged(rows: Sequence[Effect]) -> tuple[Effect, ...]:
    """The rows of one table with Holm's p, and the word that they allow."""
    ps = holm([each.found.p for each in rows])
    exact = holm([each.found.exact_p for each in rows])
    return tuple(
        replace(
            each,
            p=p,
            exact_p=flips,
            word=word(p, flips),
            seeds=seeds_to_resolve(each.found, len(rows)),
        )
        for each, p, flips in zip(rows, ps, exact, strict=True)
    )


def _matched_seeds(key: str, matched: Iterable[Signed]) -> tuple[list[Signed], list[int]]:
    """The settings that have seeds in common, and the seeds that all of them have.

    Where no seed is in all, since some trials of very many failed, the settings are those that
    have the commonest set of seeds.
    """
    owned = [(each, _seeds(key, each)) for each in matched]
    whole = [(each, seeds) for each, seeds in owned if seeds]
    if not whole:
        return [], []
    shared = frozenset.intersection(*(seeds for _, seeds in whole))
    if not shared:
        ((shared, _),) = Counter(seeds for _, seeds in whole).most_common(1)
    return [each for each, seeds in whole if seeds >= shared], sorted(shared)


def _effect(
    key: str,
    change: str,
    against: str,
    whole: Sequence[Signed],
    seeds: Sequence[int],
    images: Images | None,
) -> Effect:
    """The mean over settings of a contrast, seed by seed."""
    signs: dict[str, int] = {}
    figures: dict[str, Mapping[int, float]] = {}
    for sign, one in itertools.chain.from_iterable(whole):
        signs[one.name] = signs.get(one.name, 0) + sign
        figures[one.name] = one.figures[key]
    weighed = [(sign, figures[name]) for name, sign in signs.items()]
    values = [math.fsum([w * by[seed] for w, by in weighed]) / len(whole) for seed in seeds]
    lone = len(whole) == 1 and len(whole[0]) == 2
    effect = Effect(
        change=change,
        against=against,
        candidate=whole[0][0][1] if lone else None,
        found=paired(values),
        settings=len(whole),
    )
    names = {c.name for each in whole for _, c in each}
    if images is None or not images.has(names, seeds):
        return effect
    low, high = _over_images(whole, seeds, images) + effect.found.value
    return replace(effect, image_low=float(low), image_high=float(high))


def _over_images(whole: Sequence[Signed], seeds: Sequence[int], images: Images) -> np.ndarray:
    """How far a contrast moves with the images, as the ends of its 95 % interval around zero."""
    moved = [s * images.miou[c.name, seed] for each in whole for s, c in each for seed in seeds]
    contrast = np.sum(moved, axis=0) / (len(whole) * len(seeds))
    return np.asarray(np.quantile(contrast, (0.025, 0.975)))


def _seeds(key: str, matched: Signed) -> frozenset[int]:
    return frozenset.intersection(*[each.seeds(key) for _, each in matched])


Places = Mapping[str, Mapping[str, str]]
"""Where each candidate stands: candidate -> factor -> value."""


def _places_by_parts(verdict: Verdict, found: Sequence[Candidate]) -> Places:
    """Where candidates stand by their parts, for a study whose factors are names of changes."""
    kept = verdict.kept
    parts = dict(zip(kept.column("candidate"), kept.column("parts"), strict=True))
    own = {each.name: {k: v for k, v in each.factors.items() if k != "change"} for each in found}
    return {each.name: {**(parts.get(each.name) or {}), **own[each.name]} for each in found}


def _values(places: Places, first: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """The values of each factor that has several, the baseline's or else the first met ahead."""
    met: dict[str, dict[str, None]] = {}
    for place in ([first] if first else []) + list(places.values()):
        for factor, value in place.items():
            met.setdefault(factor, {})[value] = None
    return {factor: list(values) for factor, values in met.items() if len(values) > 1}


Spot = tuple[str | None, ...]
"""A place as values in the order of the factors."""


def _spots(places: Places) -> tuple[dict[str, int], dict[str, Spot]]:
    """The rank of each factor, and where each candidate stands by them."""
    ranks: dict[str, int] = {}
    for place in places.values():
        for factor in place:
            ranks.setdefault(factor, len(ranks))
    return ranks, {name: tuple(map(place.get, ranks)) for name, place in places.items()}


def _moved(spot: Spot, rank: int, value: str) -> Spot:
    return (*spot[:rank], value, *spot[rank + 1 :])


def _grouped(spots: Mapping[str, Spot], *ranks: int) -> dict[Spot, list[str]]:
    """The candidates by their values of some factors."""
    groups: dict[Spot, list[str]] = {}
    for name, spot in spots.items():
        groups.setdefault(tuple([spot[rank] for rank in ranks]), []).append(name)
    return groups


def _main_effects(found: Sequence[Candidate], places: Places) -> Iterable[Contrast]:
    """Each value of each factor against the first, at all settings of the others that have both."""
    by_name, (ranks, spots) = {each.name: each for each in found}, _spots(places)
    at = {spot: by_name[name] for name, spot in spots.items()}

    def twins(names: Sequence[str], rank: int, first: str) -> Iterator[Signed]:
        for name in names:
            twin = at.get(_moved(spots[name], rank, first))
            if twin:
                yield (1, by_name[name]), (-1, twin)

    for factor, (first, *others) in _values(places).items():
        groups = _grouped(spots, ranks[factor])
        lone = len(places) == 1 + len(others)
        for value in others:
            change = value if lone else f"{factor}={value}"
            yield change, first, partial(twins, groups[(value,)], ranks[factor], first)


def _interactions(
    found: Sequence[Candidate], places: Places, baseline: Candidate | None
) -> Iterable[Contrast]:
    """What two changes together do beyond the sum of what each does, wherever all four are."""
    by_name, (ranks, spots) = {each.name: each for each in found}, _spots(places)
    at = {spot: by_name[name] for name, spot in spots.items()}
    values = _values(places, places[baseline.name] if baseline else None)

    def fours(names: Sequence[str], x: int, a: str, y: int, b: str) -> Iterator[Signed]:
        for name in names:
            without = _moved(spots[name], x, a)
            others = (without, _moved(spots[name], y, b), _moved(without, y, b))
            three = [twin for spot in others if (twin := at.get(spot))]
            if len(three) == 3:
                yield tuple(zip((1, -1, -1, 1), (by_name[name], *three), strict=True))

    for (one, (a, *firsts)), (two, (b, *seconds)) in itertools.combinations(values.items(), 2):
        x, y = ranks[one], ranks[two]
        groups = _grouped(spots, x, y)
        for first, second in itertools.product(firsts, seconds):
            change = f"{one}={first} \N{MULTIPLICATION SIGN} {two}={second}"
            names = groups.get((first, second), ())
            yield change, "no interaction", partial(fours, names, x, a, y, b)
