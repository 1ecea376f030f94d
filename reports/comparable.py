"""Says which trials may share a table of comparisons, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.columns import Column, is_missing, protocol_of

Trial = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A trial that was measured in another way than most, and in what it differs."""

    key: str
    candidate: str
    seed: int
    why: str


def left_out(trials: Sequence[Trial], objectives: Iterable[str]) -> tuple[LeftOut, ...]:
    """The trials whose figures were not taken as those of the most common group were.

    Only the protocols of the study's objectives count: a study of accuracy and GMACs does not
    care on which device a latency was timed. Of two groups of one size, the first in the plan wins.
    """
    wanted = tuple(objectives)
    usual = _usual(trials, wanted)
    found = []
    for trial in trials:
        why = [_why(column, trial, usual) for column in _odd(trial, wanted, usual)]
        if why:
            found.append(
                LeftOut(
                    key=trial["key"],
                    candidate=trial["candidate"],
                    seed=trial["seed"],
                    why="; ".join(why),
                )
            )
    return tuple(found)


def _usual(trials: Sequence[Trial], wanted: tuple[str, ...]) -> dict[str, Any]:
    """The values of all protocol columns that most trials share."""
    # Figure by figure would let two majorities meet that no trial is in both of.
    whole = any(_has(trial, wanted) for trial in trials)
    usual: dict[str, Any] = {}
    for keys in [wanted] if whole else [(key,) for key in wanted]:
        columns = [column.key for key in keys for column in protocol_of(key)]
        groups = Counter(
            tuple(trial.get(c) for c in columns) for trial in trials if _has(trial, keys)
        )
        if groups:
            usual |= dict(zip(columns, groups.most_common(1)[0][0], strict=True))
    return usual


def _has(trial: Trial, keys: tuple[str, ...]) -> bool:
    return not any(is_missing(trial.get(key)) for key in keys)


def _odd(trial: Trial, wanted: tuple[str, ...], usual: Mapping[str, Any]) -> list[Column]:
    measured = [key for key in wanted if _has(trial, (key,))]
    columns = dict.fromkeys(column for key in measured for column in protocol_of(key))
    return [column for column in columns if trial.get(column.key) != usual.get(column.key)]


def _why(column: Column, trial: Trial, usual: Mapping[str, Any]) -> str:
    given, others = column.text(trial.get(column.key)), column.text(usual.get(column.key))
    return f"{column.label} is {given}, where most have {others}"
