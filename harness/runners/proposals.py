"""A search's proposals: candidates with the answers that make them, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from harness.architecture import KINDS, Architecture, Part
from harness.data.dataset import datasets
from harness.holes import Choice, Hole, Range
from harness.keys import key_of
from harness.names import unknown
from harness.plan import Candidate, named_candidate, resolve, without_places
from harness.space import fill, named
from harness.study import Study, Variants

Answers = dict[str, Any]
"""What fills each hole, by its path: the text of a choice's value, or the number of a range."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate: objective values in the study's order, or none; its excess.

    ``excess`` is how far it is over budget, zero or less for one that is within it. One that
    ``is_stopped`` was left off at a rung: it has no values, and is no failure.
    """

    values: tuple[float, ...] | None
    excess: float = 0.0
    is_stopped: bool = False


Look = Callable[[Candidate], Outcome]

Price = Callable[[Candidate], Mapping[str, float] | None]
"""What a candidate costs before training, by figure; None for one that cannot be built."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A candidate with the answers that make it, from which it can be made again."""

    candidate: Candidate
    answers: Answers

    @cached_property
    def key(self) -> str:
        """A key of what is trained, whatever it is called: two names for one network share it."""
        recipe = self.candidate.recipe
        return key_of(
            architecture=resolve(self.candidate.architecture),
            recipe=replace(recipe, dataset=datasets.resolve(recipe.dataset)),
        )


def proposal(study: Study, answer: Callable[[str, Hole], Any]) -> Proposal:
    """The candidate that some answers make; ``answer`` gives a choice's text or a number."""
    answers: Answers = {}
    values: dict[str, Any] = {}

    def ask(path: str, hole: Hole) -> Any:
        answers[path] = answer(path, hole)
        values[path] = value_of(hole, answers[path])
        return values[path]

    architecture, recipe = fill((study.space, study.recipe), ask)
    factors = without_places(named(values))
    candidate = named_candidate("", factors, architecture, recipe)
    return Proposal(candidate=candidate, answers=answers)


def replayed(study: Study, answers: Mapping[str, Any]) -> Proposal:
    """The proposal that was made by some answers."""
    return proposal(study, lambda path, hole: answers[path])


def texts(hole: Choice) -> list[str]:
    """What stands for a choice's values in answers: categories of Optuna are plain strings."""
    return [str(value) for value in hole.values]


def value_of(hole: Hole, answer: Any) -> Any:
    """The value that an answer stands for."""
    return hole.values[texts(hole).index(answer)] if isinstance(hole, Choice) else answer


def fixed_answers(study: Study) -> list[Answers]:
    """What a study's search is to try first, each as answers that may leave holes open.

    ValueError for an architecture that is not of the space, a hole that is not there, and a value
    that a hole cannot take.
    """
    assert study.search is not None and not isinstance(study.space, Variants)
    return [
        _of_architecture(study.space, each)
        if isinstance(each, Architecture)
        else _of_mapping(study, each)
        for each in study.search.enqueue
    ]


def _of_architecture(space: Architecture, given: Architecture) -> Answers:
    found: Answers = {}
    for kind in KINDS:
        wanted = getattr(given, kind)
        inside = _matched(getattr(space, kind), wanted, f"[0].{kind}")
        if inside is None:
            raise ValueError(
                f"search.enqueue: {kind} {wanted} is not in the study's space, "
                f"which has {getattr(space, kind)}"
            )
        found |= inside
    return found


def _matched(open_: Any, filled: Any, path: str) -> Answers | None:
    """The answers that make one tree of another with holes; None if none do."""
    if isinstance(open_, Choice):
        for value in open_.values:
            inside = _matched(value, filled, path)
            if inside is not None:
                return {path: str(value), **inside}
        return None
    if isinstance(open_, Range):
        return {path: filled} if _is_within(open_, filled) else None
    if isinstance(open_, Part) and isinstance(filled, Part):
        return _matched_part(open_, filled, path)
    return {} if open_ == filled else None


def _matched_part(open_: Part, filled: Part, path: str) -> Answers | None:
    given = dict(filled.options)
    if open_.name != filled.name or dict(open_.options).keys() != given.keys():
        return None
    found: Answers = {}
    for name, value in open_.options:
        inside = _matched(value, given[name], f"{path}.{open_.name}.{name}")
        if inside is None:
            return None
        found |= inside
    return found


def _is_within(hole: Range, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return hole.low <= value <= hole.high and not (hole.integer and value != int(value))


def _of_mapping(study: Study, given: Mapping[str, Any]) -> Answers:
    """Answers under the paths that users write, brought to a place of the space."""
    found: Answers = {}
    met: set[str] = set()

    def note(path: str, hole: Hole) -> Any:
        [name] = without_places({path: ""})
        met.add(name)
        if name in given:
            found[path] = _checked(name, hole, given[name])
            return value_of(hole, found[path])
        return hole.values[0] if isinstance(hole, Choice) else getattr(hole, "low", None)

    fill((study.space, study.recipe), note)
    for name in given:
        if name not in met:
            raise ValueError(f"search.enqueue: {unknown('hole', name, sorted(met))}")
    return found


def _checked(name: str, hole: Hole, value: Any) -> Any:
    if isinstance(hole, Choice):
        if str(value) in texts(hole):
            return str(value)
        # A part with open options may be meant by its bare name.
        bare = [t for t, v in zip(texts(hole), hole.values, strict=True)
                if isinstance(v, Part) and v.name == str(value)]  # fmt: skip
        if len(bare) == 1:
            return bare[0]
        raise ValueError(f"search.enqueue: {unknown(name, value, texts(hole))}")
    if isinstance(hole, Range) and not _is_within(hole, value):
        raise ValueError(f"search.enqueue: {name}={value!r} is not within {hole}")
    return value
