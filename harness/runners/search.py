"""Searches a space: groups of new candidates, each told to the sampler before the next.

What is known comes from the ledger at every start. Optuna is asked in ``asking.py``; the search
that knows costs before anything trains is in ``front.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.runners.asking import Asker
from harness.runners.front import Front
from harness.runners.proposals import (
    Answers,
    Look,
    Outcome,
    Price,
    Proposal,
    fixed_answers,
    replayed,
)
from harness.study import Study

MAX_REPEATS = 200
"""How often what is known may be proposed, for one group, before the space counts as exhausted."""

PATIENCE = 20
"""How many of these a sampler may spend on what it knows to be good before chance takes over."""


class Proposer(Protocol):
    """Who proposes: asked for a group of candidates, then told what became of them."""

    @property
    def is_exhausted(self) -> bool:
        """Whether it has nothing more to propose."""

    def begin(self, known: int) -> None:
        """Begins a group when so many candidates are known."""

    def ask(self, fixed: Mapping[str, Any], *, by_chance: bool = False) -> Proposal:
        """A candidate, maybe one that is known."""

    def end(self) -> None:
        """Ends a group of questions."""

    def tell(self, told: Proposal, outcome: Outcome) -> None:
        """Takes what became of a candidate."""


@dataclass
class _Known:
    """What was proposed so far: by what is trained, and by what it is called."""

    keys: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    answers: list[Answers] = field(default_factory=list)

    def add(self, new: Proposal) -> bool:
        """Notes a proposal; whether it is new. A report could not tell two of one label apart."""
        self.answers.append(new.answers)
        label = new.candidate.label
        if new.key in self.keys or label in self.labels:
            return False
        self.keys.add(new.key)
        self.labels.add(label)
        return True

    def has(self, fixed: Answers) -> bool:
        """Whether what was to be tried first has been."""
        return any(fixed.items() <= each.items() for each in self.answers)


def generations(
    study: Study, prior: list[Answers], look: Look, size: int, price: Price | None = None
) -> Iterator[list[Proposal]]:
    """Yields candidates in small groups, telling the sampler what became of each group.

    ``prior`` are the answers of an earlier run: they come first, and again, so that what was cut
    off is finished and the sampler knows all. What is to be tried first follows. Nothing is
    proposed twice, under whatever name. Ends after ``search.trials`` different candidates, or when
    the sampler finds nothing new.
    """
    search = study.search
    assert search is not None
    fixed = fixed_answers(study)
    proposer: Proposer = _proposer(study, len(prior), price)
    known = _Known()
    group = [each for each in (replayed(study, answers) for answers in prior) if known.add(each)]
    while True:
        if group:
            yield group
            for each in group:
                proposer.tell(each, look(each.candidate))
        room = search.trials - len(known.labels)
        if room <= 0 or proposer.is_exhausted:
            return
        group = _new_group(proposer, known, fixed, min(size, room))
        if not group:
            return


def _proposer(study: Study, prior: int, price: Price | None) -> Proposer:
    assert study.search is not None
    return Front(study, price) if study.search.sampler == "front" else Asker(study, prior)


def _new_group(
    proposer: Proposer, known: _Known, fixed: list[Answers], size: int
) -> list[Proposal]:
    """New candidates, those to be tried first before others; fewer if none are found."""
    proposer.begin(len(known.labels))
    waiting = [each for each in fixed if not known.has(each)]
    group: list[Proposal] = []
    repeats = 0
    while len(group) < size and repeats < MAX_REPEATS:
        first = waiting.pop(0) if waiting else {}
        asked = proposer.ask(first, by_chance=repeats >= PATIENCE)
        if known.add(asked):
            group.append(asked)
        else:
            repeats += 1
    proposer.end()
    return group
