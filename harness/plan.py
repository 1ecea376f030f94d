"""Study -> trials: holes filled, options written out, every trial under its full key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, cast

from harness.architecture import KINDS, Architecture, Part
from harness.components import REGISTRIES
from harness.data.dataset import Dataset, datasets
from harness.holes import Range
from harness.keys import Written, joined, key_of, plain, written
from harness.ledger import Entry
from harness.measure.cost import COST_PROTOCOL
from harness.measure.latency import LATENCY_PROTOCOL
from harness.papers import Published
from harness.rungs import steps_of
from harness.scoring import Scoring, check_fit
from harness.source import source_digest
from harness.space import fillings, holes
from harness.study import Recipe, Study, Variants

TRAINING_PROTOCOL = 1
"""Raised when the same trial would be trained or scored differently."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to fill a study's holes: an architecture and a recipe, without a seed."""

    label: str
    factors: dict[str, str]
    architecture: Architecture
    recipe: Recipe
    baseline: bool = False

    @cached_property
    def resolved(self) -> dict[str, tuple[Part, Written]]:
        """Its parts with every option written out, and as keys have them."""
        return _resolved_parts(self.architecture)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One architecture, one recipe and one seed, ready to run and to be scored."""

    entry: Entry
    architecture: Architecture
    recipe: Recipe
    scoring: Scoring


def candidates(study: Study) -> Iterator[Candidate]:
    """Every candidate of a study that is not searched, in the order the user wrote.

    ValueError for a hole that cannot be enumerated, or for two candidates that are the same or
    would be called the same.
    """
    _refuse_ranges(study)
    space = study.space
    variants = space if isinstance(space, Variants) else Variants(items=(("", space),))
    seen: dict[tuple[Written, ...], str] = {}
    labels: set[str] = set()
    for name, architecture in variants.items:
        for answers, (filled, recipe) in fillings((architecture, study.recipe)):
            candidate = named_candidate(
                name, without_places(answers), filled, recipe, baseline=name == variants.baseline
            )
            identity = _identity(candidate)
            if identity in seen:
                raise ValueError(
                    f"candidates {seen[identity]!r} and {candidate.label!r} are the same network"
                )
            if candidate.label in labels:
                raise ValueError(f"two candidates are both called {candidate.label!r}")
            seen[identity] = candidate.label
            labels.add(candidate.label)
            yield candidate


def _identity(candidate: Candidate) -> tuple[Written, ...]:
    """What two candidates have in common only if their trials have; texts that others share."""
    texts = (text for _, text in candidate.resolved.values())
    return (*texts, _resolved_recipe(Same(candidate.recipe))[1])


def _refuse_ranges(study: Study) -> None:
    """A range has no last value, so only a search can fill it."""
    for path, hole in holes((study.space, study.recipe)).items():
        if isinstance(hole, Range):
            [name] = without_places({path: ""})
            raise ValueError(f"{name} is {hole}, which only search=Search(...) can fill")


def without_places(answers: dict[str, str]) -> dict[str, str]:
    """Answers by a path a user would write: an architecture's bare, a recipe's under its name."""
    places = {"[0].": "", "[1].": "recipe."}
    return {places[path[:4]] + path[4:]: value for path, value in answers.items()}


def named_candidate(
    name: str,
    factors: dict[str, str],
    architecture: Architecture,
    recipe: Recipe,
    *,
    baseline: bool = False,
) -> Candidate:
    """A candidate with the label that tables and charts show."""
    if name:
        change = {} if baseline else {"change": name}
        label = ", ".join([name, *(f"{k}={v}" for k, v in factors.items())])
        return Candidate(
            label=label,
            factors={**change, **factors},
            architecture=architecture,
            recipe=recipe,
            baseline=baseline,
        )
    if len(factors) == 1:
        label = next(iter(factors.values()))
    else:
        label = ", ".join(f"{k}={v}" for k, v in factors.items()) or "the only candidate"
    return Candidate(label=label, factors=factors, architecture=architecture, recipe=recipe)


def resolve(architecture: Architecture) -> Architecture:
    """The architecture with every option of every part written out.

    KeyError or TypeError for a part, an option or a value that is not known.
    """
    parts = _resolved_parts(architecture)
    return Architecture(**{kind: part for kind, (part, _) in parts.items()})


class Same:
    """A value that only counts as itself: 1 == True, but in a key they differ.

    Held while it is remembered, so that no other value can come to its place in memory.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value


class Spelt(Same):
    """A part that counts as any other that is spelt alike."""

    __slots__ = ("text",)

    def __init__(self, value: Part) -> None:
        super().__init__(value)
        self.text = repr(value)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spelt) and self.text == other.text


def _resolved_parts(architecture: Architecture) -> dict[str, tuple[Part, Written]]:
    """Each part with every option written out, and as keys have it."""
    return {
        kind: _same_part(kind, cast(Hashable, REGISTRIES[kind].get(part.name)), Same(part))
        for kind, part in architecture.parts().items()
    }


def _spelt(parts: dict[str, tuple[Part, Written]]) -> Written:
    """An architecture of resolved parts as keys have it."""
    return joined({kind: text for kind, (_, text) in parts.items()})


@lru_cache(maxsize=4096)
def _same_part(kind: str, registered: Hashable, part: Same) -> tuple[Part, Written]:
    """A part that is known by itself, which is quicker than by how it is spelt."""
    return _resolved_part(kind, registered, Spelt(part.value))


@lru_cache(maxsize=4096)
def _resolved_part(kind: str, registered: Hashable, spelt: Spelt) -> tuple[Part, Written]:
    """A part of a registered class with every option written out, and as keys have it."""
    part = REGISTRIES[kind].resolve(spelt.value)
    return part, written(part)


@lru_cache(maxsize=4096)
def _resolved_recipe(recipe: Same) -> tuple[Recipe, Written]:
    given: Recipe = recipe.value
    resolved = replace(given, dataset=datasets.resolve(given.dataset))
    return resolved, written(resolved)


def source_of(architecture: Architecture) -> str:
    """The digest of the code that an architecture's parts are made of."""
    parts = architecture.parts()
    classes: list[Any] = [REGISTRIES[kind].get(parts[kind].name) for kind in KINDS]
    return _digest(source_digest, *classes)


def digest_of(part: type) -> str:
    """The digest of the code of one part."""
    return _digest(source_digest, part)


@lru_cache(maxsize=4096)
def _digest(digest: Callable[..., str], *classes: Hashable) -> str:
    return digest(*classes)


def size_timed(study: Study, dataset: Dataset) -> tuple[int, int]:
    """The height and width at which a study counts and times: as scored, unless it says other."""
    return study.timing.size or study.scoring.size or dataset.size


def trials_of(
    study: Study, candidate: Candidate, dataset: Dataset, device: str, answers: dict[str, Any]
) -> list[Trial]:
    """The trials of one candidate, one a seed.

    ``device`` names what latency is timed on, since a latency belongs to its device. ValueError
    for a scoring that images of this size do not allow, or rungs that so few steps do not.
    """
    check_fit(study.scoring, dataset.size)
    resolved = candidate.resolved
    architecture = Architecture(**{kind: part for kind, (part, _) in resolved.items()})
    text = _spelt(resolved)
    recipe, recipe_text = _resolved_recipe(Same(candidate.recipe))
    network = {
        "architecture": text,
        "source": written(source_of(architecture)),
        "num_classes": len(dataset.label_map.classes),
        "size": _written(Same(size_timed(study, dataset))),
    }
    cost_key = key_of(what="cost", protocol=COST_PROTOCOL, **network)
    timing = _written(Same(study.timing))
    latency_key = key_of(
        what="latency", protocol=LATENCY_PROTOCOL, timing=timing, device=device, **network
    )
    learning = {
        "architecture": text,
        "source": network["source"],
        "recipe": recipe_text,
        "scoring": _written(Same(study.scoring)),
        "data": dataset.fingerprint(),
        "protocol": TRAINING_PROTOCOL,
    }
    if study.stopping:  # its rows have the accuracy at each
        steps_of(study.stopping, recipe.steps)
        learning["rungs"] = study.stopping.at
    parts = {kind: str(each) for kind, each in candidate.architecture.parts().items()}
    return [
        Trial(
            entry=Entry(
                key=key_of(seed=seed, **learning),
                cost_key=cost_key,
                latency_key=latency_key,
                candidate=candidate.label,
                factors=candidate.factors,
                seed=seed,
                baseline=candidate.baseline,
                parts=parts,
                answers=answers,
            ),
            architecture=architecture,
            recipe=recipe,
            scoring=study.scoring,
        )
        for seed in study.seeds
    ]


@lru_cache(maxsize=64)
def _written(value: Same) -> Written:
    return written(value.value)


def timed_together(
    trials: list[Trial], earlier: Mapping[str, str] = MappingProxyType({})
) -> list[Trial]:
    """The trials with latency keys that hold among themselves only.

    A machine may be ten times slower an hour later, so a latency is a comparison: when a study
    gains a candidate, all of them are timed again, which takes seconds. ``earlier`` maps the own
    keys of networks that a group before this one has timed to those they got, which they keep: a
    search tries one network with several recipes, and it has one latency.
    """
    group = sorted({each.entry.latency_key for each in trials} - earlier.keys())
    keys = {**earlier, **_keys_among(group)}
    return [
        replace(trial, entry=replace(trial.entry, latency_key=keys[trial.entry.latency_key]))
        for trial in trials
    ]


def _keys_among(group: list[str]) -> dict[str, str]:
    """For each of some sorted keys, ``key_of(own=each, among=group)``; the group is read once."""
    before, own, after = joined({"among": group, "own": ""}).rpartition('""')
    assert own, before
    hashed = sha256(before.encode())
    keys = {}
    for each in group:
        whole = hashed.copy()
        whole.update(f"{written(each)}{after}".encode())
        keys[each] = whole.hexdigest()
    return keys


def definition(study: Study) -> dict[str, Any]:
    """What a report needs to know of a study, as JSON has it."""
    budget = {name: bound for name, bound in plain(study.budget).items() if bound is not None}
    return {
        "name": study.name,
        "question": study.question,
        "objectives": dict(study.objectives),
        "budget": budget,
        "search": plain(study.search),
        "stopping": plain(study.stopping),
        "space": key_of(space=str(study.space), recipe=str(study.recipe)),
        "published": [_printed(each) for each in study.published],
    }


def _printed(row: Published) -> dict[str, Any]:
    """A paper's line without the IoU of its classes, which no report shows."""
    return {name: value for name, value in plain(row).items() if name != "iou"}
