"""Lets Optuna propose candidates; what it knows is rebuilt from the ledger at every start."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from harness.holes import Choice, Hole, Range
from harness.plan import Candidate, named_candidate, without_places
from harness.space import Ask, fill, named
from harness.study import Search, Study

Answers = dict[str, Any]

MAX_REPEATS = 200
"""How often what is known may be proposed, for one group, before the space counts as exhausted."""

PATIENCE = 20
"""How many of these a sampler may spend on what it knows to be good before chance takes over."""

WORST = {"max": 0.0, "min": 1e12}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate: objective values in the study's order, or none; its excess.

    ``excess`` is how far it is over budget, zero or less for one that is within it.
    """

    values: tuple[float, ...] | None
    excess: float = 0.0


Look = Callable[[Candidate], Outcome]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A candidate with the answers that make it, from which it can be made again."""

    candidate: Candidate
    answers: Answers


def generations(
    study: Study, prior: list[Answers], look: Look, size: int
) -> Iterator[list[Proposal]]:
    """Yields candidates in small groups, telling the sampler what became of each group.

    ``prior`` are the answers of an earlier run: they come first, and again, so that what was cut
    off is finished and the sampler knows all. No label is proposed twice. Ends after
    ``search.trials`` different candidates, or when the sampler finds nothing new.
    """
    search = study.search
    assert search is not None
    optimiser = _optimiser(study, search, seed=search.seed + len(prior))
    proposals = [_replayed(study, answers) for answers in prior]
    seen = {proposal.candidate.label for proposal in proposals}
    if proposals:
        yield proposals
        for proposal in proposals:
            optimiser.enqueue_trial(proposal.answers)
            _tell(study, optimiser, _ask(study, optimiser)[0], look(proposal.candidate))
    while len(seen) < search.trials:
        group, asked = _new_group(study, optimiser, seen, size, look)
        if not group:
            return
        yield group
        for trial, proposal in asked:
            _tell(study, optimiser, trial, look(proposal.candidate))


def _new_group(
    study: Study, optimiser: optuna.Study, seen: set[str], size: int, look: Look
) -> tuple[list[Proposal], list[tuple[optuna.Trial, Proposal]]]:
    """New candidates, and the trials that are to be told of them; some may have asked twice."""
    assert study.search is not None
    size = min(size, study.search.trials - len(seen))
    sampler, chance = optimiser.sampler, RandomSampler(seed=study.search.seed + len(seen))
    known, repeats = set(seen), 0
    group: list[Proposal] = []
    waiting: list[tuple[optuna.Trial, Proposal]] = []
    while len(group) < size and repeats < MAX_REPEATS:
        optimiser.sampler = sampler if repeats < PATIENCE else chance
        asked, proposal = _ask(study, optimiser)
        label = proposal.candidate.label
        repeats += label in seen
        if label in known:
            _tell(study, optimiser, asked, look(proposal.candidate))
            continue
        waiting.append((asked, proposal))
        if label not in seen:
            seen.add(label)
            group.append(proposal)
    optimiser.sampler = sampler
    return group, waiting


def _ask(study: Study, optimiser: optuna.Study) -> tuple[optuna.Trial, Proposal]:
    asked = optimiser.ask()
    answers: Answers = {}

    def suggest(path: str, hole: Hole) -> Any:
        value, answers[path] = _suggest(asked, path, hole)
        return value

    return asked, _proposal(study, suggest, answers)


def _suggest(asked: optuna.Trial, path: str, hole: Hole) -> tuple[Any, Any]:
    """A hole's value and what stands for it in Optuna, whose categories are plain strings."""
    if isinstance(hole, Choice):
        labels = [str(value) for value in hole.values]
        label = asked.suggest_categorical(path, labels)
        return hole.values[labels.index(label)], label
    assert isinstance(hole, Range)
    if hole.integer:
        number: Any = asked.suggest_int(path, int(hole.low), int(hole.high), log=hole.log)
    else:
        number = asked.suggest_float(path, hole.low, hole.high, log=hole.log)
    return number, number


def _replayed(study: Study, answers: Answers) -> Proposal:
    def answer(path: str, hole: Hole) -> Any:
        if not isinstance(hole, Choice):
            return answers[path]
        return next(value for value in hole.values if str(value) == answers[path])

    return _proposal(study, answer, answers)


def _proposal(study: Study, answer: Ask, answers: Answers) -> Proposal:
    """The candidate that some answers make; ``answers`` may be filled while they are given."""
    values: dict[str, Any] = {}

    def note(path: str, hole: Hole) -> Any:
        values[path] = answer(path, hole)
        return values[path]

    architecture, recipe = fill((study.space, study.recipe), note)
    factors = without_places(named(values))
    candidate = named_candidate("", factors, architecture, recipe)
    return Proposal(candidate=candidate, answers=dict(answers))


def _tell(study: Study, optimiser: optuna.Study, asked: optuna.Trial, outcome: Outcome) -> None:
    """Tells a result. Over budget is no failure: that would hold TPE to the infeasible side."""
    assert study.search is not None
    if outcome.excess > 0:
        asked.set_constraint("budget", outcome.excess)
        if study.search.sampler == "nsga2":  # which would not look at a pruned trial
            optimiser.tell(asked, [WORST[way] for way in study.objectives.values()])
        else:
            optimiser.tell(asked, state=TrialState.PRUNED)
    elif outcome.values is None:
        optimiser.tell(asked, state=TrialState.FAIL)
    else:
        if any(_bounds(study)):
            asked.set_constraint("budget", 0.0)
        optimiser.tell(asked, list(outcome.values))


def _bounds(study: Study) -> list[float]:
    budget = study.budget
    bounds = (budget.gmacs, budget.params, budget.activations, budget.latency_ms)
    return [bound for bound in bounds if bound is not None]


def _optimiser(study: Study, search: Search, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    maximise, minimise = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    ways = study.objectives.values()
    directions = [maximise if way == "max" else minimise for way in ways]
    return optuna.create_study(directions=directions, sampler=_sampler(search, seed))


def _sampler(search: Search, seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if search.sampler == "tpe":
            return TPESampler(seed=seed, n_startup_trials=max(4, search.trials // 4))
        if search.sampler == "nsga2":
            return NSGAIISampler(seed=seed, population_size=max(4, search.trials // 4))
        return RandomSampler(seed=seed)
