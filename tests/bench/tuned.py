"""Hollow trials on Ray: by our runner, and by Tune as anybody would use it, in one Ray, in turn."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from sys import stderr
from typing import Any

from driven import HOLLOW, Drive, drive, job_of, study_of
from ray import tune

from harness.runners.cluster import SETTINGS, Cluster, Wanted
from harness.trial import Job

WORKERS = 1
"""Trials that do nothing end before a second worker has started, and then Tune may give it up or
not: with two workers it is luck how many of them are at work."""


class Kept(Cluster):
    """Our runner, whose Ray stays for the next study."""

    def close(self) -> None:
        """Keeps it."""


def ours(runner: Cluster, trials: int) -> Drive:
    """A study by our runner."""
    with tempfile.TemporaryDirectory() as folder:
        return drive(study_of(trials), runner, Path(folder), workers=WORKERS)


def opened() -> Kept:
    """A Ray on this machine."""
    return Kept(address=None, workers=WORKERS, wanted=Wanted(cpus=1), plugins=(HOLLOW,))


def closed(runner: Cluster) -> None:
    """Ends that Ray."""
    Cluster.close(runner)


class _Ends(tune.Callback):
    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []

    def on_trial_complete(self, **_: Any) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))


def raw(trials: int, *, reports: int = 1, keeps: bool = True) -> Drive:
    """As many trials by Tune alone: the same function, its row reported at the end.

    ``reports`` are how often a trial reports, the row included. Tune as it comes ``keeps`` its
    results, in three files a trial that do not wait for the disk; else it keeps nothing at all.
    """
    ends = _Ends()
    start, start_cpu = time.perf_counter(), time.process_time()
    with _as_it_comes() if keeps else nullcontext(), tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(_bare, job=job_of(Path(folder)), reports=reports), {"cpu": 1}
            ),
            param_space={"seed": tune.randint(0, 2**31)},
            tune_config=tune.TuneConfig(
                num_samples=trials, max_concurrent_trials=WORKERS, reuse_actors=True
            ),
            run_config=tune.RunConfig(storage_path=folder, name="raw", verbose=0, callbacks=[ends]),
        )
        with redirect_stdout(stderr):
            tuner.fit()
    assert len(ends.ends) == trials
    return Drive(
        planned_s=0.0,
        first_s=ends.ends[0][0] - start,
        ends_s=[end - start for end, _ in ends.ends],
        cpu_s=[end - start_cpu for _, end in ends.ends],
    )


@contextmanager
def _as_it_comes() -> Iterator[None]:
    """Tune without what our runner asks of it."""
    kept = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _bare(config: dict[str, Any], job: Job, reports: int) -> None:
    from hollow import trained  # the worker's own, beside this file

    row = trained(job, lambda event: None)
    for step in range(reports - 1):
        tune.report({"event": step})
    tune.report({"seed": config["seed"], "row": json.dumps(row)})
