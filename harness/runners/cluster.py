"""Runs trials on Ray: Tune executes, our own searcher hands out jobs, the ledger stays the truth.

Each run builds a new ``Tuner`` over what is missing; Tune's own restore and checkpoints are not
used, since after a crash they repeat finished trials (docs/decisions/0001-ledger-is-the-truth.md).
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.search import Searcher

from harness import leaving
from harness.measure.device import num_cores
from harness.mistakes import NotInstalledError
from harness.progress import named
from harness.runners.gang import Gang
from harness.runners.nodes import Inquest, MachineLost, check_versions, join
from harness.runners.pace import REPORT_EVERY_S, jobs_a_tuner, report_every_s
from harness.runners.patience import watched
from harness.runners.runner import WORKER_DIED, Runner, Source
from harness.runners.sign import is_to_leave, new_sign
from harness.runners.slots import Wanted, check_room, slot_of
from harness.runners.watch import Leaving, Silence, Waiting
from harness.shipment import Shipment, at_hand, renamed, shipped, unpacked
from harness.trial import RESUMED, Event, Job, OnEvent, Row, failed_row, reason_of, run_trial

LOST = "lost by Ray"

SLOT = "latency_gpu"
"""What a node advertises, and nothing else, that is kept for measurements: no trial can land on it.

Resources of Ray are promises, not walls. A task that asked for a whole shared node would wait for
ever behind a stream of small ones; a node of its own does not.
"""

TRIES = 3
"""How many machines a trial may lose: one that brings them down must not go on for ever."""

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # which prints to standard output at any verbosity
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # which would make an interrupted study look finished
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger keeps what those files would
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # nobody reads Tune's own state
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""What Ray and Tune read from the environment."""

UNBOUNDED = 10**6
"""Tune wants a number of samples; the source decides when there are no more."""


class Cluster(Runner):
    """Runs trials on this machine's Ray, or on the cluster at an address."""

    def __init__(
        self, *, address: str | None, workers: int, wanted: Wanted, plugins: tuple[str, ...] = ()
    ) -> None:
        os.environ.update(SETTINGS)
        self.is_remote = address is not None
        self.num_workers = workers
        self.shipment = shipped(plugins) if address else None
        # Without an address Ray would join any cluster that this machine has heard of.
        join(
            address or "local",
            num_cpus=None if address else max(num_cores(), workers * wanted.cpus),
            include_dashboard=None if address else False,
        )
        self.num_gpus = 1 if ray.cluster_resources().get("GPU") else 0
        try:
            self.slot = slot_of(wanted, has_gpus=bool(self.num_gpus))
            check_room(self.slot, ray.nodes())
            if self.is_remote:
                check_versions()
        except BaseException:
            self.close()
            raise

    def run(self, source: Source) -> None:
        """Runs a source dry, with a Tuner for each group of jobs that were measured together.

        A large group has several, since each looks at all that it was ever given.
        A job that must be measured first is taken between two Tuners: one holds on to the cores
        of trials that have ended, and the measurement would wait for them for ever.
        """
        with leaving.heeded(signal.SIGINT):
            while (job := source.take()) is not None:
                jobs = _Jobs(source, job, most=jobs_a_tuner(self.num_workers))
                with leaving.training():
                    self._tune(jobs)
                if jobs.error:
                    raise jobs.error

    def _tune(self, jobs: _Jobs) -> None:
        every_s, sign = report_every_s(self.num_workers), new_sign()
        trainable = tune.with_parameters(
            _trainable, shipment=self.shipment, every_s=every_s, sign=sign
        )
        with tempfile.TemporaryDirectory(prefix="twopath-tune-", ignore_cleanup_errors=True) as d:
            tuner = tune.Tuner(
                tune.with_resources(trainable, tune.PlacementGroupFactory(self.slot.bundles())),
                tune_config=tune.TuneConfig(
                    search_alg=jobs,
                    num_samples=UNBOUNDED,
                    max_concurrent_trials=self.num_workers,
                    reuse_actors=True,  # a fresh process takes seconds
                ),
                run_config=tune.RunConfig(
                    storage_path=d,
                    name="study",
                    verbose=0,
                    callbacks=[
                        Waiting(self.slot),
                        _Deaths(jobs),
                        Silence(jobs.live, jobs.give_up, reports_s=every_s),
                        Leaving(sign),
                    ],
                ),
            )
            with redirect_stdout(sys.stderr):  # Ray prints the death of a worker
                tuner.fit()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function here, or for a cluster elsewhere, in a task of its own there.

        On a cluster with a node for it, that is on this node, whatever trains elsewhere.
        """
        if not self.is_remote:
            return function(*arguments)
        assert self.shipment is not None
        task = ray.remote(_called).options(**self._place())
        try:
            return ray.get(task.remote(function, arguments, self.shipment))
        except RayTaskError as error:
            raise error.cause from error

    def _place(self) -> dict[str, Any]:
        if ray.cluster_resources().get(SLOT):
            return {"num_cpus": 0, "num_gpus": 0, "resources": {SLOT: 1}}
        # A whole GPU, also where trials share one: what else ran there would be in the figures.
        return {"num_cpus": self.slot.cpus, "num_gpus": self.num_gpus}

    def close(self) -> None:
        """Leaves Ray, and ends it if this runner started it."""
        with redirect_stdout(sys.stderr):
            ray.shutdown()


class _Deaths(tune.Callback):
    """Tells how workers died, which Tune does not tell its searcher."""

    def __init__(self, jobs: _Jobs) -> None:
        self._jobs = jobs

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called by Tune after its searcher has heard of the end."""
        file = trial.error_file
        self._jobs.died(trial.trial_id, Path(file).read_text() if file else "")

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune again and again."""
        self._jobs.judge()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # as the searcher


class _Jobs(Searcher):
    """Hands a job and those that follow it to Tune, and Tune's results to their source.

    At most ``most`` jobs; ``live`` are those in flight, by trial. ``error`` is the first thing
    that went wrong in the source: Tune would wrap it or drop it.
    """

    def __init__(self, source: Source, first: Job, *, most: int = UNBOUNDED) -> None:
        # No metric: a strict check would abort the whole study for one trial without it.
        super().__init__(metric=None, mode=None)
        self.error: Exception | None = None
        self._source = source
        self._first: Job | None = first
        self._room = most
        self._again: deque[Job] = deque()
        self._losses: Counter[str] = Counter()
        self.live: dict[str, Job] = {}
        self._away: dict[str, Inquest] = {}
        self._rows: dict[str, Row] = {}

    def suggest(self, trial_id: str) -> Any:
        """The next job; nothing while those in flight must end first."""
        self.judge()  # where none runs Tune asks on and on, and calls nobody else
        job = self._lost_one() or self._new_one()
        if job is None:
            return None if self.live and not self.error else Searcher.FINISHED
        self.live[trial_id] = job
        # Tune writes configurations as JSON, so a job travels as text.
        return {"job": pickle.dumps(job).hex()}

    def _lost_one(self) -> Job | None:
        return self._again.popleft() if self._again and not self.error else None

    def _new_one(self) -> Job | None:
        job, self._first = self._first, None
        if job is None and self._may_go_on() and self._safely(self._source.is_ready):
            job = self._safely(self._source.take)
        if job is not None:
            self._room -= 1
            self._safely(self._source.started, job)
        return job

    def _may_go_on(self) -> bool:
        return bool(self._room) and not self.error and not leaving.is_asked()

    def on_trial_result(self, trial_id: str, result: Row) -> None:
        """Passes on an event, or keeps the row until the trial is complete."""
        if result.get("event"):
            self._safely(self._source.event, Event(**json.loads(result["event"])))
        if result.get("row"):
            self._rows[trial_id] = json.loads(result["row"])

    def on_trial_complete(
        self, trial_id: str, result: Row | None = None, error: bool = False
    ) -> None:
        """Finishes a job with its row; of one that ended otherwise ``died`` is told next."""
        if trial_id not in self.live or error:
            return
        self.on_trial_result(trial_id, {"row": (result or {}).get("row")})
        if (result or {}).get("left"):
            del self.live[trial_id]  # a later run takes it up
        elif (result or {}).get("lost"):
            self._try_again(trial_id, (result or {})["lost"])
        else:
            self._finish(trial_id, WORKER_DIED.format(how=LOST))

    def died(self, trial_id: str, why: str) -> None:
        """Finishes a job whose worker died, unless its machine did and another may do it."""
        if trial_id in self.live:
            self._away[trial_id] = Inquest(said=why)
            self.judge()

    def give_up(self, trial_id: str, row: Row) -> None:
        """Finishes a job whose worker says nothing any more, unless it has said the end."""
        self._rows.setdefault(trial_id, row)
        self._finish(trial_id, "")

    def judge(self) -> None:
        """Finishes jobs whose workers died, as soon as it is known how."""
        for trial_id, inquest in list(self._away.items()):
            # What it reported last may have come before its end.
            lost = False if trial_id in self._rows else inquest.is_machine_lost()
            if lost is None:
                continue
            del self._away[trial_id]
            if lost:
                self._try_again(trial_id, "the machine it ran on was lost")
            else:
                self._finish(trial_id, WORKER_DIED.format(how=LOST))

    def _try_again(self, trial_id: str, why: str) -> None:
        job = self.live[trial_id]
        self._losses[job.trial.entry.key] += 1
        times = self._losses[job.trial.entry.key]
        again = self._safely(self._source.again, job) if times < TRIES else None
        if again is None:
            self._finish(trial_id, f"machine lost: {why}, as {times} were that tried this trial")
            return
        print(
            f"twopath: {named(job.trial.entry)}: {why}; it goes on elsewhere from what was saved",
            file=sys.stderr,
            flush=True,
        )
        del self.live[trial_id]
        self._again.append(again)

    def _finish(self, trial_id: str, otherwise: str) -> None:
        """Finishes a job with its row, or with a failed one for a reason if there is none."""
        job = self.live.pop(trial_id)
        row = self._rows.pop(trial_id, None) or failed_row(job, otherwise)
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


def _called(function: Callable[..., Any], arguments: tuple[Any, ...], shipment: Shipment) -> Any:
    """Calls a function on another node, with the plugins that it names."""
    return function(*renamed(arguments, unpacked(shipment)))


def _trainable(
    config: dict[str, Any],
    shipment: Shipment | None = None,
    every_s: float = REPORT_EVERY_S,
    sign: str = "",
) -> None:
    """Runs one job in a Ray worker; always ends with one report: its row, or why there is none."""
    job, last = pickle.loads(bytes.fromhex(config["job"])), time.monotonic()
    with watched(job, _say_row) as pulse:

        def report(event: Event) -> None:
            nonlocal last
            pulse.hear(event)
            if time.monotonic() - last >= every_s or event.state == RESUMED:
                last = time.monotonic()
                with pulse.held_up():  # Tune gives back control once its driver has heard
                    tune.report({"event": json.dumps(asdict(event))})
                if is_to_leave(sign):
                    leaving.ask()

        leaves = is_to_leave(sign, within_s=REPORT_EVERY_S)
        ended = {"left": True} if leaves else _ended(job, shipment, sign, report)
    tune.report(ended)


def _ended(job: Job, shipment: Shipment | None, sign: str, report: OnEvent) -> dict[str, Any]:
    """What a worker says at last of a job: its row, that a machine was lost, or that it left."""
    try:
        gang = Gang(plugins=job.plugins, shipment=shipment, sign=sign)
        if shipment:
            job = at_hand(job, unpacked(shipment))
        return _with_row(run_trial(job, report, gang))
    except MachineLost as error:
        return {"lost": str(error)}
    except KeyboardInterrupt:
        return {"left": True}
    except (OSError, NotInstalledError) as error:
        return _with_row(failed_row(job, reason_of(error)))


def _say_row(row: Row) -> None:
    tune.report(_with_row(row))


def _with_row(row: Row) -> dict[str, Any]:
    return {"row": json.dumps(row)}
