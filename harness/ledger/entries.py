"""The entries of a plan, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

Row = dict[str, Any]
Layers = tuple[Row, Row]
"""A trial's row in two: what it shares with others, and what it has of its own."""


class Rows(NamedTuple):
    """The rows of some entries of a plan, in layers, of which the later ones win.

    ``places`` are those of the entries that have a row. ``measured``, ``parts``, ``shared`` and
    ``own`` have as many rows each, and neighbours the same object where these are alike: who reads
    many rows need not look at each. The last two are the trial's.
    """

    places: list[int]
    measured: list[Row]
    parts: list[Row]
    shared: list[Row]
    own: list[Row]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One planned trial as the ledger keeps it: what it is called in its study, and its keys.

    ``rejected`` is the reason why its study will not train it. ``answers`` are a search's
    answers, from which its sampler is rebuilt.
    """

    key: str
    cost_key: str
    latency_key: str
    candidate: str
    factors: dict[str, str]
    seed: int
    baseline: bool = False
    parts: dict[str, str] = field(default_factory=dict)
    rejected: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)


def planned(study: str, plan: Sequence[Entry], start: int = 0) -> list[Row]:
    """The entries of a plan as the ledger keeps them, from a position on."""
    return [
        {"study": study, "position": i, "record": text_of(asdict(entry))}
        for i, entry in enumerate(plan, start)
    ]


def ended(entry: Entry, trials: Mapping[str, Layers]) -> Layers | None:
    """What is known of a planned trial that has ended or was rejected."""
    if entry.rejected:
        return {}, {"state": "rejected", "reason": entry.rejected}
    trial = trials.get(entry.key)
    # One that is paused is at a rung, to be judged.
    return None if trial is None or trial[1]["state"] in ("paused", "pending") else trial


def sharing(lines: Iterable[Row]) -> Iterator[Row]:
    """Lines that share with the one before what is the same: a plan may be long."""
    before: Row = {}
    for line in lines:
        for key, value in line.items():
            if key in before and before[key] == value:
                line[key] = before[key]
        yield line
        before = line


def text_of(record: Row) -> str:
    """A record as the ledger keeps it."""
    return json.dumps(record)
