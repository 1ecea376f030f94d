"""A search for a front that knows what candidates cost before they train.

Only accuracy must be learnt: costs are counted at once, and a latency is told well by the costs of
candidates that were timed. So a Gaussian process over the answers and the costs models accuracy,
and the candidate is proposed whose expected gain of hypervolume is greatest. With its costs known,
that gain is a mean of expected improvements (Jones et al. 1998) over the best accuracy so far at
each cost, which needs no sampling of the front.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.figures import over_budget
from harness.holes import Choice, Hole, Range
from harness.runners.process import Floats, Points, Process, expected_improvement
from harness.runners.proposals import (
    Answers,
    Outcome,
    Price,
    Proposal,
    proposal,
    texts,
)
from harness.study import Study

POOL = 192
"""Candidates drawn by chance that are judged for a group."""

NEAR = 96
"""Candidates that differ from the best known in one answer, which are judged too."""

PLACES = 128
"""Budgets at which a gain is looked at."""

MOST = 400
"""Trials that the model is fitted to; of more, some at random and all that are not dominated."""

START = 4
"""The first candidates: the cheapest, the dearest, and some between them."""

LEARNT = ("miou", "pixel_accuracy")
COUNTED = ("params", "gmacs", "activations")


class Front:
    """Proposes what gains most, in expectation, for the front that is known."""

    def __init__(self, study: Study, price: Price | None = None) -> None:
        """``price`` counts a candidate; costs that it does not give are modelled.

        ValueError for a study that aims at no accuracy, of which all is known without training.
        """
        assert study.search is not None
        names = list(study.objectives)
        learnt = [name for name in LEARNT if name in names]
        if not learnt:
            raise ValueError(
                "search.sampler='front' learns an accuracy, and no objective of the study is one"
            )
        self.is_exhausted = False
        self._study, self._seed, self._price = study, study.search.seed, price
        self._learnt = names.index(learnt[0])
        self._costs = [index for index in range(len(names)) if index != self._learnt]
        self._prices: dict[str, Mapping[str, float] | None] = {}
        self._known: set[str] = set()
        self._told: list[tuple[Proposal, Outcome]] = []
        self._ranges: dict[str, Range] = {}
        self.begin(0)

    def begin(self, known: int) -> None:
        """Begins a group; what is drawn for it depends on the seed and on how much is known."""
        self._rng = np.random.default_rng((self._seed, known))
        self._chosen: list[Proposal] = []
        self._pool: dict[str, Proposal] | None = None

    def ask(self, fixed: Mapping[str, Any], *, by_chance: bool = False) -> Proposal:
        """The candidate that gains most; one by chance where ``fixed`` answers some holes."""
        pool = [] if fixed or by_chance else self._new()
        chosen = self._best(pool) if pool else proposal(self._study, self._draw(fixed))
        self._chosen.append(chosen)
        self._known.add(chosen.key)
        return chosen

    def end(self) -> None:
        """Nothing to end: what was asked for is known only once it is told."""

    def tell(self, told: Proposal, outcome: Outcome) -> None:
        """Takes what became of a candidate; one that failed counts as the least accurate."""
        self._known.add(told.key)
        sound = outcome.values is None or all(map(math.isfinite, outcome.values))
        self._told.append((told, outcome if sound else Outcome(values=None, excess=outcome.excess)))

    # The pool.

    def _draw(self, fixed: Mapping[str, Any]) -> Any:
        """Answers by chance, but for those that are given."""

        def answer(path: str, hole: Hole) -> Any:
            if isinstance(hole, Range):
                self._ranges[path] = hole
            return fixed[path] if path in fixed else _drawn(self._rng, hole)

        return answer

    def _new(self) -> list[Proposal]:
        """What is left of the group's pool."""
        if self._pool is None:
            self._pool = self._drawn_pool()
        return [each for key, each in self._pool.items() if key not in self._known]

    def _drawn_pool(self) -> dict[str, Proposal]:
        """New candidates, some near the best known, that can be built and are within budget."""
        drawn = [proposal(self._study, self._draw({})) for _ in range(POOL)]
        best = [self._told[index][0].answers for index in self._undominated()]
        drawn += [self._near(best[i % len(best)]) for i in range(NEAR if best else 0)]
        unique = {each.key: each for each in drawn}
        return {
            key: each
            for key, each in unique.items()
            if key not in self._known and self._is_within(self._priced(each))
        }

    def _near(self, answers: Answers) -> Proposal:
        """A candidate with one answer drawn anew, and with those that it brings."""
        path = list(answers)[int(self._rng.integers(len(answers)))]
        rest = {name: answer for name, answer in answers.items() if name != path}
        return proposal(self._study, self._draw(rest))

    def _priced(self, each: Proposal) -> Mapping[str, float] | None:
        if each.key not in self._prices:
            self._prices[each.key] = self._price(each.candidate) if self._price else {}
        return self._prices[each.key]

    def _is_within(self, price: Mapping[str, float] | None) -> bool:
        return price is not None and over_budget(self._study.budget, dict(price)) is None

    # The choice.

    def _best(self, pool: list[Proposal]) -> Proposal:
        told = [(each, out.values) for each, out in self._told if out.excess <= 0]
        told = told[:0] if not any(values for _, values in told) else told
        if len(told) + len(self._chosen) < START or not told:
            return self._spread(pool)
        return pool[int(np.argmax(self._gains(told, pool)))]

    def _spread(self, pool: list[Proposal]) -> Proposal:
        """From the cheapest to the dearest by the first cost, as the first candidates are."""
        place = (0.0, 1.0, 0.5, 0.25)[len(self._chosen) % START]
        sizes = [sum(map(math.log1p, self._counts(each))) for each in pool]
        order = sorted(range(len(pool)), key=sizes.__getitem__)
        return pool[order[round(place * (len(pool) - 1))]]

    def _counts(self, each: Proposal) -> list[float]:
        price = self._priced(each) or {}
        return [float(price.get(name) or 0.0) for name in COUNTED]

    def _gains(
        self, told: list[tuple[Proposal, tuple[float, ...] | None]], pool: list[Proposal]
    ) -> Floats:
        """What each of a pool gains for the front in expectation, up to a factor."""
        told = self._fewer(told)
        every = [each for each, _ in told] + self._chosen + pool
        points = self._points(every)
        some, new = np.arange(len(told)), np.arange(len(told), len(every))
        sound = np.array([i for i, (_, values) in enumerate(told) if values])
        values = np.array([told[i][1] for i in sound], dtype=float)
        least = values[:, self._learnt].min()
        accuracy = np.array([v[self._learnt] if v else least for _, v in told])
        model = Process(points[some], accuracy)
        mean, spread = model.foresee(points[new])
        costs = self._foreseen_costs(points, sound, values, every, new)
        chosen = len(self._chosen)
        if chosen:  # in flight: believed to come as foreseen (Ginsbourger et al. 2010)
            believed = np.append(accuracy, mean[:chosen])
            both = np.arange(len(told) + chosen)
            mean, spread = Process(points[both], believed).foresee(points[new])
        reached = np.append(values[:, self._learnt], mean[:chosen])
        spent = np.concatenate([values[:, self._costs], costs[:chosen]])
        return self._gain(mean[chosen:], spread[chosen:], costs[chosen:], reached, spent)

    def _gain(
        self, mean: Floats, spread: Floats, costs: Floats, reached: Floats, spent: Floats
    ) -> Floats:
        """The mean, over budgets, of the expected improvement on the best within each."""
        low = np.minimum(costs.min(axis=0, initial=np.inf), spent.min(axis=0, initial=np.inf))
        high = np.maximum(costs.max(axis=0, initial=-np.inf), spent.max(axis=0, initial=-np.inf))
        steps = np.linspace(0, 1, PLACES)[:, None]
        if costs.shape[1] != 1:
            steps = self._rng.random((PLACES, costs.shape[1]))
        places = low + steps * (high - low)
        within = (spent[:, None] <= places).all(axis=2)
        best = np.where(within, reached[:, None], reached.min()).max(axis=0)
        affords = (costs[:, None] <= places).all(axis=2)
        gains = expected_improvement(mean[:, None], spread[:, None], best[None])
        return np.asarray((affords * gains).mean(axis=1))

    def _foreseen_costs(
        self, points: Points, sound: Any, values: Floats, every: list[Proposal], new: Any
    ) -> Floats:
        """Each cost of the new ones: counted where it can be, else as a model foresees it."""
        columns = []
        for index in self._costs:
            name = list(self._study.objectives)[index]
            prices = [self._priced(every[i]) or {} for i in new]
            if all(name in price for price in prices):
                columns.append(np.array([float(price[name]) for price in prices]))
            else:
                logs = np.log(np.maximum(values[:, index], 1e-12))
                columns.append(np.exp(Process(points[sound], logs).foresee(points[new])[0]))
        return np.stack(columns, axis=1) if columns else np.zeros((len(new), 0))

    def _fewer(self, told: list[Any]) -> list[Any]:
        if len(told) <= MOST:
            return told
        kept = {id(self._told[i][0]) for i in self._undominated()}
        rest = [i for i, (each, _) in enumerate(told) if id(each) not in kept]
        room = max(0, MOST - len(told) + len(rest))
        drawn = set(self._rng.permutation(rest)[:room].tolist())
        return [each for i, each in enumerate(told) if i in drawn or id(each[0]) in kept]

    def _undominated(self) -> list[int]:
        """The places, among what was told, of those that none betters in every objective."""
        sound = [i for i, (_, out) in enumerate(self._told) if out.values and out.excess <= 0]
        if not sound:
            return []
        signs = [-1.0 if way == "max" else 1.0 for way in self._study.objectives.values()]
        values = np.array([self._told[i][1].values for i in sound], dtype=float) * signs
        beaten = [
            bool(((values <= each).all(axis=1) & (values < each).any(axis=1)).any())
            for each in values
        ]
        return [i for i, is_beaten in zip(sound, beaten, strict=True) if not is_beaten]

    def _points(self, every: list[Proposal]) -> Points:
        """Candidates as the model sees them; a hole that is not open has a code of its own."""
        paths = sorted({path for each in every for path in each.answers})
        codes: dict[tuple[str, Any], float] = {}
        answers = np.array(
            [[self._code(codes, path, each.answers.get(path)) for path in paths] for each in every]
        ).reshape(len(every), -1)
        costs = np.log1p(np.array([self._counts(each) for each in every]))
        deviation = costs.std(axis=0)
        costs = (costs - costs.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        return Points(answers=answers, costs=costs)

    def _code(self, codes: dict[tuple[str, Any], float], path: str, answer: Any) -> float:
        """Texts get whole numbers, which are apart by 1 or more; numbers a place in [0, 1]."""
        if isinstance(answer, (int, float)):
            return self._scaled(path, float(answer))
        return codes.setdefault((path, answer), 2.0 + len(codes))

    def _scaled(self, path: str, number: float) -> float:
        hole = self._ranges.get(path)
        if hole is None:
            return 0.0
        low, high = hole.low, hole.high
        if hole.log:
            low, high, number = math.log(low), math.log(high), math.log(number)
        return (number - low) / (high - low)


def _drawn(rng: np.random.Generator, hole: Hole) -> Any:
    """An answer by chance, uniform on the scale of its hole."""
    if isinstance(hole, Choice):
        return texts(hole)[int(rng.integers(len(hole.values)))]
    assert isinstance(hole, Range)
    low, high = (math.log(hole.low), math.log(hole.high)) if hole.log else (hole.low, hole.high)
    if hole.integer and not hole.log:
        return int(rng.integers(int(low), int(high), endpoint=True))
    number = float(rng.uniform(low, high))
    number = min(max(math.exp(number) if hole.log else number, hole.low), hole.high)
    return round(number) if hole.integer else number
