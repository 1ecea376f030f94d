"""How far a study has come, and whether a run that is alive works at it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from harness.drivers import BEAT_S, is_gone, is_here
from harness.ledger.ledger import Ledger

State = Literal["complete", "running", "silent", "stopped"]

HEARD_S = 1.5 * BEAT_S
"""How long a driver on another machine is listened to: in that time a living one is heard."""

LOOK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A study's trials by state, and the drivers that hold some of them, with their beats.

    ``present`` are drivers that are at the study, also while they only measure its candidates.

    ``wanted`` is how many candidates its search will propose, None without a search. ``mark`` is
    another text whenever a trial was planned, or its state is another.
    """

    num: dict[str, int]
    num_candidates: int
    wanted: int | None
    holders: dict[str, int]
    mark: str
    present: dict[str, int] = field(default_factory=dict)

    @property
    def drivers(self) -> dict[str, int]:
        """Whoever may be at work, with their beats."""
        return {**self.present, **self.holders}

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
        """Whether all is in; else whether a run is at it that has not ended for certain.

        One on another machine may have: see ``heard``.
        """
        more = self.wanted is not None and self.num_candidates < self.wanted
        if more or self.num.get("pending") or not self.num:
            return "stopped" if all(map(is_gone, self.drivers)) else "running"
        # Nobody waits for one on another machine that may have ended without a word.
        return "running" if any(map(is_here, self.present)) else "complete"


def progress(ledger: Ledger, name: str) -> Progress:
    """How far a study has come; KeyError with the nearest known name."""
    definition, found = ledger.definition(name), ledger.tally(name)
    search = definition.get("search") or {}
    return Progress(
        num=found.num,
        num_candidates=found.num_candidates,
        wanted=search.get("trials"),
        holders=ledger.holders(name),
        present=ledger.present(name),
        mark=hashlib.sha256(repr((definition, found.mark)).encode()).hexdigest(),
    )


def heard(
    ledger: Ledger, name: str, found: Progress, sleep: Callable[[float], object] = time.sleep
) -> State:
    """The state of a study after its drivers on other machines were listened to.

    ``silent`` where none of them gave a sign of life in ``HEARD_S`` seconds.
    """
    if found.state != "running" or any(map(is_here, found.drivers)):
        return found.state
    until = time.monotonic() + HEARD_S
    while time.monotonic() < until:
        now = progress(ledger, name)
        has_risen = any(beat > found.drivers.get(owner, 0) for owner, beat in now.drivers.items())
        if has_risen or now.state != "running":
            return now.state
        sleep(LOOK_S)
    return "silent"
