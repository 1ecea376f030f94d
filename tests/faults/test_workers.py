"""A worker that is killed or stands still costs its trial only, which then ends as it would have.

A part that ends its own worker: ``tests/harness/test_runner_local.py``, on Ray
``tests/harness/test_runner_ray.py``.
"""

import os
import signal
import time

import pytest
import warm
from drive import is_alive
from warm import Run

from harness.runners.patience import LONGEST_TICK_S

PATIENCE_S = 10
"""Longer than a step takes on a busy machine."""


@pytest.mark.parametrize(
    ("on_ray", "how"),
    [pytest.param(False, "SIGKILL", id="here"), pytest.param(True, "lost by Ray", id="on Ray")],
)
def test_workers_that_are_killed_and_stopped_cost_their_trials_only(
    folder, sound, own_ray, on_ray, how
):
    pids, heard = folder / "pids", folder / "heard"
    pids.mkdir()
    heard.mkdir()
    environment = {"TWOPATH_TEST_STEP_S": "0.5", "TWOPATH_TEST_PIDS": str(pids)}
    impatient = {"patience_s": 600, "impatient_s": PATIENCE_S, "heard_of": heard}
    run = Run(folder, workers=2, on_ray=on_ray, environment=environment, **impatient)
    run.until(lambda: len(list(heard.iterdir())) == 2)
    killed, stopped = (int(path.name) for path in pids.iterdir())
    os.kill(stopped, signal.SIGSTOP)
    os.kill(killed, signal.SIGKILL)
    did = run.did()
    assert (did["trained"], did["failed"], did["given_up"]) == (2, 2, None)
    reasons = sorted(r["reason"] for r in warm.ended_rows(folder).values() if r["reason"])
    assert reasons[0].startswith(f"TimeoutError: no progress for {PATIENCE_S} s after step ")
    assert reasons[1].startswith(f"its worker process died ({how})")
    assert not is_alive(stopped)
    warm.assert_nothing_is_held(folder)

    before = {key: row for key, row in warm.ended_rows(folder).items() if row["state"] == "done"}
    assert Run(folder).did()["cached"] == 4, "what failed is not run again by itself"
    again = Run(folder, retry_failed=True).did()
    assert (again["trained"], again["cached"]) == (2, 2)
    after = warm.ended_rows(folder)
    assert {key: after[key] for key in before} == before
    assert warm.learnt_by_seed(folder) == sound


def test_one_of_a_trials_own_processes_that_is_stopped_ends_with_it(folder):
    pids, heard = folder / "pids", folder / "heard"
    pids.mkdir()
    heard.mkdir()
    environment = {"TWOPATH_TEST_STEP_S": "0.5", "TWOPATH_TEST_PIDS": str(pids)}
    impatient = {"patience_s": 600, "impatient_s": PATIENCE_S, "heard_of": heard}
    run = Run(folder, seeds=1, processes=2, environment=environment, **impatient)
    run.until(lambda: list(heard.iterdir()))
    both = [int(path.name) for path in pids.iterdir()]
    os.kill(both[0], signal.SIGSTOP)
    did = run.did()
    assert (len(both), did["trained"], did["failed"]) == (2, 0, 1)
    [row] = warm.ended_rows(folder).values()
    assert row["reason"].startswith(f"TimeoutError: no progress for {PATIENCE_S} s after step ")
    assert not any(map(is_alive, both))
    warm.assert_nothing_is_held(folder)


def test_a_part_that_hangs_on_ray_is_ended_with_a_reason(folder, own_ray):
    impatient = {"TWOPATH_TEST_IMPATIENT": "1"}  # only once it hangs, however long it takes to
    run = Run(folder, seeds=1, act="hang", on_ray=True, patience_s=600, environment=impatient)
    did = run.did()
    assert (did["trained"], did["failed"]) == (0, 1)
    [row] = warm.ended_rows(folder).values()
    assert row["reason"].startswith("TimeoutError: no progress for 600 s after step 2 of ")
    warm.assert_nothing_is_held(folder)


def test_a_driver_that_stands_still_costs_no_trial_on_ray(folder, sound, tmp_path, own_ray):
    held = {"TWOPATH_TEST_STEP_S": "0.5", "TWOPATH_TEST_HELD": str(tmp_path / "go on")}
    impatient = {"TWOPATH_TEST_IMPATIENT": str(LONGEST_TICK_S + 1)}
    run = Run(folder, seeds=1, on_ray=True, environment={**held, **impatient})
    run.until((tmp_path / "go on.waits").exists)
    os.kill(run.pid, signal.SIGSTOP)
    (tmp_path / "go on").touch()
    time.sleep(4 * LONGEST_TICK_S)  # its worker waits for it, and would long be out of patience
    os.kill(run.pid, signal.SIGCONT)
    assert run.did()["trained"] == 1
    assert warm.learnt_by_seed(folder) == {0: sound[0]}
