"""How far a study has come, as cheaply as a ledger can say it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from harness.ledger.ledger import ASKED, Ledger

State = Literal["complete", "running", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A study's trials by state, and whether a run holds one of them.

    ``wanted`` is how many candidates its search will propose, None without a search. ``mark`` is
    another text whenever the plan or the state of a trial is another.
    """

    num: dict[str, int]
    num_candidates: int
    wanted: int | None
    is_claimed: bool
    mark: str

    @property
    def num_planned(self) -> int:
        """How many trials are planned so far."""
        return sum(self.num.values())

    @property
    def num_ended(self) -> int:
        """How many need nothing more: done, failed or over budget."""
        return self.num_planned - self.num.get("pending", 0)

    @property
    def state(self) -> State:
        """Whether all is in; else whether a run is at it. One that was killed looks alive."""
        if self.is_claimed:
            return "running"
        more = self.wanted is not None and self.num_candidates < self.wanted
        return "stopped" if more or self.num.get("pending") or not self.num else "complete"


def progress(ledger: Ledger, name: str) -> Progress:
    """How far a study has come; KeyError with the nearest known name."""
    definition, plan = ledger.definition(name), ledger.plan(name)
    keys = [entry.key for entry in plan]
    states = ledger.states(keys)
    own = [("rejected" if e.rejected else states.get(e.key, "pending")) for e in plan]
    pending = [e.key for e, state in zip(plan, own, strict=True) if state == "pending"]
    parts = (pending[start : start + ASKED] for start in range(0, len(pending), ASKED))
    search = definition.get("search") or {}
    return Progress(
        num=dict(Counter(own)),
        num_candidates=len({entry.candidate for entry in plan}),
        wanted=search.get("trials"),
        is_claimed=any(each.owner for part in parts for each in ledger.claims(part).values()),
        mark=hashlib.sha256(repr((definition, plan, own)).encode()).hexdigest(),
    )
