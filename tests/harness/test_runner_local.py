"""Worker processes give the rows of one process, and neither their death nor a kill costs more."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from drive import answer, half_trained, is_alive, is_half_done, kill, start, until
from tiny import learnt, rows, run, session, tiny

from harness import Part
from harness.ledger import open_ledger
from harness.plugins import load_file
from harness.runners.local import InProcess, Processes
from harness.training import loop

SLOW = Path(__file__).with_name("slow_study.py")
DEADLY = Path(__file__).with_name("deadly_study.py")
DEATHS = {
    "kill": "its worker process died (SIGKILL); the system may have run out of memory",
    "quit": "its worker process died (exit code 3); the system may have run out of memory",
    "raise": "RuntimeError: not today",
}


def test_processes_give_the_rows_of_one_process_and_survive_their_workers(tmp_path):
    deadly = load_file(DEADLY)
    run(deadly.headed(*deadly.SOUND), tmp_path / "one")
    study = deadly.headed(*(Part("odd", act=act) for act in DEATHS), *deadly.SOUND)
    plugins = (str(DEADLY),)
    did = run(study, tmp_path / "many", runner=Processes(2), workers=2, plugins=plugins)
    assert did == (2, 0, 3, 0)
    one, many = rows(tmp_path / "one"), rows(tmp_path / "many")
    assert {key: learnt(many[key]) for key in one} == {key: learnt(one[key]) for key in one}
    assert {act: many[f"odd(act={act})", 0]["reason"] for act in DEATHS} == DEATHS
    assert multiprocessing.active_children() == []


class Given:
    """A source of some jobs that does something after each."""

    def __init__(self, jobs, after):
        self.jobs, self.after, self.rows = list(jobs), after, []

    def take(self):
        return self.jobs.pop(0) if self.jobs else None

    def started(self, job):
        pass

    def event(self, event):
        pass

    def finish(self, job, row):
        self.rows.append(row)
        self.after()


def jobs_in(folder, seeds):
    ran = session(tiny(seeds=tuple(range(seeds))), folder)
    return [ran.take() for _ in range(seeds)]


def test_a_worker_is_used_again_and_one_that_died_idle_is_replaced(tmp_path):
    runner, pids = Processes(1), []

    def kill_after_the_second():
        (worker,) = multiprocessing.active_children()
        pids.append(worker.pid)
        if len(pids) == 2:
            worker.kill()
            worker.join()

    source = Given(jobs_in(tmp_path, 3), kill_after_the_second)
    runner.run(source)
    assert [row["state"] for row in source.rows] == ["done"] * 3
    assert pids[0] == pids[1] != pids[2]


def test_what_the_ledger_raises_comes_through_and_no_worker_is_left(tmp_path):
    def full():
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        Processes(1).run(Given(jobs_in(tmp_path, 2), full))
    assert multiprocessing.active_children() == []


def test_workers_end_at_once_with_a_driver_that_was_killed(tmp_path):
    pids = tmp_path / "pids"
    pids.mkdir()
    options = {"TWOPATH_TEST_STEP_S": "600", "TWOPATH_TEST_PIDS": str(pids)}
    driver = start(SLOW, tmp_path, "--workers", "2", **options)
    until(lambda: len(list(pids.iterdir())) == 2, driver)
    workers = [int(path.name) for path in pids.iterdir()]
    assert all(is_alive(pid) and pid != driver.pid for pid in workers)
    kill(driver)
    try:
        until(lambda: not any(is_alive(pid) for pid in workers))
    finally:
        for pid in filter(is_alive, workers):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_that_was_killed_goes_on_where_it_was(tmp_path, workers, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", loop.SAVE_EVERY_S)
    monkeypatch.setattr(loop, "SAVE_SHARE", loop.SAVE_SHARE)
    options = ["--workers", str(workers)]
    driver = start(SLOW, tmp_path, *options, TWOPATH_TEST_STEP_S="0.15")
    until(lambda: is_half_done(tmp_path), driver)
    # With workers, only their parent: they must not go on behind the back of the next run.
    kill(driver, group=workers == 1)
    before, cut_off = rows(tmp_path, "slow"), half_trained(tmp_path)
    assert 1 <= len(before) <= 2

    summary = answer(start(SLOW, tmp_path, *options))
    assert (summary["trained"], summary["cached"]) == (3 - len(before), len(before))
    after = rows(tmp_path, "slow")
    assert {key: after[key] for key in before} == before, "what was finished is as it was"
    resumed = {row["folder"][:16]: row["resumed_from_step"] for row in after.values()}
    assert {folder: resumed[folder] for folder in cut_off} == cut_off
    assert 0 < min(cut_off.values()) < 12

    run(load_file(SLOW).study, tmp_path / "whole", runner=InProcess())
    whole = rows(tmp_path / "whole", "slow")
    assert {key: learnt(row) for key, row in after.items()} == {
        key: learnt(row) for key, row in whole.items()
    }
    assert open_ledger(tmp_path).plan("slow") == open_ledger(tmp_path / "whole").plan("slow")
