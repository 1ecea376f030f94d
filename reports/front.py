"""The front on each cost: how sure each place on it is, how good it is, and what to take when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from reports.beating import Flags
from reports.beside import beside
from reports.by_seed import Places
from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.draws import Draws, drawn_costs
from reports.images import Floats, Images
from reports.pareto import Standing, Standings
from reports.statistics import Difference, Noise, difference, width_factor
from reports.verdict import Verdict, judged_on
from reports.volume import interval, over_seeds, weights

COSTS = ("latency_ms", "gmacs", "params")

MANY = 1_000
"""So many candidates are worth a second process for what they cost beside a study's objective."""

MOST_UNSIFTED = 500
FAR = 5.0

MARGIN = 0.1
"""How far beyond the worst of both axes the reference point of the hypervolume lies."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The front of accuracy and one cost.

    ``chances`` are how often those that compete were on the front when seeds, images and rounds of
    latency were drawn again; empty where nothing varies. ``sources`` says what was. ``volume`` is
    the hypervolume (accuracy times cost, as rows have them) up to ``reference`` (cost, accuracy),
    with its 95 % interval. ``steps`` are who has the highest accuracy from which cost on. ``noise``
    is what seeds do to the accuracy of the candidates that the front is of, which are others than
    the study's objectives let be compared where these cost more protocols. ``num_draws`` is how
    often was drawn again; ``lacks_seeds`` whether some lack seeds that others have, in which case
    means as if they had them were drawn around; ``num_apart`` into how many groups candidates fall
    that share no seed, not even by way of others.
    """

    cost: str
    accuracy: str
    standings: Standings
    chances: Floats
    sources: tuple[str, ...]
    volume: float | None
    volume_low: float | None
    volume_high: float | None
    reference: tuple[float, float] | None
    knee: str | None
    steps: tuple[tuple[float, str], ...]
    noise: Noise | None
    num_draws: int = 0
    lacks_seeds: bool = False
    num_apart: int = 1

    @cached_property
    def chance(self) -> Mapping[str, float]:
        """The chances by the name of the candidate."""
        standings, chances = self.standings, self.chances.tolist()
        names = [standings.candidates[place].name for place in standings.competing.tolist()]
        return dict(zip(names, chances, strict=True)) if chances else {}

    def difference(self, first: Candidate, second: Candidate) -> Difference | None:
        """How the accuracy of two that compete differs, first minus second; None without a seed."""
        scores = {each.name: each.figures[self.accuracy] for each in (first, second)}
        return difference(scores, first.name, second.name, self.noise)

    def standing(self, name: str) -> Standing:
        """Where a candidate stands."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Standing]:
        return {each.candidate.name: each for each in self.standings}


def fronts(
    study: Mapping[str, Any], verdict: Verdict, images: Images | None = None
) -> tuple[Front, ...]:
    """The fronts on latency, GMACs and parameters, without costs that fewer than two have."""
    return begun_fronts(study, verdict, images)()


def begun_fronts(
    study: Mapping[str, Any], verdict: Verdict, images: Images | None = None
) -> Callable[[], tuple[Front, ...]]:
    """The same, of very many candidates begun beside this process; what is returned ends them."""
    accuracy = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    if accuracy is None:
        return tuple
    on = partial(_front_on, study, verdict, Draws(accuracy, images))
    own = [cost for cost in COSTS if set(verdict.objectives) == {accuracy, cost}]
    everyone = verdict.measured.candidates

    def on_others() -> dict[str, Front | None]:
        return {cost: on(cost) for cost in COSTS if cost not in own}

    # What all fronts rest on is made before this process is copied, once.
    verdict.measured.scores(accuracy), verdict.measured.means(accuracy)
    if noise := verdict.noises[accuracy]:
        width_factor(noise)
    others = beside(on_others, (everyone, *everyone)) if len(everyone) >= MANY else on_others

    def ended() -> tuple[Front, ...]:
        found = {cost: on(cost) for cost in own} | others()
        return tuple(front for cost in COSTS if (front := found[cost]))

    return ended


def _front_on(study: Mapping[str, Any], verdict: Verdict, draws: Draws, cost: str) -> Front | None:
    """A front, or None where fewer than two have its cost."""
    aims = {draws.accuracy: "max", cost: "min"}
    own = set(verdict.objectives) == set(aims)
    judged = verdict if own else judged_on(study, verdict, aims)
    return _front(judged, cost, draws) if len(judged.standings.competing) > 1 else None


def _front(verdict: Verdict, cost: str, draws: Draws) -> Front:
    accuracy, measured, standings = draws.accuracy, verdict.measured, verdict.standings
    costs, scores = (measured.means(key)[standings.competing] for key in (cost, accuracy))
    edge = reference(costs, scores)
    near = in_reach(verdict, accuracy, cost, costs, scores)
    inside, costs, scores = standings.competing[near], costs[near], scores[near]
    again, timed = drawn_costs(measured, inside, cost)
    drawn = draws.of(measured, inside, verdict.noises[accuracy])
    sources = (*drawn.sources, *(["rounds of latency"] if timed else []))
    chances = np.zeros(len(standings.competing) if sources else 0)
    if sources:
        chances[near] = on_front(again, drawn.by_own_noise).mean(axis=0)
    volume = float(hypervolume(costs[None], scores[None], edge)[0])
    volumes, others = (hypervolume(again, each, edge) for each in (drawn.all, drawn.held))
    slopes = weights(costs, scores, edge)
    weighed = np.flatnonzero(slopes)
    over = over_seeds(
        [measured.candidates[place] for place in inside[weighed]], accuracy, slopes[weighed]
    )
    # Without the seeds' share an interval would be too narrow by far, so there is none.
    ends = (None, None) if over is None else interval(volume, over, volumes, others)
    on = [measured.candidates[place] for place in standings.front]
    return Front(
        cost=cost,
        accuracy=accuracy,
        standings=standings,
        chances=chances,
        sources=sources,
        volume=volume,
        volume_low=ends[0],
        volume_high=ends[1],
        reference=edge,
        knee=_knee(on, cost, accuracy),
        steps=_steps(on, cost, accuracy),
        noise=verdict.noises[accuracy],
        num_draws=max(len(again), len(drawn.by_own_noise)),
        lacks_seeds=drawn.lacks_seeds,
        num_apart=drawn.num_apart,
    )


def in_reach(verdict: Verdict, accuracy: str, cost: str, costs: Floats, scores: Floats) -> Places:
    """Who of those that compete can be on a front that is drawn again, as places; of few all.

    Of very many, those that another beats by ``FAR`` standard errors on both axes are left out:
    they are on no front, and so change none.
    """
    if len(costs) <= MOST_UNSIFTED:
        return np.arange(len(costs))
    measured, places = verdict.measured, verdict.standings.competing
    noise = verdict.noises[accuracy]
    seeds = (~np.isnan(measured.scores(accuracy)[places])).sum(axis=1)
    wide = FAR * (noise.sd if noise else 0.0) / np.sqrt(seeds)
    tall = np.ones(len(places))
    if cost == "latency_ms":
        tall = np.exp(FAR * _errors([measured.candidates[place] for place in places]))
    order = np.argsort(costs * tall)
    best = np.concatenate([[-np.inf], np.maximum.accumulate((scores - wide)[order])])
    cheaper = np.searchsorted((costs * tall)[order], costs / tall, side="left")
    return np.flatnonzero(best[cheaper] <= scores + wide)


def _errors(inside: Sequence[Candidate]) -> Floats:
    """The standard errors of latencies' logarithms, those of medians of normal rounds."""
    found, alike = np.zeros(len(inside)), dict[int, list[int]]()
    for place, each in enumerate(inside):
        alike.setdefault(len(each.timed.get("latency_rounds_ns") or ()), []).append(place)
    for num, places in alike.items():
        if num:
            logs = np.log([inside[place].timed["latency_rounds_ns"] for place in places])
            found[places] = 1.2533 * logs.std(axis=1) / np.sqrt(num)
    return found


def on_front(costs: Floats, scores: Floats) -> Flags:
    """Who is on the front, row by row: (draws, candidates) of less cost and more score.

    One row of costs stands for all draws, as it does of scores; twins are both on it.
    """
    some = _near(costs, scores)
    found = np.zeros(np.broadcast_shapes(costs.shape, scores.shape), dtype=bool)
    found[:, some] = (_on_front_of_one if len(costs) == 1 else _on_front)(
        costs[:, some], np.broadcast_to(scores, found.shape)[:, some]
    )
    return found


def _near(costs: Floats, scores: Floats) -> Places:
    """Who is beaten on both axes by no one that is so in all draws; the others are on no front."""
    order = np.argsort(costs.max(axis=0))
    best = np.concatenate([[-np.inf], np.maximum.accumulate(scores.min(axis=0)[order])])
    cheaper = np.searchsorted(costs.max(axis=0)[order], costs.min(axis=0), side="right")
    return np.flatnonzero(best[cheaper] <= scores.max(axis=0))


def _on_front_of_one(costs: Floats, scores: Floats) -> Flags:
    """The same for one row of costs, which are sorted once and not in each draw."""
    kinds, which = np.unique(costs[0], return_inverse=True)
    order = np.argsort(which)
    starts = np.searchsorted(which[order], np.arange(len(kinds)))
    best = np.take(scores, order, axis=1)
    if len(kinds) < len(order):
        best = np.maximum.reduceat(best, starts, axis=1)  # of each cost
    cheaper = np.full(best.shape, -np.inf)
    cheaper[:, 1:] = np.maximum.accumulate(best, axis=1)[:, :-1]
    best[best <= cheaper] = np.inf
    return np.asarray(scores == np.take(best, which, axis=1))


def _on_front(costs: Floats, scores: Floats) -> Flags:
    order = np.lexsort((-scores, costs), axis=1)
    cost, score = (np.take_along_axis(each, order, axis=1) for each in (costs, scores))
    best = np.maximum.accumulate(score, axis=1)
    on = np.ones(cost.shape, dtype=bool)
    on[:, 1:] = score[:, 1:] > best[:, :-1]
    # Twins of one on the front are on it too: each stands right behind its like.
    firsts = np.tile(np.arange(cost.shape[1]), (len(cost), 1))
    firsts[:, 1:][(cost[:, 1:] == cost[:, :-1]) & (score[:, 1:] == score[:, :-1])] = 0
    on = np.take_along_axis(on, np.maximum.accumulate(firsts, axis=1), axis=1)
    placed = np.empty_like(on)
    np.put_along_axis(placed, order, on, axis=1)
    return placed


def reference(costs: Floats, scores: Floats) -> tuple[float, float]:
    """The reference point: a tenth of the range beyond the dearest and the least accurate."""
    wide, high = np.ptp(costs), np.ptp(scores)
    cost = costs.max() + MARGIN * (wide or costs.max())
    return float(cost), float(scores.min() - MARGIN * (high or scores.min()))


def hypervolume(costs: Floats, scores: Floats, edge: tuple[float, float]) -> Floats:
    """The area that fronts dominate up to a reference (cost, score), row by row: (draws,).

    One row of costs stands for all draws, as it does of scores.
    """
    some = _near(costs, scores)
    if len(costs) == 1:
        order = some[np.argsort(costs[0, some])]
        cost, score = (np.take(each, order, axis=1) for each in (costs, scores))
    else:
        costs, scores = costs[:, some], scores[:, some]
        orders = np.argsort(costs, axis=1)
        cost = np.take_along_axis(costs, orders, axis=1)
        score = np.take_along_axis(np.broadcast_to(scores, costs.shape), orders, axis=1)
    best = np.maximum(np.maximum.accumulate(score, axis=1), edge[1])
    before = np.concatenate([np.full((len(best), 1), edge[1]), best[:, :-1]], axis=1)
    return np.asarray(((edge[0] - np.minimum(cost, edge[0])) * (best - before)).sum(axis=1))


def _steps(on: Sequence[Candidate], cost: str, accuracy: str) -> tuple[tuple[float, str], ...]:
    """Who of a front has the highest accuracy from which cost on, cheapest first."""
    found = [(each.mean(cost) or 0.0, each.mean(accuracy) or 0.0, each.name) for each in on]
    return tuple((c, name) for c, _, name in sorted(found, key=lambda f: f[:2]))


def _knee(on: Sequence[Candidate], cost: str, accuracy: str) -> str | None:
    """Who lies farthest above the chord between the ends of the front; None for fewer than three.

    Both axes run from 0 to 1 between the ends, so that no unit weighs in.
    """
    xy = sorted((each.mean(cost) or 0.0, each.mean(accuracy) or 0.0, each.name) for each in on)
    if len(xy) < 3 or any(a[0] == b[0] for a, b in pairwise(xy)):
        return None
    (x0, y0, _), (x1, y1, _) = xy[0], xy[-1]
    above = {name: (y - y0) / (y1 - y0) - (x - x0) / (x1 - x0) for x, y, name in xy[1:-1]}
    best = max(above, key=lambda name: above[name])
    return best if above[best] > 0 else None
