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
from dataclasses import asdict, dataclass
from typing import Any

import ray
from ray import tune
from ray.exceptions import GetTimeoutError, RayTaskError
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import harness.versions
from harness.measure.device import num_cores
from harness.mistakes import NotInstalledError, one_line
from harness.runners.runner import WORKER_DIED, Runner, Source
from harness.shipment import Shipment, at_hand, renamed, shipped, unpacked
from harness.trial import Event, Job, Row, failed_row, reason_of, run_trial
from harness.versions import differing, versions

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
        self, *, address: str | None, workers: int, wanted: Wanted, plugins: tuple[str, ...] = ()
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
        self.shipment = shipped(plugins) if address else None
        # Without an address Ray would join any cluster that this machine has heard of.
        ray.init(
            address=address or "local",
            num_cpus=None if address else max(num_cores(), workers * wanted.cpus),
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,  # a failed trial's row says what Ray would log
        )
        self.num_gpus = 1 if ray.cluster_resources().get("GPU") else 0
        try:
            self.resources = _resources(wanted, self.num_gpus)
            _check_room(self.resources["cpu"], self.resources["gpu"])
            if self.is_remote:
                _check_versions()
        except BaseException:
            self.close()
            raise

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
        trainable = tune.with_parameters(_trainable, shipment=self.shipment)
        with tempfile.TemporaryDirectory(prefix="twopath-tune-", ignore_cleanup_errors=True) as d:
            tuner = tune.Tuner(
                tune.with_resources(trainable, self.resources),
                tune_config=tune.TuneConfig(
                    search_alg=jobs,
                    num_samples=UNBOUNDED,
                    max_concurrent_trials=self.num_workers,
                ),
                run_config=tune.RunConfig(
                    storage_path=d,
                    name="study",
                    verbose=0,
                    callbacks=[_Waiting(self.resources)],
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
        return {"num_cpus": self.resources["cpu"], "num_gpus": self.num_gpus}

    def close(self) -> None:
        """Leaves Ray, and ends it if this runner started it."""
        with redirect_stdout(sys.stderr):
            ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a trial asks of a node: cores, and GPUs where the cluster has any.

    ``gpus`` below 1 lets trials share a GPU; None means one for each of ``processes``.
    """

    cpus: int
    processes: int = 1
    gpus: float | None = None


def _resources(wanted: Wanted, num_gpus: int) -> dict[str, float]:
    """A trial's resources by Ray's names; ValueError for GPUs that a cluster does not have."""
    if wanted.gpus and not num_gpus:
        raise ValueError(
            f"--gpus-per-trial {wanted.gpus:g}, but no node that is up has a GPU; twopath doctor "
            "--address HOST:PORT shows what each has"
        )
    gpus = wanted.processes if wanted.gpus is None else wanted.gpus
    return {"cpu": wanted.cpus, "gpu": num_gpus * gpus}


def _check_room(cpus: float, gpus: float = 0) -> None:
    """ValueError if no node could ever run a trial, for which Tune would wait in silence."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most = max((node.get("CPU", 0) for node in nodes), default=0)
    if not most:  # an autoscaler may yet bring some
        return
    if most < cpus:
        raise ValueError(
            f"a trial wants {cpus:g} CPU cores, and no node of the cluster has more than "
            f"{most:g}; more --workers make it want fewer"
        )
    if not any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        raise ValueError(
            f"a trial wants {_amount(cpus, gpus)} on one node, and the nodes have "
            f"{'; '.join(_amount(node.get('CPU', 0), node.get('GPU', 0)) for node in nodes)}"
        )


def _amount(cpus: float, gpus: float) -> str:
    return f"{cpus:g} CPU" + f" and {gpus:g} GPU" * bool(gpus)


def _check_versions() -> None:
    """ValueError that names each node with another twopath, torch or Ray than this process."""
    ours, wrong = versions(), []
    for name, theirs in on_every_node(versions).items():
        said = [theirs] if isinstance(theirs, str) else differing(ours, theirs)
        if said:
            wrong.append(f"node {name}: {', '.join(said)}")
    if wrong:
        raise ValueError(f"{'; '.join(wrong)}; install the same versions on every node")


def on_every_node(
    function: Callable[..., Any], *arguments: Any, patience_s: float = 180.0
) -> dict[str, Any]:
    """What a function gives on each node by the node's name; a string for why it gave nothing.

    A function of ``harness.versions`` is sent as it is, to nodes that may not have it.
    """
    ray.cloudpickle.register_pickle_by_value(harness.versions)
    tasks = {}
    for node in ray.nodes():
        if node["Alive"]:
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(function).options(
                num_cpus=0, max_retries=0, scheduling_strategy=where
            )
            name = f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
            tasks[name] = task.remote(*arguments)
    ray.wait(list(tasks.values()), num_returns=len(tasks), timeout=patience_s)
    return {name: _given(task, patience_s) for name, task in tasks.items()}


def _given(task: Any, patience_s: float) -> Any:
    try:
        return ray.get(task, timeout=0.1)
    except GetTimeoutError:
        return f"no answer within {patience_s:g} s"
    except Exception as error:
        return one_line(getattr(error, "cause", None) or error)[:300]


def nodes_of(address: str, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Joins a cluster, calls a function on every node, and leaves."""
    ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        return on_every_node(function, *arguments)
    finally:
        with redirect_stdout(sys.stderr):
            ray.shutdown()


WAITS_S = 30.0
"""After which it is said why no trial starts, and again after each time twice as long."""


class _Waiting(tune.Callback):
    """Says why no trial starts, where Tune would wait in silence."""

    def __init__(self, resources: dict[str, float]) -> None:
        self._resources = resources
        self._since: float | None = None
        self._patience_s = WAITS_S

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune again and again."""
        states = {trial.status for trial in trials}
        if "RUNNING" in states or "PENDING" not in states:
            self._since, self._patience_s = None, WAITS_S
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._patience_s:
            said = why_waiting(self._resources, ray.nodes(), ray.available_resources())
            print(
                f"twopath: no trial has started for {self._patience_s:.0f} s: {said}",
                file=sys.stderr,
                flush=True,
            )
            self._patience_s *= 2


def why_waiting(
    resources: dict[str, float], nodes: list[dict[str, Any]], free: dict[str, float]
) -> str:
    """Why a trial waits: no node is large enough, or something else holds what it wants."""
    wanted = _amount(resources["cpu"], resources["gpu"])
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    large = [
        each
        for each in alive
        if each.get("CPU", 0) >= resources["cpu"] and each.get("GPU", 0) >= resources["gpu"]
    ]
    if not large:
        return f"none of {len(alive)} nodes has {wanted}; one must join the cluster"
    left = _amount(free.get("CPU", 0), free.get("GPU", 0))
    return (
        f"each wants {wanted} on one node; {len(large)} of {len(alive)} nodes have that much, but "
        f"in the whole cluster {left} are free: something else runs there (ray status shows what)"
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
        if job is None and not self.error and self._safely(self._source.is_ready):
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


def _called(function: Callable[..., Any], arguments: tuple[Any, ...], shipment: Shipment) -> Any:
    """Calls a function on another node, with the plugins that it names."""
    return function(*renamed(arguments, unpacked(shipment)))


def _trainable(config: dict[str, Any], shipment: Shipment | None = None) -> None:
    """Runs one job in a Ray worker; always ends with one report that holds the row."""
    last = time.monotonic()

    def report(event: Event) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_S:
            last = time.monotonic()
            tune.report({"event": json.dumps(asdict(event))})

    job = pickle.loads(bytes.fromhex(config["job"]))
    try:
        if shipment:
            job = at_hand(job, unpacked(shipment))
    except (OSError, NotInstalledError) as error:
        row = failed_row(job, reason_of(error))
    else:
        row = run_trial(job, report)
    tune.report({"row": json.dumps(row)})
