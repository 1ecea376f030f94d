"""Optuna's samplers behind one question: which candidate next, given all that is known?

What a sampler proposes is a function of its seed, of what it was told, in order, and of nothing
else: a search that was cut off goes on as if it had not been. So what is asked leaves no trace in
Optuna's study (it is told as failed, which no sampler looks at), and what became of a candidate
enters as a trial that is made of its row.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from harness.holes import Choice, Hole, Range
from harness.mistakes import one_line
from harness.plan import without_places
from harness.runners.proposals import Answers, Outcome, Proposal, proposal, texts
from harness.searching import OwnSampler, Search
from harness.study import Budget, Study

CONSTRAINT = "budget"
"""The constraint's name in Optuna: how far a candidate is over budget, as a share of the bound."""


_DIRECTIONS = {"max": StudyDirection.MAXIMIZE, "min": StudyDirection.MINIMIZE}


class Asker:
    """Optuna's part of a search: it is asked for candidates and told what became of them."""

    def __init__(self, study: Study, prior: int = 0) -> None:
        """The study's search names the sampler; ``prior`` candidates are known from before."""
        assert study.search is not None
        self.is_exhausted = False
        self._study, self._search = study, study.search
        self._told: list[FrozenTrial] = []
        self._open: list[optuna.Trial] = []
        self._own: BaseSampler | None = None
        self._prior = prior
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna.create_study(
            directions=directions(study.objectives.values()), sampler=RandomSampler()
        )
        self.begin(prior)

    def begin(self, known: int) -> None:
        """Begins a group of questions when so many candidates are known; seeds by their number."""
        seed = seed_of(self._search.seed, known)
        self._sampler = self._make(seed)
        self._chance = RandomSampler(seed=seed)

    def ask(self, fixed: Mapping[str, Any], *, by_chance: bool = False) -> Proposal:
        """A candidate, maybe one that is known; ``fixed`` answers are taken as they are."""
        self._optuna.sampler = self._chance if by_chance else self._sampler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            with _refusals(self._search):
                asked = self._optuna.ask()
            self._open.append(asked)

            def answer(path: str, hole: Hole) -> Any:
                if path in fixed:
                    return fixed[path]
                with _refusals(self._search):
                    return _suggest(asked, named_as(path), hole)

            return proposal(self._study, answer)

    def end(self) -> None:
        """Ends a group: what was asked is told as failed, which no sampler learns from."""
        for asked in self._open:
            try:
                self._optuna.tell(asked, state=TrialState.FAIL)
            except RuntimeError as error:  # a sampler of grids, of which nothing is left
                if "Study.stop" not in str(error):
                    raise
                self.is_exhausted = True
        self._open = []

    def tell(self, told: Proposal, outcome: Outcome) -> None:
        """Takes what became of a candidate.

        Over budget is no failure, which would hold TPE to that side of the space: TPE is told of
        it as pruned, all others, which look at complete trials only, with the worst values. One
        that was stopped at a rung is pruned to TPE, and not told to others.
        """
        holes = holes_of(self._study, told.answers)
        over, is_pruned = outcome.excess > 0, isinstance(self._sampler, TPESampler)
        if outcome.is_stopped and not is_pruned:
            return
        if over or outcome.is_stopped:
            state = TrialState.PRUNED if is_pruned else TrialState.COMPLETE
            values: list[float] | None = None if is_pruned else self._worst()
        else:
            values = finite(outcome.values)
            state = TrialState.COMPLETE if values else TrialState.FAIL
        is_within = bool(values) or outcome.is_stopped
        has_bounds = over or (is_within and is_bounded(self._study.budget))
        trial = create_trial(
            state=state,
            values=values,
            params={named_as(path): answer for path, answer in told.answers.items()},
            distributions={named_as(path): distribution(hole) for path, hole in holes.items()},
            constraints={CONSTRAINT: outcome.excess} if has_bounds else None,
            system_attrs=self._generation() if state is TrialState.COMPLETE else None,
        )
        self._told.append(trial)
        self._optuna.add_trial(trial)

    def _worst(self) -> list[float]:
        """The worst that was told, an accuracy of 0: finite, since some samplers scale values."""
        ways = list(self._study.objectives.values())
        values = [trial.values for trial in self._told if trial.state is TrialState.COMPLETE]
        return [
            0.0 if way == "max" else max((each[i] for each in values), default=1.0)
            for i, way in enumerate(ways)
        ]

    def _generation(self) -> dict[str, Any]:
        """What a genetic sampler reads off a trial: how many populations were full before it."""
        sampler: Any = self._sampler
        if not hasattr(sampler, "_get_generation_key"):
            return {}
        complete = sum(each.state is TrialState.COMPLETE for each in self._told)
        return {sampler._get_generation_key(): complete // sampler.population_size}

    def _make(self, seed: int) -> BaseSampler:
        """The sampler for a group. A user's own object lives on, and moves away at a restart."""
        named = self._search.sampler
        if not isinstance(named, OwnSampler):
            return _named(self._search, seed)
        if not isinstance(named.given, BaseSampler):
            return _made(named, seed)
        if self._own is None:
            self._own = copy.deepcopy(named.given)
            if self._prior:
                self._own.reseed_rng()
        return self._own


def seed_of(seed: int, known: int) -> int:
    """A seed that moves with the number of candidates that are known."""
    return int(np.random.SeedSequence((seed, known)).generate_state(1)[0])


def _named(search: Search, seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if search.sampler == "tpe":
            # One model of all answers that are open together, instead of one a hole: it splits
            # what it was told once a proposal, and finds the front sooner (docs/search.md).
            return TPESampler(
                seed=seed,
                n_startup_trials=max(4, min(10, search.trials // 4)),
                multivariate=True,
                group=True,
            )
        if search.sampler == "nsga2":
            return NSGAIISampler(seed=seed, population_size=max(4, min(50, search.trials // 4)))
        return RandomSampler(seed=seed)


def _made(named: OwnSampler, seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            made = named.given(seed=seed)
        except Exception as error:
            raise ValueError(
                f"search.sampler {named} cannot be made from seed={seed}: "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error
    if not isinstance(made, BaseSampler):
        raise TypeError(
            f"search.sampler {named} made a {type(made).__name__}, not a sampler of Optuna's"
        )
    return made


@contextmanager
def _refusals(search: Search) -> Iterator[None]:
    """Says what a sampler of the user's cannot do as their mistake, since they chose it."""
    try:
        yield
    except Exception as error:
        if not isinstance(search.sampler, OwnSampler):
            raise
        raise ValueError(
            f"search.sampler {search.sampler} cannot search this study: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error


def named_as(path: str) -> str:
    """What Optuna calls a hole: as a user writes it, since samplers may be given by such names."""
    [name] = without_places({path: ""})
    return name


def directions(ways: Iterable[str]) -> list[StudyDirection]:
    """Optuna's words for the ways, "max" or "min", of a study's objectives."""
    return [_DIRECTIONS[way] for way in ways]


def is_bounded(budget: Budget) -> bool:
    """Whether a budget bounds anything."""
    return any(bound is not None for bound in vars(budget).values())


def finite(values: tuple[float, ...] | None) -> list[float] | None:
    """The values if they are there and finite, as Optuna takes them."""
    return list(values) if values and all(map(math.isfinite, values)) else None


def holes_of(study: Study, answers: Answers) -> dict[str, Hole]:
    """The holes that some answers fill, by path."""
    found: dict[str, Hole] = {}

    def note(path: str, hole: Hole) -> Any:
        found[path] = hole
        return answers[path]

    proposal(study, note)
    return found


def distribution(hole: Hole) -> BaseDistribution:
    """What Optuna calls a hole."""
    if isinstance(hole, Choice):
        return CategoricalDistribution(texts(hole))
    assert isinstance(hole, Range)
    if hole.integer:
        return IntDistribution(int(hole.low), int(hole.high), log=hole.log)
    return FloatDistribution(hole.low, hole.high, log=hole.log)


def _suggest(asked: optuna.Trial, path: str, hole: Hole) -> Any:
    """A hole's answer from Optuna, whose categories are plain strings."""
    if isinstance(hole, Choice):
        return asked.suggest_categorical(path, texts(hole))
    assert isinstance(hole, Range)
    if hole.integer:
        return asked.suggest_int(path, int(hole.low), int(hole.high), log=hole.log)
    return asked.suggest_float(path, hole.low, hole.high, log=hole.log)
