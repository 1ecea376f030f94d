"""The contract of a runner: it takes jobs from a source and gives rows back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from harness.trial import Event, Job, Row


class Source(Protocol):
    """Where a runner's jobs come from and its rows go to. Called from one thread only."""

    def take(self) -> Job | None:
        """The next job; None while those in flight must end first, or when none is left."""

    def is_ready(self) -> bool:
        """Whether there is a next job for which nothing need be measured first."""

    def started(self, job: Job) -> None:
        """Says that a job has begun."""

    def event(self, event: Event) -> None:
        """Says how a running job fares."""

    def finish(self, job: Job, row: Row) -> None:
        """Takes the row of a job that ended, well or not."""

    def again(self, job: Job) -> Job | None:
        """The next attempt at a job whose machine was lost; None if another driver has it now."""


class Runner(ABC):
    """Runs jobs until a source has no more and none is in flight."""

    @abstractmethod
    def run(self, source: Source) -> None:
        """Runs a source dry; a job that dies with its worker is finished with a failed row."""

    @abstractmethod
    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function where jobs would run, alone there, and gives its result."""

    def close(self) -> None:
        """Gives back what the runner holds."""
        return


WORKER_DIED = "its worker process died ({how}); the system may have run out of memory"
