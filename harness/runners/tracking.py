"""Tells TensorBoard, MLflow or Weights & Biases of running trials, by Ray Tune's own callbacks.

The driver tells, whatever the trials run on, so the three see the same of each runner.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ray
from ray.tune.logger import LoggerCallback

from harness.architecture import KINDS, Part
from harness.mistakes import NotInstalledError, one_line
from harness.progress import named
from harness.runners.runner import Runner, Source
from harness.trial import Event, Job, Row

POINTS = 200
"""How many points of a loss curve are told: as many as its row keeps."""

TOLD = ("miou", "pixel_accuracy", "final_loss", "train_s", "selected_step", "selected_miou")
"""The figures of a row that are told when its trial has ended, beside the IoU of each class."""


class Tracked(Runner):
    """A runner whose trials some trackers are told of."""

    def __init__(self, runner: Runner, followers: Sequence[Follower]) -> None:
        self._runner, self._followers = runner, followers

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        self._runner.run(_Told(source, self._followers))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function where the runner does."""
        return self._runner.call(function, *arguments)

    def close(self) -> None:
        """Waits for what is still to be told, and closes the runner."""
        try:
            for each in self._followers:
                each.close()
        finally:
            self._runner.close()


def tracked(runner: Runner, names: Sequence[str], *, study: str, folder: Path) -> Runner:
    """A runner that tells some trackers of its trials; theirs is what is written in a folder.

    NotInstalledError, naming the extra, for a tracker that is not installed; ValueError for one
    that cannot begin. The runner is closed then.
    """
    try:
        return Tracked(runner, [Follower(name, study, folder) for name in dict.fromkeys(names)])
    except BaseException:
        runner.close()
        raise


def _tensorboard(study: str, folder: Path) -> LoggerCallback:
    from ray.tune.logger import TBXLoggerCallback

    return TBXLoggerCallback()


def _mlflow(study: str, folder: Path) -> LoggerCallback:
    _check_installed("mlflow")
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    where = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"
    return MLflowLoggerCallback(tracking_uri=where, experiment_name=study)


def _wandb(study: str, folder: Path) -> LoggerCallback:
    _check_installed("wandb")
    if not ray.is_initialized():
        raise ValueError("--track wandb runs beside trials as an actor of Ray; add --on ray")
    from ray.air.integrations.wandb import WandbLoggerCallback

    return WandbLoggerCallback(project=os.environ.get("WANDB_PROJECT", "twopath"), group=study)


def _check_installed(name: str) -> None:
    if find_spec(name) is None:
        raise NotInstalledError(f'--track {name} needs {name}: pip install "twopath[{name}]"')


TRACKERS: dict[str, Callable[[str, Path], LoggerCallback]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}
"""What makes each tracker's callback, for a study in a folder."""


@dataclass(eq=False, kw_only=True)
class Shown:
    """What Tune's callbacks look at in a trial, made of a job of ours."""

    job: Job
    study: str
    local_path: str
    last_step: int = 0
    config: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        trial, entry = self.job.trial, self.job.trial.entry
        self.config = {
            "study": self.study,
            "candidate": entry.candidate,
            "seed": entry.seed,
            "key": entry.key,
            "attempt": self.job.attempt,
            **{kind: _options_of(getattr(trial.architecture, kind)) for kind in KINDS},
            "recipe": {name: _plain(each) for name, each in vars(trial.recipe).items()},
        }

    def __str__(self) -> str:
        return named(self.job.trial.entry)

    @property
    def trial_id(self) -> str:
        """A name that no other attempt has."""
        return f"{self.job.trial.entry.key[:16]}-{self.job.attempt}"

    @property
    def experiment_dir_name(self) -> str:
        """What groups the trials of a study."""
        return self.study

    @property
    def evaluated_params(self) -> dict[str, Any]:
        """What TensorBoard shows as hyperparameters."""
        return self.config

    def init_local_path(self) -> None:
        """Makes the folder that a tracker may write to."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)


def _options_of(part: Part) -> dict[str, Any]:
    return {"name": part.name, **{key: _plain(value) for key, value in part.options}}


def _plain(value: Any) -> Any:
    """A value as all three trackers can show it."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)


class Follower:
    """Tells one tracker of trials; what goes wrong there is said once and ends only that."""

    def __init__(self, name: str, study: str, folder: Path) -> None:
        self.name, self._study, self._folder = name, study, folder / name / _file_name(study)
        self._shown: dict[str, Shown] = {}
        self._is_lost = False
        self._tracker = TRACKERS[name](study, folder)
        try:
            self._tracker.setup()
        except Exception as error:
            raise ValueError(f"--track {name}: {one_line(error)}") from error

    def started(self, job: Job) -> None:
        """Opens a run with all that the trial is made of."""
        entry = job.trial.entry
        where = self._folder / f"{_file_name(named(entry))} {entry.key[:8]}"
        shown = Shown(job=job, study=self._study, local_path=str(where))
        self._shown[entry.key] = shown
        shown.init_local_path()
        self._tell(self._tracker.log_trial_start, shown)

    def event(self, event: Event) -> None:
        """Tells a point of the loss curve, unless one that is near was told."""
        shown = self._shown.get(event.key)
        if shown is None or event.state != "training":
            return
        if event.step >= shown.last_step + max(1, event.steps // POINTS):
            self._point(shown, event.step, {"loss": event.loss})

    def finished(self, job: Job, row: Row) -> None:
        """Tells what is left of the curve, and the scores; or that the trial failed."""
        shown = self._shown.pop(job.trial.entry.key, None)
        if shown is None:
            return
        for step, loss, _ in row.get("history", []):
            if step > shown.last_step:
                self._point(shown, step, {"loss": loss})
        if row["state"] == "done":
            scores = {name: row[name] for name in TOLD if row.get(name) is not None}
            self._point(shown, row["steps"], {**scores, "iou": row["iou"]})
        self._tell(self._tracker.log_trial_end, shown, row["state"] != "done")

    def close(self) -> None:
        """Waits until what was told has arrived."""
        self._tell(self._tracker.on_experiment_end, [])

    def _point(self, shown: Shown, step: int, told: dict[str, Any]) -> None:
        shown.last_step = step
        self._tell(
            self._tracker.log_trial_result, step, shown, {"training_iteration": step, **told}
        )

    def _tell(self, act: Callable[..., Any], *what: Any) -> None:
        if self._is_lost:
            return
        try:
            act(*what)
        except Exception as error:
            self._is_lost = True
            why = f"{one_line(error)}; it is told no more, the study goes on"
            print(f"twopath: --track {self.name}: {why}", file=sys.stderr, flush=True)


def _file_name(text: str) -> str:
    return quote(text, safe=" (),=+")[:120]


@dataclass(frozen=True)
class _Told:
    """A source of jobs which tells followers of what happens to them."""

    source: Source
    followers: Sequence[Follower]

    def take(self) -> Job | None:
        return self.source.take()

    def is_ready(self) -> bool:
        return self.source.is_ready()

    def again(self, job: Job) -> Job | None:
        return self.source.again(job)

    def started(self, job: Job) -> None:
        self.source.started(job)
        for each in self.followers:
            each.started(job)

    def event(self, event: Event) -> None:
        self.source.event(event)
        for each in self.followers:
            each.event(event)

    def finish(self, job: Job, row: Row) -> None:
        self.source.finish(job, row)
        for each in self.followers:
            each.finished(job, row)
