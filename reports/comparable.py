"""Says which trials may share a table of comparisons, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from reports.columns import Column, is_missing, protocol_of
from reports.trials import Trial, Trials


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A trial that was measured in another way than most, and in what it differs."""

    key: str
    candidate: str
    seed: int
    why: str


def left_out(trials: Trials, objectives: Iterable[str]) -> tuple[LeftOut, ...]:
    """The trials whose figures were not taken as those of the most common group were.

    Only the protocols of the study's objectives count: a study of accuracy and GMACs does not
    care on which device a latency was timed. Of two groups of one size, the first in the plan wins.
    """
    wanted = tuple(objectives)
    has = {key: np.isfinite(np.array(trials.column(key), float)).tolist() for key in wanted}
    usual = _usual(trials, wanted, has)
    columns = [column for column in usual if _varies(trials.column(column))]
    kinds = zip(*has.values(), *(trials.column(column) for column in columns), strict=True)
    whys: dict[tuple[Any, ...], str] = {}  # alike trials have one reason, and are many
    found = []
    for place, kind in enumerate(kinds):
        why, trial = whys.get(kind), trials[place]
        if why is None:
            why = whys[kind] = "; ".join(_why(c, trial, usual) for c in _odd(trial, wanted, usual))
        if why:
            key, candidate, seed = trial["key"], trial["candidate"], trial["seed"]
            found.append(LeftOut(key=key, candidate=candidate, seed=seed, why=why))
    return tuple(found)


def _varies(column: list[Any]) -> bool:
    return column.count(column[0]) < len(column) if column else False


def _usual(
    trials: Trials, wanted: tuple[str, ...], has: Mapping[str, Sequence[bool]]
) -> dict[str, Any]:
    """The values of all protocol columns that most trials share."""
    everything = [all(each) for each in zip(*has.values(), strict=True)]
    # Figure by figure would let two majorities meet that no trial is in both of.
    whole = any(everything)
    usual: dict[str, Any] = {}
    for keys in [wanted] if whole else [(key,) for key in wanted]:
        columns = [column.key for key in keys for column in protocol_of(key)]
        ways = zip(*(trials.column(each) for each in columns), strict=True)
        groups = Counter(compress(ways, everything if whole else has[keys[0]]))
        if groups:
            usual |= dict(zip(columns, groups.most_common(1)[0][0], strict=True))
    return usual


def _odd(trial: Trial, wanted: tuple[str, ...], usual: Mapping[str, Any]) -> list[Column]:
    measured = [key for key in wanted if not is_missing(trial.get(key))]
    columns = dict.fromkeys(column for key in measured for column in protocol_of(key))
    return [column for column in columns if trial.get(column.key) != usual.get(column.key)]


def _why(column: Column, trial: Trial, usual: Mapping[str, Any]) -> str:
    given, others = column.text(trial.get(column.key)), column.text(usual.get(column.key))
    return f"{column.label} is {given}, where most have {others}"
