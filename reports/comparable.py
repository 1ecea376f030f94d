"""Says which trials may share a table of comparisons, and why the others may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import Any

import numpy as np

from reports.columns import Column, is_missing, protocol_of
from reports.trials import Trial, Trials


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A trial that was measured in another way than those compared, and in what it differs."""

    key: str
    candidate: str
    seed: int
    why: str


class Ways:
    """In which ways trials were measured; each protocol is looked through once.

    Two trials have the same way if its number, the place of the first that was measured so, is.
    """

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self._has: dict[str, list[bool]] = {}
        self._ways: dict[tuple[Column, ...], list[int]] = {}

    def has(self, key: str) -> list[bool]:
        """Which trials have a figure."""
        if key not in self._has:
            self._has[key] = np.isfinite(np.array(self.trials.column(key), float)).tolist()
        return self._has[key]

    def of(self, protocol: tuple[Column, ...]) -> list[int]:
        """The ways of the trials by one protocol."""
        if protocol not in self._ways:
            columns = (self.trials.column(column.key) for column in protocol)
            # What is alike in all trials makes no groups.
            self._ways[protocol] = _firsts([each for each in columns if _varies(each)], self.trials)
        return self._ways[protocol]


def left_out(
    trials: Trials, objectives: Iterable[str], ways: Ways | None = None
) -> tuple[LeftOut, ...]:
    """The trials whose figures were not taken as those of the most common group were.

    Only the protocols of the study's objectives count: a study of accuracy and GMACs does not
    care on which device a latency was timed. Of two groups of one size, the first in the plan wins.
    ``ways`` are those of the trials, if they are known.
    """
    wanted, ways = tuple(objectives), ways or Ways(trials)
    protocols = list(dict.fromkeys(map(protocol_of, wanted)))
    kinds = _firsts([*map(ways.has, wanted), *map(ways.of, protocols)], trials)
    usual = _usual(Counter(kinds), wanted, ways)
    columns, whys = trials.columns, {}  # alike trials have one reason, and are many
    for kind in set(kinds):
        first = Trial(columns, kind)
        if odd := _odd(first, wanted, usual):
            whys[kind] = "; ".join(_why(column, first, usual) for column in odd)
    named = (trials.column(key) for key in ("key", "candidate", "seed"))
    lines = compress(zip(kinds, *named, strict=True), map(whys.__contains__, kinds))
    return tuple(LeftOut(key=k, candidate=c, seed=s, why=whys[kind]) for kind, k, c, s in lines)


def _firsts(columns: Sequence[Sequence[Any]], trials: Trials) -> list[int]:
    """For each trial the place of the first that is like it in some columns."""
    if not columns:
        return [0] * len(trials)
    known: dict[tuple[Any, ...], int] = {}
    return list(map(known.setdefault, zip(*columns, strict=True), count()))


def _varies(column: list[Any]) -> bool:
    return column.count(column[0]) < len(column) if column else False


def _usual(nums: Mapping[int, int], wanted: tuple[str, ...], ways: Ways) -> dict[str, Any]:
    """The values of all protocol columns that most trials share.

    ``nums`` says of how many trials each kind is, by the place of its first.
    """
    whole = [kind for kind in nums if all(ways.has(key)[kind] for key in wanted)]
    usual: dict[str, Any] = {}
    # Figure by figure would let two majorities meet that no trial is in both of.
    for keys in [wanted] if whole else [(key,) for key in wanted]:
        protocols = list(dict.fromkeys(map(protocol_of, keys)))
        groups: Counter[tuple[int, ...]] = Counter()
        for kind in whole or (kind for kind in nums if ways.has(keys[0])[kind]):
            groups[tuple(ways.of(each)[kind] for each in protocols)] += nums[kind]
        if groups:
            ((firsts, _),) = groups.most_common(1)
            for protocol, first in zip(protocols, firsts, strict=True):
                usual |= {column.key: ways.trials.column(column.key)[first] for column in protocol}
    return usual


def _odd(trial: Trial, wanted: tuple[str, ...], usual: Mapping[str, Any]) -> list[Column]:
    measured = [key for key in wanted if not is_missing(trial.get(key))]
    columns = dict.fromkeys(column for key in measured for column in protocol_of(key))
    return [column for column in columns if trial.get(column.key) != usual.get(column.key)]


def _why(column: Column, trial: Trial, usual: Mapping[str, Any]) -> str:
    given, others = column.text(trial.get(column.key)), column.text(usual.get(column.key))
    return f"{column.label} is {given}, where those compared have {others}"
