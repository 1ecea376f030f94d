"""One architecture, one recipe and one seed become one row."""

from __future__ import annotations

import io
import platform
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.attempts import CHECKPOINT, take_up
from harness.attempts import forget as forget_attempts
from harness.confusions import FILE, Confusions, merged, save
from harness.data.dataset import Dataset
from harness.data.roots import DataRoots, open_dataset
from harness.measure.device import best_device, device_name
from harness.mistakes import is_out_of_memory, text_of, warn_plainly
from harness.network import Network, deploy
from harness.plan import Trial
from harness.plugins import load_plugins
from harness.scoring import columns_of
from harness.training.evaluate import Scores, count, scores_of
from harness.training.flags import flags
from harness.training.loop import Fit, Step, fit, initialise
from harness.training.ranks import ALONE, Ranks
from harness.training.select import BEST, Best, HeldOut, held_out_miou
from harness.training.start import load_weights
from harness.training.together import together
from harness.whole import disk_of, is_disk_full, write_whole

Row = dict[str, Any]

DISK_FULL = "disk full"
"""The kind of failure after which a later run goes on."""

RESUMED = "resumed"
"""The state of the event that says after which step of an earlier run a trial goes on."""

PATIENCE_S = 3600.0
"""For how long a trial may make no progress: its images are decoded before its first step."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a running trial says of itself: where it goes on, a step, or that it is being scored."""

    key: str
    state: str
    step: int
    steps: int
    loss: float
    seconds: float


OnEvent = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A trial with all that a worker needs to run it, wherever the worker is.

    ``folder`` keeps its checkpoint and weights, and is this attempt's alone; ``before`` are those
    of earlier attempts, from the newest of which it goes on. ``plugins`` are the files to load
    first; ``cache`` is where decoded frames are kept for all trials. ``processes`` train it
    together, each on a GPU of its own, or where there is none on ``threads`` of its own. One that
    makes no progress for ``patience_s`` is ended by its runner.

    With ``until`` it pauses after that step, at a rung, to be judged among others; ``rungs`` are
    those it has come to, as (step, mIoU on held-out images).
    """

    trial: Trial
    folder: Path
    roots: DataRoots
    plugins: tuple[str, ...] = ()
    threads: int = 1
    cache: Path | None = None
    processes: int = 1
    attempt: int = 1
    before: tuple[Path, ...] = ()
    until: int | None = None
    rungs: tuple[tuple[int, float], ...] = ()
    patience_s: float = PATIENCE_S


def run_trial(
    job: Job,
    on_event: OnEvent = lambda event: None,
    joined: Callable[..., list[Any]] = together,
) -> Row:
    """Trains and scores one trial; what goes wrong becomes a failed row with its reason.

    ``joined`` starts the processes of a trial that has several, as ``together`` does.
    """
    started = _now()
    warn_plainly()
    try:
        torch.set_num_threads(job.threads)
        load_plugins(job.plugins)
        done = _completed(job, on_event, joined)
        state = "paused" if job.until else "done"
        return {**_about(job, started), **done, "state": state}
    except (Exception, SystemExit) as error:  # a part that calls sys.exit ends its trial only
        return failed_row(job, reason_of(error), traceback.format_exc(), started)


def forget(job: Job) -> None:
    """Removes what a trial goes on from; only once its row is kept, or all would be done again."""
    forget_attempts((job.folder, *job.before))


def failed_row(job: Job, reason: str, detail: str = "", started: str | None = None) -> Row:
    """The row of a trial that did not come to an end."""
    about = _about(job, started or _now())
    return {**about, **_rungs(job), "state": "failed", "reason": reason, "error_detail": detail}


def reason_of(error: BaseException) -> str:
    """Why a trial failed, in one line that starts with the kind of failure."""
    line = text_of(error)[:300]
    kind = type(error).__name__
    if is_out_of_memory(error):
        kind = "out of memory"
    elif is_disk_full(error):
        kind = DISK_FULL
        line += f", on the disk at {disk_of(error.filename)}" if error.filename else ""
    return f"{kind}: {line}" if line else kind


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one of the processes of a trial leaves: its row so far, and the images it scored."""

    row: Row
    counted: Confusions | None


def _completed(job: Job, on_event: OnEvent, joined: Callable[..., list[Any]]) -> Row:
    trial = job.trial
    dataset = open_dataset(trial.recipe.dataset, job.roots)
    job.folder.mkdir(parents=True, exist_ok=True)
    take_up(job.folder, job.before)
    if job.processes == 1:
        shares = [_share(job, ALONE, on_event)]
    else:
        shares = joined(_worker, job, job.processes, on_event)
    scored = [each.counted for each in shares if each.counted]
    if not scored:
        return shares[0].row
    counted = merged(scored, dataset.count("val"))
    scores = scores_of(counted, trial.scoring)
    kept = {"confusions_sha256": save(counted, job.folder / FILE)}
    return {**shares[0].row, **_scored(scores, dataset, trial), **kept}


def _worker(job: Job, ranks: Ranks, say: Callable[[Event], None]) -> Share:
    """A share of a trial, in a process of its own."""
    if ranks.rank > 0:
        warnings.simplefilter("ignore")  # the first one says it
    warn_plainly()
    torch.set_num_threads(job.threads)
    load_plugins(job.plugins)
    return _share(job, ranks, say)


def _share(job: Job, ranks: Ranks, on_event: OnEvent) -> Share:
    """Trains a network on a share of each batch, and scores a share of the images with it."""
    trial, device = job.trial, best_device(ranks.device)
    dataset = open_dataset(trial.recipe.dataset, job.roots)
    network = initialise(trial.architecture, len(dataset.label_map.classes), trial.entry.seed)
    start = load_weights(network)
    network.to(device)
    learnt, selected = _trained(job, network, dataset, device, ranks, on_event)
    if job.until:
        return Share(row={**start, **_learnt(learnt), **selected}, counted=None)

    def before_batch() -> None:
        if ranks.rank == 0:
            on_event(_scoring(job, learnt))

    counted = count(
        deploy(network),
        dataset,
        device=device,
        scoring=trial.scoring,
        rank=ranks.rank,
        world=ranks.world,
        on_batch=before_batch,
    )
    if ranks.rank == 0:
        _keep_weights(network, job.folder)
    # Not where the processes were started, which may be on another machine.
    on = {"train_device": device_name(device)}
    return Share(row={**start, **_learnt(learnt), **selected, **on}, counted=counted)


def _trained(
    job: Job,
    network: Network,
    dataset: Dataset,
    device: torch.device,
    ranks: Ranks,
    on_event: OnEvent,
) -> tuple[Fit, Row]:
    """Trains a network in place to the weights to be scored; gives the run, and what was chosen."""
    trial, share = job.trial, job.trial.scoring.held_out
    kept = HeldOut(dataset, share) if share is not None else None
    best = _best(job, network, kept, device)
    is_first = True

    def after(step: Step) -> None:
        nonlocal is_first
        if ranks.rank > 0:
            return
        before = step.step - 1
        if is_first and before not in (0, *dict(job.rungs)):  # at a rung it only paused
            on_event(_event(job, replace(step, step=before), RESUMED))
        is_first = False
        on_event(_event(job, step))
        if best:
            best.look(step)

    learnt = fit(
        network,
        kept or dataset,
        trial.recipe,
        seed=trial.entry.seed,
        device=device,
        checkpoint=job.folder / CHECKPOINT,
        cache=job.cache,
        on_step=after,
        ranks=ranks,
        until=job.until,
    )
    if job.until and kept:
        miou = held_out_miou(network, kept, trial.scoring, device) if ranks.rank == 0 else 0.0
        return learnt, _rungs(job, (job.until, miou))
    ranks.wait()  # the best weights are written by the first
    return learnt, {**_rungs(job), **(best.restore() if best else {})}


def _rungs(job: Job, *new: tuple[int, float]) -> Row:
    """What a row says of the rungs that a trial came to; nothing where there are none."""
    found = [list(each) for each in (*job.rungs, *new)]
    return {"rungs": found} if found else {}


def _best(job: Job, network: Network, dataset: HeldOut | None, device: torch.device) -> Best | None:
    """What keeps the best weights, where the scoring asks for them."""
    scoring = job.trial.scoring
    if scoring.select == "last" or dataset is None:
        return None
    return Best(
        file=job.folder / BEST,
        network=network,
        dataset=dataset,
        scoring=scoring,
        device=device,
    )


def _keep_weights(network: nn.Module, folder: Path) -> None:
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)  # to a full disk it would not say what is wrong
    write_whole(folder / "weights.pt", buffer.getvalue())


def _event(job: Job, step: Step, state: str = "training") -> Event:
    return Event(
        key=job.trial.entry.key,
        state=state,
        step=step.step,
        steps=step.steps,
        loss=step.loss,
        seconds=step.seconds,
    )


def _scoring(job: Job, learnt: Fit) -> Event:
    steps, loss = job.trial.recipe.steps, learnt.history[-1][1]
    key = job.trial.entry.key
    return Event(key=key, state="scoring", step=steps, steps=steps, loss=loss, seconds=0.0)


def _learnt(learnt: Fit) -> Row:
    return {
        "history": [list(point) for point in learnt.history],
        "final_loss": learnt.history[-1][1],
        "train_s": learnt.train_s,
        "data_wait_share": learnt.data_wait,
        "resumed_from_step": learnt.resumed_from,
        "precision": learnt.precision,
    }


def _scored(scores: Scores, dataset: Dataset, trial: Trial) -> Row:
    return {
        "miou": scores.miou,
        "pixel_accuracy": scores.pixel_accuracy,
        "iou": dict(scores.iou),
        "absent_classes": list(scores.absent),
        "num_images": scores.num_images,
        "confusion": [list(row) for row in scores.confusion],
        "label_map": dataset.label_map.name,
        "num_classes": len(dataset.label_map.classes),
        "size": f"{dataset.size[0]}x{dataset.size[1]}",
        **columns_of(trial.scoring, dataset.size),
    }


def _about(job: Job, started: str) -> Row:
    """What was run, on what, and when; the same for a failure."""
    trial = job.trial
    return {
        "key": trial.entry.key,
        "reason": None,
        "seed": trial.entry.seed,
        "dataset": trial.recipe.dataset.name,
        "architecture": asdict(trial.architecture),
        "recipe": asdict(trial.recipe),
        "steps": trial.recipe.steps,
        "batch": trial.recipe.batch,
        "folder": job.folder.name,
        "train_device": device_name(best_device()),
        "threads": job.threads,
        "processes": job.processes,
        **flags(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "twopath": _version(),
        "started": started,
        "finished": _now(),
    }


@cache
def _version() -> str:
    return version("twopath")  # which reads it from a file


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
