"""Studies of trials that train nothing, run by the real driver, with the time of each ending."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import Architecture, Part, Recipe, Study, Timing
from harness.data.roots import DataRoots, open_dataset
from harness.ledger import Entry, open_ledger
from harness.plan import candidates, trials_of
from harness.progress import Silent
from harness.runners.runner import Runner
from harness.session import Session, Settings
from harness.trial import Event, Job, Row

HOLLOW = str(Path(__file__).parent / "hollow.py")

DATA = Part("streets", size=(32, 64), train=4, val=2)
TIMING = Timing(rounds=1, burst=1, warmup=1, threads=1)
SMALL = Architecture(
    detail=Part("detail_branch", width=4), semantic="none", head=Part("seg", width=4)
)


def study_of(trials: int, ms: int = 1) -> Study:
    """A study of so many trials, each of so many milliseconds if it has something to do."""
    return Study(
        name="hollow",
        question="What does a trial cost that does nothing?",
        space=SMALL,
        recipe=Recipe(dataset=DATA, crop=(32, 32), batch=2, steps=ms, warmup_steps=0),
        timing=TIMING,
        seeds=tuple(range(trials)),
    )


class Clock(Silent):
    """Notes when the plan was made, when the first trial began, and when each ended.

    By the clock, and by the CPU time of this process with all its threads.
    """

    def __init__(self) -> None:
        self.planned_s = 0.0
        self.first_s: float | None = None
        self.ends: list[tuple[float, float]] = []
        self.states: set[str] = set()

    def planned(self, entries: list[Entry], cached: int) -> None:
        """Notes the time."""
        self.planned_s = time.perf_counter()

    def event(self, event: Event) -> None:
        """Notes when a worker first said something."""
        self.first_s = self.first_s or time.perf_counter()

    def finished(self, entry: Entry, row: Row) -> None:
        """Notes the time."""
        self.ends.append((time.perf_counter(), time.process_time()))
        self.states.add(row["state"])


@dataclass(frozen=True, kw_only=True)
class Drive:
    """A study that was run: seconds until it was planned, then the ends of its trials.

    ``ends_s`` and ``cpu_s`` count from the start; ``first_s`` is when the first trial was at work.
    """

    planned_s: float
    first_s: float
    ends_s: list[float]
    cpu_s: list[float]

    def ms_a_trial(self, start: int = 0, stop: int | None = None, *, cpu: bool = False) -> float:
        """Milliseconds from one end to the next, from one trial to another."""
        ends = (self.cpu_s if cpu else self.ends_s)[start:stop]
        return 1e3 * (ends[-1] - ends[0]) / (len(ends) - 1)


def drive(study: Study, runner: Runner, folder: Path, *, workers: int = 1) -> Drive:
    """Runs a study with the real session, claims, ledger and runner."""
    clock = Clock()
    settings = Settings(folder=folder, roots=DataRoots(), plugins=(HOLLOW,), workers=workers)
    session = Session(study, open_ledger(folder, make=True), runner, settings, clock)
    start, start_cpu = time.perf_counter(), time.process_time()
    session.run()
    assert clock.states == {"done"} and len(clock.ends) == len(study.seeds), clock.states
    return Drive(
        planned_s=clock.planned_s - start,
        first_s=(clock.first_s or clock.planned_s) - start,
        ends_s=[end - start for end, _ in clock.ends],
        cpu_s=[end - start_cpu for _, end in clock.ends],
    )


@contextmanager
def trials_that(what: str) -> Iterator[None]:
    """What trials do with their milliseconds: ``sleep`` or ``burn``."""
    os.environ["TWOPATH_HOLLOW"] = what
    try:
        yield
    finally:
        del os.environ["TWOPATH_HOLLOW"]


def repeated(act: Callable[[int], object], times: int) -> list[float]:
    """The milliseconds of each call with a number."""
    taken = []
    for i in range(times):
        start = time.perf_counter()
        act(i)
        taken.append(1e3 * (time.perf_counter() - start))
    return taken


def job_of(folder: Path) -> Job:
    """A job of such a study, to be run by no runner at all."""
    study = study_of(1)
    [candidate] = candidates(study)
    dataset = open_dataset(study.recipe.dataset, DataRoots())
    [trial] = trials_of(study, candidate, dataset, "cpu", {})
    return Job(trial=trial, folder=folder, roots=DataRoots(), plugins=(HOLLOW,))
