"""A thousand workers that are made up: how many trials a second one driver can serve.

A driver does one thing at a time: it starts a trial, hears its reports, stores its row. What each
costs it was measured; the workers, and how long their trials take, are made up.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from driven import Drive, drive, study_of

from harness.runners.local import InProcess
from harness.runners.runner import Source
from harness.trial import Job, run_trial


class Crowd(InProcess):
    """Holds as many trials in flight as there are workers; each has ended when its turn comes."""

    def __init__(self, workers: int) -> None:
        self.num_workers = workers
        self._flying: deque[Job] = deque()

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        while True:
            while len(self._flying) < self.num_workers and (job := source.take()):
                source.started(job)
                self._flying.append(job)
            if not self._flying:
                return
            job = self._flying.popleft()
            source.finish(job, run_trial(job, source.event))


def crowded(workers: int, trials: int, folder: Path) -> Drive:
    """The real session and ledger under so many trials in flight."""
    return drive(study_of(trials), Crowd(workers), folder, workers=workers)


@dataclass(frozen=True, kw_only=True)
class Load:
    """A cluster: trials of ``trial_s`` on average, each worker reporting every ``report_s``.

    The driver takes ``serve_s`` for each trial, start and end together, and ``hear_s`` a report.
    """

    workers: int
    trial_s: float
    report_s: float
    serve_s: float
    hear_s: float

    @property
    def ceiling(self) -> float:
        """Trials a second of which the driver can serve starts, reports and ends."""
        return 1 / (self.serve_s + self.hear_s * self.trial_s / self.report_s)

    @property
    def wanted(self) -> float:
        """Trials a second that the workers could end."""
        return self.workers / self.trial_s


def simulate(load: Load, num_events: int = 100_000, seed: int = 0) -> float:
    """The share of their time that workers train, in the second half of so many events.

    Trials take half to one and a half of their mean; a worker waits until the driver has heard
    its report, as under Tune. At the start each is somewhere in its first trial.
    """
    rng = random.Random(seed)
    spans = [rng.random() * load.trial_s * rng.uniform(0.5, 1.5) for _ in range(load.workers)]
    # When, who, what is left of its trial after that.
    events = [_next(0.0, who, span, load) for who, span in enumerate(spans)]
    heapq.heapify(events)
    free_at = trained = began = 0.0
    for i in range(num_events):
        if i == num_events // 2:
            began, trained = free_at, 0.0
        now, who, left = heapq.heappop(events)
        free_at = max(now, free_at) + (load.hear_s if left else load.serve_s)
        left = left or load.trial_s * rng.uniform(0.5, 1.5)
        trained += min(left, load.report_s)
        heapq.heappush(events, _next(free_at, who, left, load))
    return min(1.0, trained / (free_at - began) / load.workers)


def _next(now: float, who: int, left: float, load: Load) -> tuple[float, int, float]:
    """A worker's next report, or the end of its trial."""
    step = min(left, load.report_s)
    return now + step, who, left - step
