"""Says which trials may share a table of comparisons, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    has = {key: np.isfinite(np.array(trials.column(key), float)) for key in wanted}
    named = dict.fromkeys(column.key for key in wanted for column in protocol_of(key))
    varied = {key: trials.column(key) for key in named if _varies(trials.column(key))}
    usual = _usual(trials, has, varied)
    kinds = zip(*(each.tolist() for each in has.values()), *varied.values(), strict=True)
    whys: dict[tuple[Any, ...], str] = {}  # alike trials have one reason, and are many
    found = []
    for place, kind in enumerate(kinds):
        why = whys.get(kind)
        if why is None:
            odd = _odd(trials[place], wanted, usual)
            why = whys[kind] = "; ".join(_why(column, trials[place], usual) for column in odd)
        if why:
            key, candidate, seed = (trials[place][name] for name in ("key", "candidate", "seed"))
            found.append(LeftOut(key=key, candidate=candidate, seed=seed, why=why))
    return tuple(found)


def _varies(column: list[Any]) -> bool:
    return column.count(column[0]) < len(column) if column else False


def _usual(
    trials: Trials, has: Mapping[str, NDArray[np.bool_]], varied: Mapping[str, list[Any]]
) -> dict[str, Any]:
    """The values of all protocol columns that most trials share; few are ``varied``."""
    everything = np.logical_and.reduce(list(has.values()))
    # Figure by figure would let two majorities meet that no trial is in both of.
    whole = bool(everything.any())
    usual: dict[str, Any] = {}
    for keys in [tuple(has)] if whole else [(key,) for key in has]:
        names = dict.fromkeys(column.key for key in keys for column in protocol_of(key))
        # What is alike in all trials makes no groups.
        told = [name for name in names if name in varied]
        ways = zip(range(len(trials)), *(varied[name] for name in told), strict=True)
        among = compress(ways, (everything if whole else has[keys[0]]).tolist())
        groups = Counter(way[1:] for way in among)
        if groups:
            usual |= {name: trials.column(name)[0] for name in names}
            usual |= dict(zip(told, groups.most_common(1)[0][0], strict=True))
    return usual


def _odd(trial: Trial, wanted: tuple[str, ...], usual: Mapping[str, Any]) -> list[Column]:
    measured = [key for key in wanted if not is_missing(trial.get(key))]
    columns = dict.fromkeys(column for key in measured for column in protocol_of(key))
    return [column for column in columns if trial.get(column.key) != usual.get(column.key)]


def _why(column: Column, trial: Trial, usual: Mapping[str, Any]) -> str:
    given, others = column.text(trial.get(column.key)), column.text(usual.get(column.key))
    return f"{column.label} is {given}, where most have {others}"
