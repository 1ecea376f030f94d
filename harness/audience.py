"""Who is told how a session fares."""

from __future__ import annotations

from typing import Protocol

from harness.ledger import Entry
from harness.trial import Event, Row


class Audience(Protocol):
    """What a session says of itself while it runs; every call returns at once."""

    def phase(self, text: str) -> None:
        """Says what is being done before trials start."""

    def planned(self, rows: list[Entry], cached: int) -> None:
        """Says which trials were added to the plan, and how many of them have a row."""

    def started(self, entry: Entry) -> None:
        """Says that a trial has begun."""

    def event(self, event: Event) -> None:
        """Says how a running trial fares."""

    def paused(self, entry: Entry, row: Row) -> None:
        """Says that a trial waits at a rung to be judged."""

    def finished(self, entry: Entry, row: Row) -> None:
        """Says that a trial has ended."""
