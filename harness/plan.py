"""Study -> trials: holes filled, options written out, every trial under its full key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness.architecture import KINDS, Architecture
from harness.components import REGISTRIES
from harness.data.dataset import Dataset, datasets
from harness.holes import Range
from harness.keys import key_of, plain
from harness.ledger import Entry
from harness.measure.cost import COST_PROTOCOL
from harness.measure.latency import LATENCY_PROTOCOL
from harness.papers import Published
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
    seen: dict[str, str] = {}
    for name, architecture in variants.items:
        for answers, (filled, recipe) in fillings((architecture, study.recipe)):
            candidate = named_candidate(
                name, without_places(answers), filled, recipe, baseline=name == variants.baseline
            )
            identity = key_of(architecture=resolve(filled), recipe=_resolved_recipe(recipe))
            if identity in seen:
                raise ValueError(
                    f"candidates {seen[identity]!r} and {candidate.label!r} are the same network"
                )
            if candidate.label in seen.values():
                raise ValueError(f"two candidates are both called {candidate.label!r}")
            seen[identity] = candidate.label
            yield candidate


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
    parts = architecture.parts()
    return replace(architecture, **{k: REGISTRIES[k].resolve(parts[k]) for k in KINDS})


def _resolved_recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, dataset=datasets.resolve(recipe.dataset))


def source_of(architecture: Architecture) -> str:
    """The digest of the code that an architecture's parts are made of."""
    parts = architecture.parts()
    return source_digest(*(REGISTRIES[kind].get(parts[kind].name) for kind in KINDS))


def size_timed(study: Study, dataset: Dataset) -> tuple[int, int]:
    """The height and width at which a study counts and times: as scored, unless it says other."""
    return study.timing.size or study.scoring.size or dataset.size


def trials_of(
    study: Study, candidate: Candidate, dataset: Dataset, device: str, answers: dict[str, Any]
) -> list[Trial]:
    """The trials of one candidate, one a seed.

    ``device`` names what latency is timed on, since a latency belongs to its device. ValueError
    for a scoring that images of this size do not allow.
    """
    check_fit(study.scoring, dataset.size)
    architecture = resolve(candidate.architecture)
    recipe = _resolved_recipe(candidate.recipe)
    network = {
        "architecture": architecture,
        "source": source_of(architecture),
        "num_classes": len(dataset.label_map.classes),
        "size": size_timed(study, dataset),
    }
    cost_key = key_of(what="cost", protocol=COST_PROTOCOL, **network)
    latency_key = key_of(
        what="latency", protocol=LATENCY_PROTOCOL, timing=study.timing, device=device, **network
    )
    learning = {
        "architecture": architecture,
        "source": network["source"],
        "recipe": recipe,
        "scoring": study.scoring,
        "data": dataset.fingerprint(),
        "protocol": TRAINING_PROTOCOL,
    }
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
                parts={k: str(each) for k, each in candidate.architecture.parts().items()},
                answers=answers,
            ),
            architecture=architecture,
            recipe=recipe,
            scoring=study.scoring,
        )
        for seed in study.seeds
    ]


def timed_together(trials: list[Trial]) -> list[Trial]:
    """The trials with latency keys that hold among themselves only.

    A machine may be ten times slower an hour later, so a latency is a comparison: when a study
    gains a candidate, all of them are timed again, which takes seconds.
    """
    group = sorted({trial.entry.latency_key for trial in trials})
    return [
        replace(
            trial,
            entry=replace(
                trial.entry, latency_key=key_of(own=trial.entry.latency_key, among=group)
            ),
        )
        for trial in trials
    ]


def definition(study: Study) -> dict[str, Any]:
    """What a report needs to know of a study, as JSON has it."""
    budget = {name: bound for name, bound in plain(study.budget).items() if bound is not None}
    return {
        "name": study.name,
        "question": study.question,
        "objectives": dict(study.objectives),
        "budget": budget,
        "search": plain(study.search),
        "space": key_of(space=str(study.space), recipe=str(study.recipe)),
        "published": [_printed(each) for each in study.published],
    }


def _printed(row: Published) -> dict[str, Any]:
    """A paper's line without the IoU of its classes, which no report shows."""
    return {name: value for name, value in plain(row).items() if name != "iou"}
