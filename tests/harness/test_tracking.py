"""Trackers are told of a trial's curve, its scores and what it is made of, whatever runs it."""

import struct
from dataclasses import replace
from importlib.util import find_spec

import pytest
from tiny import RECIPE, rows, session, tiny, with_heads

from harness import Part
from harness.mistakes import NotInstalledError
from harness.runners import tracking
from harness.runners.local import InProcess
from harness.runners.tracking import Follower, tracked

STUDY = tiny(recipe=replace(RECIPE, steps=3))
CURVE = {1, 2, 3}


def follow(tmp_path, name, study=STUDY, **settings):
    """Runs a study that a tracker follows; gives the row of its first trial."""
    runner = tracked(InProcess(), [name], study=study.name, folder=tmp_path)
    session(study, tmp_path, runner=runner, **settings).run()
    return next(iter(rows(tmp_path).values()))


def scalars(folder):
    """What is in an event file of TensorBoard, as {tag: {step: value}}."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in folder.rglob("events.out.tfevents.*"):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16  # and two checksums
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_tensorboard_shows_the_curve_and_the_scores(tmp_path):
    row = follow(tmp_path, "tensorboard")
    seen = scalars(tmp_path / "tensorboard" / "tiny")
    curve = {step: loss for step, loss, _ in row["history"]}
    assert seen["ray/tune/loss"] == pytest.approx(curve)
    assert seen["ray/tune/miou"] == {3: pytest.approx(row["miou"])}
    assert seen["ray/tune/iou/road"] == {3: pytest.approx(row["iou"]["road"])}
    assert "_hparams_/session_start_info" in seen


@pytest.mark.skipif(not find_spec("mlflow"), reason="MLflow is not installed")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_shows_the_curve_the_scores_and_the_options(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    row = follow(tmp_path, "mlflow")
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    (seen,) = client.search_runs([experiment.experiment_id])
    assert seen.info.status == "FINISHED"
    params = {"seed": "0", "detail/width": "4", "recipe/lr": str(RECIPE.lr), "key": row["key"]}
    assert {name: seen.data.params[name] for name in params} == params
    assert seen.data.metrics["miou"] == pytest.approx(row["miou"])
    history = client.get_metric_history(seen.info.run_id, "loss")
    assert {each.step for each in history} == CURVE


class Kept:
    """A callback which keeps what it is told, and breaks where it should."""

    def __init__(self, breaks=()):
        self.told, self.breaks = [], breaks

    def __getattr__(self, name):
        def act(*what):
            self.told.append((name, *what))
            if name in self.breaks:
                raise ConnectionError("no server\nanswers")

        return act

    def names(self):
        return [name for name, *_ in self.told]


@pytest.fixture
def kept(monkeypatch):
    made = Kept()
    monkeypatch.setitem(tracking.TRACKERS, "kept", lambda study, folder: made)
    return made


def test_a_trial_that_fails_is_told_as_failed(tmp_path, kept, odd):
    study = tiny(space=with_heads(Part("seg", width=4), Part("odd", act="nan")), recipe=RECIPE)
    follow(tmp_path, "kept", replace(study, recipe=replace(RECIPE, steps=4)), plugins=(odd,))
    ends = [what[2] for what in kept.told if what[0] == "log_trial_end"]
    assert ends == [False, True]
    assert kept.names()[-1] == "on_experiment_end"


def test_a_tracker_that_breaks_is_left_alone_and_the_study_goes_on(tmp_path, kept, capsys):
    kept.breaks = ("log_trial_result",)
    assert follow(tmp_path, "kept")["state"] == "done"
    assert kept.names() == ["setup", "log_trial_start", "log_trial_result"]
    said = "twopath: --track kept: no server answers; it is told no more, the study goes on\n"
    assert capsys.readouterr().err == said


def test_a_tracker_that_cannot_begin_is_refused_before_anything_runs(tmp_path, kept):
    kept.breaks = ("setup",)
    with pytest.raises(ValueError, match="--track kept: no server answers"):
        follow(tmp_path, "kept")
    assert not list(tmp_path.glob("trials/*"))


def test_long_curves_are_thinned(tmp_path, kept):
    follow(tmp_path, "kept", tiny(recipe=replace(RECIPE, steps=5)))
    points = [what[1] for what in kept.told if what[0] == "log_trial_result"]
    assert points == [1, 2, 3, 4, 5, 5]
    follower = Follower("kept", "tiny", tmp_path)
    job = session(tiny(), tmp_path / "other").take()
    follower.started(job)
    kept.told.clear()
    for step in range(1, 2001):
        event = tracking.Event(
            key=job.trial.entry.key, state="training", step=step, steps=2000, loss=1.0, seconds=1.0
        )
        follower.event(event)
    assert [what[1] for what in kept.told] == list(range(10, 2001, 10))


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named_with_its_extra(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError, match=rf'pip install "twopath\[{name}\]"'):
        follow(tmp_path, name)


@pytest.mark.skipif(not find_spec("wandb"), reason="wandb is not installed")
def test_wandb_needs_ray(tmp_path):
    with pytest.raises(ValueError, match="add --on ray"):
        follow(tmp_path, "wandb")
