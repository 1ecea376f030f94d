"""A study's plan as it grows, and its copy in the ledger; no group looks at all before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.ledger import Entry, Ledger, Row
from harness.plan import Trial


@dataclass
class GrowingPlan:
    """The trials of a study so far; a search adds to them thousands of times."""

    ledger: Ledger
    _entries: list[Entry] = field(default_factory=list)
    _by_candidate: dict[str, list[Entry]] = field(default_factory=dict)
    _examples: dict[tuple[str, str], Trial] = field(default_factory=dict)
    _num_written: int = 0

    def add(self, trials: Iterable[Trial]) -> None:
        """Adds the trials of a group."""
        for trial in trials:
            self._entries.append(trial.entry)
            self._by_candidate.setdefault(trial.entry.candidate, []).append(trial.entry)
            for kind, part in trial.architecture.parts().items():
                self._examples.setdefault((kind, part.name), trial)

    def of(self, candidate: str) -> list[Entry]:
        """The trials of a candidate, one a seed."""
        return self._by_candidate[candidate]

    def examples(self) -> list[Trial]:
        """Some trials in which every part is met that any of them has."""
        return list(self._examples.values())

    def write(self, record: Row) -> None:
        """Puts the plan, with its study's record, in the place of the one in the ledger."""
        self.ledger.put_study(record, self._entries)
        self._num_written = len(self._entries)

    def write_new(self, record: Row) -> None:
        """The same; but only what is new, if the rest is there as this driver has written it."""
        start = self._num_written
        if self.ledger.add_to_study(record, self._entries, after=start):
            self._num_written = len(self._entries)
        else:
            self.write(record)
