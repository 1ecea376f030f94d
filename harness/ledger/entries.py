"""The entries of a plan, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]


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


def ended(entry: Entry, trials: Mapping[str, Row]) -> Row | None:
    """What is known of a planned trial that has ended or was rejected."""
    if entry.rejected:
        return {"state": "rejected", "reason": entry.rejected}
    trial = trials.get(entry.key)
    # One that is paused is at a rung, to be judged.
    return None if trial is None or trial["state"] in ("paused", "pending") else trial


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
