"""The first trials of a run are its canaries: when all fail alike, the rest would fail too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.ledger import Entry

ENOUGH = 2
"""How many trials must have failed alike: one may have had bad luck."""

OWN = ("FloatingPointError", "out of memory", "its worker process died")
"""How reasons begin that lie in one candidate rather than in what all share."""


@dataclass
class Canary:
    """What a run has seen of failures, as long as nothing else has been seen."""

    reason: str = ""
    _failed: list[Entry] = field(default_factory=list)
    _is_over: bool = False

    @property
    def is_sick(self) -> bool:
        """Whether all trials that ended failed alike, and enough of them."""
        return not self._is_over and len(self._failed) >= ENOUGH

    def note(self, entry: Entry, row: Mapping[str, Any]) -> None:
        """Notes how a trial of the run ended."""
        reason = str(row.get("reason"))
        is_shared = row["state"] == "failed" and not reason.startswith(OWN)
        if not is_shared or (self.reason and _kind(reason) != _kind(self.reason)):
            self._is_over = True
            return
        self.reason = self.reason or reason
        self._failed.append(entry)

    def is_shared(self, left: Sequence[Entry], *, more: bool) -> bool:
        """Whether what is left has all that the failed ones have in common.

        ``more`` says that a search may yet propose others, which only share what does not vary.
        """
        if not self.is_sick or not (left or more):
            return False
        common = set.intersection(*(set(each.factors.items()) for each in self._failed))
        return not (more and common) and all(common <= set(each.factors.items()) for each in left)


def _kind(reason: str) -> str:
    """A reason without its numbers, such as that of a step."""
    return re.sub(r"\d[\d.e+-]*", "#", reason)
