"""A trial that several processes train: its row, its files, and what is refused before."""

from dataclasses import replace

import pytest
import torch
from test_trial import BEST, job_in
from tiny import RECIPE, rows, session, tiny

from harness import Rungs, Scoring
from harness.measure import device
from harness.runners.local import InProcess, Processes
from harness.trial import forget, run_trial

SHARED = replace(RECIPE, batch=4, steps=4, lr=0.005)


def test_two_processes_give_the_row_of_one(tmp_path):
    changes = {"recipe": SHARED, "scoring": BEST}
    alone = run_trial(job_in(tmp_path / "alone", **changes))
    events = []
    job = replace(job_in(tmp_path / "two", **changes), processes=2, cache=tmp_path / "cache")
    row = run_trial(job, events.append)
    assert (row["state"], row["processes"], alone["processes"]) == ("done", 2, 1)
    assert row["key"] == alone["key"]
    # Batch norm over a global pool of four images makes much of the last digit.
    for one, other in zip(row["history"], alone["history"], strict=True):
        assert one == pytest.approx(other, rel=2e-2)
    assert row["num_images"] == alone["num_images"] == sum(map(sum, row["confusion"])) / 2048
    assert row["miou"] == pytest.approx(alone["miou"], abs=0.05)
    assert [each.step for each in events] == [1, 2, 3, 4, 4], "only the first process reports"
    forget(job)
    assert {path.name for path in job.folder.iterdir()} == {"weights.pt", "confusions.npz"}


def test_two_processes_pause_at_a_rung_and_go_on_from_it(tmp_path):
    held = {"recipe": SHARED, "scoring": Scoring(held_out=0.5), "stopping": Rungs(at=(0.5,))}
    job = replace(job_in(tmp_path, **held), processes=2, until=2)
    paused = run_trial(job)
    [[step, miou]] = paused["rungs"]
    assert (paused["state"], step) == ("paused", 2) and 0 <= miou <= 1
    done = run_trial(replace(job, until=None, rungs=((step, miou),)))
    assert (done["state"], done["resumed_from_step"], done["rungs"]) == ("done", 2, [[2, miou]])


def test_a_worker_runs_trials_of_two_processes(tmp_path):
    study = tiny(recipe=SHARED)
    summary = session(study, tmp_path, runner=Processes(2), workers=2, processes=2).run()
    assert (summary.trained, summary.failed) == (len(rows(tmp_path, study.name)), 0)
    assert {row["processes"] for row in rows(tmp_path, study.name).values()} == {2}


def test_what_processes_cannot_share_is_refused_before_anything_trains(tmp_path):
    told = r"recipe.batch=2 .* cannot be shared equally by 4 processes"
    with pytest.raises(ValueError, match=told):
        session(tiny(), tmp_path, runner=InProcess(), processes=4).run()
    assert not list(tmp_path.glob("trials/*"))


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="--processes-per-trial 2 wants a GPU for each"):
        device.check_devices(2)
    device.check_devices(1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    device.check_devices(2)
