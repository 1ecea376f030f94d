"""Runs trials on Ray: Tune executes, our own searcher hands out jobs, the ledger stays the truth.

Each run builds a new ``Tuner`` over what is missing; Tune's own restore and checkpoints are not
used, since after a crash they repeat finished trials (docs/decisions/0001-ledger-is-the-truth.md).
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.search import Searcher

from harness.measure.device import num_cores
from harness.runners.runner import WORKER_DIED, Runner, Source
from harness.trial import Event, Job, Row, failed_row, run_trial

REPORT_EVERY_S = 0.5
"""Tune holds a trial up until its report is read, so steps are reported only this often."""

LOST = "lost by Ray"

SLOT = "latency_gpu"
"""What a node advertises, and nothing else, that is kept for measurements: no trial can land on it.

Resources of Ray are promises, not walls. A task that asked for a whole shared node would wait for
ever behind a stream of small ones; a node of its own does not.
"""

UNBOUNDED = 10**6
"""Tune wants a number of samples; the source decides when there are no more."""


class Cluster(Runner):
    """Runs trials on this machine's Ray, or on the cluster at an address."""

    def __init__(
        self, *, address: str | None, workers: int, threads: int, processes: int = 1
    ) -> None:
        os.environ.update(
            RAY_AIR_NEW_OUTPUT="0",  # which prints to standard output at any verbosity
            RAY_CHDIR_TO_TRIAL_DIR="0",
            TUNE_DISABLE_SIGINT_HANDLER="1",  # which would make an interrupted study look finished
            TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
            TUNE_DISABLE_STRICT_METRIC_CHECKING="1",
            TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
            RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        )
        self.is_remote = address is not None
        self.num_workers = workers
        self.num_threads = threads * processes
        # Without an address Ray would join any cluster that this machine has heard of.
        ray.init(
            address=address or "local",
            num_cpus=None if address else max(num_cores(), workers * self.num_threads),
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,  # a failed trial's row says what Ray would log
        )
        self.num_gpus = 1 if ray.cluster_resources().get("GPU") else 0
        self.num_processes = processes
        _check_room(self.num_threads)

    def run(self, source: Source) -> None:
        """Runs a source dry, with a Tuner for each group of jobs that were measured together.

        A job that must be measured first is taken between two Tuners: one holds on to the cores
        of trials that have ended, and the measurement would wait for them for ever.
        """
        while (job := source.take()) is not None:
            jobs = _Jobs(source, job)
            self._tune(jobs)
            if jobs.error:
                raise jobs.error

    def _tune(self, jobs: _Jobs) -> None:
        wanted: dict[str, float] = {
            "cpu": self.num_threads,
            "gpu": self.num_gpus * self.num_processes,
        }
        with tempfile.TemporaryDirectory(prefix="twopath-tune-", ignore_cleanup_errors=True) as d:
            tuner = tune.Tuner(
                tune.with_resources(_trainable, wanted),
                tune_config=tune.TuneConfig(
                    search_alg=jobs,
                    num_samples=UNBOUNDED,
                    max_concurrent_trials=self.num_workers,
                ),
                run_config=tune.RunConfig(storage_path=d, name="study", verbose=0),
            )
            with redirect_stdout(sys.stderr):  # Ray prints the death of a worker
                tuner.fit()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function here, or for a cluster elsewhere, in a task of its own there.

        On a cluster with a node for it, that is on this node, whatever trains elsewhere.
        """
        if not self.is_remote:
            return function(*arguments)
        task = ray.remote(function).options(**self._place())
        try:
            return ray.get(task.remote(*arguments))
        except RayTaskError as error:
            raise error.cause from error

    def _place(self) -> dict[str, Any]:
        if ray.cluster_resources().get(SLOT):
            return {"num_cpus": 0, "num_gpus": 0, "resources": {SLOT: 1}}
        return {"num_cpus": self.num_threads, "num_gpus": self.num_gpus}

    def close(self) -> None:
        """Leaves Ray, and ends it if this runner started it."""
        with redirect_stdout(sys.stderr):
            ray.shutdown()


def _check_room(threads: int) -> None:
    """ValueError if no node could ever run a trial, for which Tune would wait in silence."""
    nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    most = max(nodes, default=0)
    if 0 < most < threads:  # none at all: an autoscaler may yet bring some
        raise ValueError(
            f"a trial wants {threads} CPU cores, and no node of the cluster has more than "
            f"{most:g}; more --workers make it want fewer"
        )


class _Jobs(Searcher):
    """Hands a job and those that follow it to Tune, and Tune's results to their source.

    ``error`` is the first thing that went wrong in the source: Tune would wrap it or drop it.
    """

    def __init__(self, source: Source, first: Job) -> None:
        # No metric: a strict check would abort the whole study for one trial without it.
        super().__init__(metric=None, mode=None)
        self.error: Exception | None = None
        self._source = source
        self._first: Job | None = first
        self._live: dict[str, Job] = {}
        self._rows: dict[str, Row] = {}

    def suggest(self, trial_id: str) -> Any:
        """The next job; nothing while those in flight must end first."""
        job, self._first = self._first, None
        if job is None and not self.error and self._source.is_ready():
            job = self._safely(self._source.take)
        if job is None:
            return None if self._live and not self.error else Searcher.FINISHED
        self._live[trial_id] = job
        self._safely(self._source.started, job)
        # Tune writes configurations as JSON, so a job travels as text.
        return {"job": pickle.dumps(job).hex()}

    def on_trial_result(self, trial_id: str, result: Row) -> None:
        """Passes on an event, or keeps the row until the trial is complete."""
        if result.get("event"):
            self._safely(self._source.event, Event(**json.loads(result["event"])))
        if result.get("row"):
            self._rows[trial_id] = json.loads(result["row"])

    def on_trial_complete(
        self, trial_id: str, result: Row | None = None, error: bool = False
    ) -> None:
        """Finishes a job with its row, or with a failed one if its worker gave none."""
        if trial_id not in self._live:
            return
        self.on_trial_result(trial_id, {"row": (result or {}).get("row")})
        job = self._live.pop(trial_id)
        row = self._rows.pop(trial_id, None) or failed_row(job, WORKER_DIED.format(how=LOST))
        self._safely(self._source.finish, job, row)

    def _safely(self, act: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except Exception as error:
            self.error = self.error or error
            return None

    def save(self, checkpoint_path: str) -> None:
        """Keeps nothing: the ledger knows."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing: every run starts from the ledger."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # the Tuner pickles its settings once; the source belongs to this process


def _trainable(config: dict[str, Any]) -> None:
    """Runs one job in a Ray worker; always ends with one report that holds the row."""
    last = time.monotonic()

    def report(event: Event) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_S:
            last = time.monotonic()
            tune.report({"event": json.dumps(asdict(event))})

    row = run_trial(pickle.loads(bytes.fromhex(config["job"])), report)
    tune.report({"row": json.dumps(row)})
