"""Why results that a ledger holds answer a study no longer: what of their keys has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.architecture import KINDS, Architecture, Part
from harness.components import REGISTRIES
from harness.data.dataset import Dataset
from harness.keys import plain
from harness.ledger import Entry, Ledger, Row
from harness.plan import TRAINING_PROTOCOL, Trial, digest_of
from harness.study import Study

UNTOLD = "the source of a part, the data or the scoring changed; its plan did not keep which"
LEFT_OUT = "no longer in the study"
TOGETHER = "the candidates that are timed together changed"


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A trial with a row that its study does not ask for any more, and why."""

    candidate: str
    seed: int
    why: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Staleness:
    """What an earlier run of a study left that does not answer it now.

    ``latencies`` says why candidates that were timed are timed again; empty if none is.
    """

    trials: tuple[Stale, ...] = ()
    latencies: tuple[str, ...] = ()


def made_of(
    study: Study, trials: Iterable[Trial], opened: Mapping[Part, Dataset], device: str
) -> Row:
    """What went into the keys of a plan and is not in rows, for a later run to compare with."""
    return {
        "protocol": TRAINING_PROTOCOL,
        "scoring": plain(study.scoring),
        "rungs": {"at": plain(study.stopping and study.stopping.at)},
        "timing": plain(study.timing),
        "device": device,
        "data": {str(part): dataset.fingerprint() for part, dataset in opened.items()},
        "sources": _sources({trial.architecture for trial in trials}),
    }


def _sources(architectures: Iterable[Architecture]) -> dict[str, str]:
    """The digest of the code of each part by its kind and name."""
    named = {(kind, part.name) for each in architectures for kind, part in each.parts().items()}
    return {f"{k} {name!r}": digest_of(REGISTRIES[k].get(name)) for k, name in sorted(named)}


def staleness(
    study: Study,
    trials: list[Trial],
    ledger: Ledger,
    opened: Mapping[Part, Dataset],
    device: str = "",
) -> Staleness:
    """Compares a new plan with that of the last run of a study of this name.

    ``device`` is what latency is timed on now; empty if that is not known.
    """
    before = ledger.studies().get(study.name)
    if before is None:
        return Staleness()
    wanted = {trial.entry.key for trial in trials}
    old = ledger.plan(study.name)
    rows = ledger.trials(entry.key for entry in old if entry.key not in wanted)
    named = {(trial.entry.candidate, trial.entry.seed): trial for trial in trials}
    now = made_of(study, trials, opened, device)
    then = before.get("made_of")
    found = []
    for entry in old:
        row = rows.get(entry.key, {})
        if row.get("state") == "done":
            why = _why(row, named.get((entry.candidate, entry.seed)), then, now)
            found.append(Stale(candidate=entry.candidate, seed=entry.seed, why=why))
    return Staleness(
        trials=tuple(found), latencies=_why_timed_again(old, trials, ledger, then, now)
    )


def _why(row: Row, trial: Trial | None, then: Row | None, now: Row) -> tuple[str, ...]:
    """What differs between a row's key and that of the trial that has its name now."""
    if trial is None:
        return (LEFT_OUT,)
    why = [*_changed_parts(row["architecture"], trial.architecture)]
    why += changes("recipe's", row["recipe"], plain(trial.recipe))
    if then is not None:
        why += _changed_around(then, now, trial)
    return tuple(why) or (UNTOLD,)


def _changed_parts(before: Mapping[str, Any], architecture: Architecture) -> list[str]:
    why: list[str] = []
    for kind, part in architecture.parts().items():
        old = _part(before[kind])
        if old["name"] != part.name:
            why.append(f"{kind} was {old['name']!r} and is {part.name!r}")
        else:
            why += changes(f"{kind} {part.name!r}'s", old["options"], plain(part)["options"])
    return why


def _part(stored: Any) -> dict[str, Any]:
    """A part from a row, whose options are pairs there."""
    options = stored["options"]
    return {"name": stored["name"], "options": plain(dict(options))}


def changes(owner: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Says of each value by name what it was and what it is."""
    found = []
    for name in dict.fromkeys([*before, *now]):
        old, new = _comparable(before.get(name)), _comparable(now.get(name))
        if old != new:
            found.append(f"the {owner} {name} was {_shown(old)} and is {_shown(new)}")
    return found


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"name", "options"}:
        return _part(value)
    return plain(value)


def _shown(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"name", "options"}:
        return str(Part(value["name"], **value["options"]))
    return str(value)


def _changed_around(then: Row, now: Row, trial: Trial) -> list[str]:
    """What changed of that which all trials of a plan share: sources, data, scoring, protocol."""
    why = []
    for kind in KINDS:
        name = f"{kind} {trial.architecture.parts()[kind].name!r}"
        if then["sources"].get(name, now["sources"][name]) != now["sources"][name]:
            why.append(f"the source of {name} changed")
    data = str(trial.recipe.dataset)
    if then["data"].get(data, now["data"][data]) != now["data"][data]:
        why.append(f"the images or masks of {trial.recipe.dataset.name} changed")
    why += changes("scoring's", then["scoring"], now["scoring"])
    why += changes("stopping's", then.get("rungs", {}), now["rungs"])
    if then["protocol"] != now["protocol"]:
        why.append("this version of twopath trains or scores in another way")
    return why


def _why_timed_again(
    old: list[Entry], trials: list[Trial], ledger: Ledger, then: Row | None, now: Row
) -> tuple[str, ...]:
    """Why latencies that were measured do not hold for the plan now; empty if they do."""
    if not now["device"]:
        return ()
    wanted = {trial.entry.latency_key for trial in trials}
    gone = {entry.latency_key for entry in old} - wanted
    if not gone or not ledger.measurements(gone):
        return ()
    why = [] if then is None else changes("timing's", then["timing"], now["timing"])
    if then is not None and then["device"] != now["device"]:
        why.append(f"they were timed on {then['device']}, this is {now['device']}")
    if then is not None:
        why += [
            f"the source of {name} changed"
            for name, digest in now["sources"].items()
            if then["sources"].get(name, digest) != digest
        ]
    labels = {entry.candidate for entry in old}, {trial.entry.candidate for trial in trials}
    if labels[0] != labels[1]:
        why.append(TOGETHER)
    return tuple(why) or (TOGETHER,)


def stale_lines(found: Staleness) -> list[str]:
    """A line for each reason, with how many trials it makes stale; the most common first."""
    counted: dict[tuple[str, ...], list[Stale]] = {}
    for each in found.trials:
        counted.setdefault(each.why, []).append(each)
    lines = []
    for why, group in sorted(counted.items(), key=lambda each: -len(each[1])):
        names = list(dict.fromkeys(each.candidate for each in group))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        trials = f"{len(group)} trial{'s' * (len(group) > 1)}"
        lines.append(f"stale: {trials} of {shown}: {'; '.join(why)}")
    if found.latencies:
        lines.append(f"timed again: {'; '.join(found.latencies)}")
    return lines
