"""Runs the winner of a study again on seeds that the study never used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.ledger import Entry
from harness.names import unknown
from harness.opening import confirmation_name
from harness.plan import Candidate, candidates
from harness.runners.proposals import replayed
from harness.study import Rungs, Study, Variants


def fresh_seeds(used: Iterable[int], num: int) -> tuple[int, ...]:
    """So many seeds above all that were used: more of them later begin with the same."""
    first = max(used, default=-1) + 1
    return tuple(range(first, first + num))


def confirmation_of(
    study: Study, plan: Sequence[Entry], wanted: Sequence[str], num_seeds: int
) -> Study:
    """The study that trains some candidates again, and the baseline beside them, on fresh seeds.

    KeyError for a candidate that is not in the plan; ValueError for one that the study no longer
    makes, or for several with different recipes.
    """
    known = {entry.candidate: entry for entry in plan}
    for name in wanted:
        if name not in known:
            raise KeyError(unknown("candidate", name, known))
    baseline = next((name for name, entry in known.items() if entry.baseline), "")
    names = dict.fromkeys([*wanted, *([baseline] if baseline else [])])
    found = made_again(study, [known[name] for name in names])
    if len({each.recipe for each in found}) != 1:
        raise ValueError(
            f"{', '.join(names)} have different recipes; confirm them one at a time, as the "
            "candidate given last is what the report shows"
        )
    return replace(
        study,
        name=confirmation_name(study.name),
        space=Variants(
            items=tuple((each.label, each.architecture) for each in found), baseline=baseline
        ),
        recipe=found[0].recipe,
        seeds=fresh_seeds((entry.seed for entry in plan), num_seeds),
        search=None,
        stopping=study.stopping and replace(study.stopping, keep="all", reduction=Rungs.reduction),
        published=(),
    )


def made_again(study: Study, entries: Sequence[Entry]) -> list[Candidate]:
    """The candidates of some planned trials, from a search's answers or by enumeration.

    ValueError for one that the study no longer makes.
    """
    listed = {}
    if not all(entry.answers for entry in entries):
        listed = {each.label: each for each in candidates(replace(study, search=None))}
    found = []
    for entry in entries:
        each = replayed(study, entry.answers).candidate if entry.answers else None
        each = each or listed.get(entry.candidate)
        if each is None or each.label != entry.candidate:
            raise ValueError(
                f"study {study.name!r} no longer makes candidate {entry.candidate!r}: run it again"
            )
        found.append(each)
    return found
