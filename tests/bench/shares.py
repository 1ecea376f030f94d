"""How often intervals hold the truth, from the raw samples of many sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import naive
import numpy as np
from burner import LOADED, QUIET
from known import COPY, NETWORK, SLOWER, clocked, truth
from scipy import stats

from harness.measure.estimate import Burst, ratio, round_values

Record = dict[str, Any]
Session = Mapping[str, Any]
Interval = tuple[float, float]

ROUNDS, ALIKE = "rounds (ours)", "our samples, taken for independent"
T, MEDIANS = "block after block, t", "block after block, medians"

WITHIN_S = 60.0
"""A true difference of 3 % is to be found in so many seconds."""


def bursts_of(session: Session, arm: str) -> list[Burst]:
    """The bursts of an arm, from a session's raw record."""
    names = "arm", "round", "place", "start_ns", "samples_ns"
    rows = (dict(zip(names, each, strict=True)) for each in session["bursts"] if each[0] == arm)
    return [Burst(figure="t_e2e", **row) for row in rows]


def _rounds(session: Session, arm: str) -> Interval:
    values = (round_values(bursts_of(session, each)) for each in (arm, NETWORK))
    found = ratio(*values)
    return found.low or 0.0, found.high or float("inf")


def _alike(session: Session, arm: str) -> Interval:
    first, second = (
        np.concatenate([each.samples_ns for each in bursts_of(session, name)])
        for name in (arm, NETWORK)
    )
    return naive.of_means(first, second)


METHODS: Mapping[str, Callable[[Session, str], Interval]] = {
    ROUNDS: _rounds,
    ALIKE: _alike,
    T: lambda session, arm: naive.of_means(session["blocks"][arm], session["blocks"][NETWORK]),
    MEDIANS: lambda session, arm: naive.of_medians(
        session["blocks"][arm], session["blocks"][NETWORK]
    ),
}
"""How an arm's time over the network's is judged."""


def judged(sessions: Sequence[Session]) -> Record:
    """All figures of a study: the truth, then by condition what was seen and each method's."""
    witnessed = [each["witness"] for each in sessions]
    known = {name: clocked(witnessed, name) for name in (COPY, SLOWER)}
    found: Record = {
        "truth": truth(witnessed),
        "by_cpu_clock": {
            name: {"value": each.value, "low": each.low, "high": each.high}
            for name, each in known.items()
        },
        "conditions": {},
    }
    for condition in (QUIET, LOADED):
        here = [each for each in sessions if each["condition"] == condition]
        if here:
            found["conditions"][condition] = _condition(here, found["truth"])
    return found


def _condition(sessions: Sequence[Session], slower: float) -> Record:
    return {
        "machine": {
            name: spread(each["machine"][name] for each in sessions)
            for name in ("others_cores", "pressure_percent", "stolen_percent")
        },
        "seconds": spread(each["seconds"] for each in sessions),
        "rounds": spread(len(bursts_of(each, NETWORK)) / 2 for each in sessions),
        "ended": dict(Counter(each["ended"] for each in sessions)),
        "twin_alarm": share(each["twin"] != "not distinguishable" for each in sessions),
        "methods": {name: _method(sessions, each, slower) for name, each in METHODS.items()},
        "found_in_time": share(_is_found_in_time(each) for each in sessions),
    }


def _is_found_in_time(session: Session) -> bool:
    return _rounds(session, SLOWER)[0] > 1 and session["seconds"] <= WITHIN_S


def _method(
    sessions: Sequence[Session], method: Callable[[Session, str], Interval], slower: float
) -> Record:
    same = [method(each, COPY) for each in sessions]
    more = [method(each, SLOWER) for each in sessions]
    holds_same, holds_more = [_holds(each, 1.0) for each in same], [_holds(e, slower) for e in more]
    return {
        "holds": share(holds_same + holds_more),
        "holds_same": share(holds_same),
        "holds_slower": share(holds_more),
        "false_different": share(not each for each in holds_same),
        "finds_slower": share(low > 1 for low, _ in more),
        "half_width": spread((high - low) / 2 for low, high in (*same, *more)),
    }


def _holds(interval: Interval, value: float) -> bool:
    return interval[0] <= value <= interval[1]


def share(told: Iterable[bool]) -> Record:
    """How many of how many, and the exact binomial interval of the share."""
    all_told = list(told)
    ends = stats.binomtest(sum(all_told), len(all_told)).proportion_ci(method="exact")
    return {
        "count": int(sum(all_told)),
        "of": len(all_told),
        "share": sum(all_told) / len(all_told),
        "low": float(ends.low),
        "high": float(ends.high),
    }


def spread(values: Iterable[float | None]) -> Record | None:
    """Median, least and most; None where nothing is known."""
    known = [each for each in values if each is not None]
    if not known:
        return None
    return {"median": float(np.median(known)), "least": min(known), "most": max(known)}
