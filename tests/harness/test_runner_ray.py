"""Ray gives the rows of one process, loses no study to a kill, and works on a cluster elsewhere.

Each Ray is one of its own, in a folder of its own, in processes of its own.
"""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from drive import answer, half_trained, is_alive, is_half_done, kill, start, until
from raylets import node
from tiny import learnt, rows, run, session, tiny

from harness.ledger import open_ledger
from harness.plugins import load_file
from harness.runners import cluster, pace
from harness.runners.cluster import TRIES, Searcher, _Jobs
from harness.runners.slots import Slot, check_room
from harness.trial import Event

HERE = Path(__file__).parent
DEADLY, SLOW, HUNT, STOPPING = (
    HERE / f"{name}_study.py" for name in ("deadly", "slow", "hunt", "stopping")
)
LOST = "its worker process died (lost by Ray); the system may have run out of memory"
DEATHS = {"kill": LOST, "raise": "RuntimeError: not today"}


def test_ray_gives_the_rows_of_one_process_and_survives_its_workers(tmp_path, own_ray):
    summary = answer(start(DEADLY, tmp_path / "ray", "--on", "ray", "--workers", "2"))
    assert (summary["trained"], summary["failed"]) == (2, 2)
    deadly = load_file(DEADLY)
    run(deadly.headed(*deadly.SOUND), tmp_path / "one")
    one, many = rows(tmp_path / "one"), rows(tmp_path / "ray")
    assert {key: learnt(many[key]) for key in one} == {key: learnt(one[key]) for key in one}
    assert {act: many[f"odd(act={act})", 0]["reason"] for act in DEATHS} == DEATHS


def test_ray_stops_the_trials_that_one_process_stops(tmp_path, own_ray):
    summary = answer(start(STOPPING, tmp_path / "ray", "--on", "ray", "--workers", "2"))
    did = run(load_file(STOPPING).study, tmp_path / "one")
    one, many = rows(tmp_path / "one"), rows(tmp_path / "ray")
    assert (summary["trained"], summary["stopped"]) == (did[0], 6 - did[0])
    kept = ("state", "miou", "confusion", "history", "rungs", "reason", "stopped_by")
    for name, row in one.items():
        assert [many[name].get(each) for each in kept] == [row.get(each) for each in kept]


def test_a_study_on_ray_that_was_killed_goes_on_and_leaves_no_worker(tmp_path, own_ray):
    pids = tmp_path / "pids"
    pids.mkdir()
    options = ["--on", "ray", "--workers", "2"]
    slowly = {"TWOPATH_TEST_STEP_S": "0.1", "TWOPATH_TEST_PIDS": str(pids)}
    driver = start(SLOW, tmp_path, *options, **slowly)
    until(lambda: is_half_done(tmp_path), driver)
    kill(driver)
    workers = [int(path.name) for path in pids.iterdir()]
    until(lambda: not any(is_alive(pid) for pid in workers))
    before, cut_off = rows(tmp_path, "slow"), half_trained(tmp_path)
    assert 1 <= len(before) <= 2

    summary = answer(start(SLOW, tmp_path, *options))
    assert (summary["trained"], summary["cached"]) == (3 - len(before), len(before))
    after = rows(tmp_path, "slow")
    assert {key: after[key] for key in before} == before
    assert [row["state"] for row in after.values()] == ["done"] * 3
    resumed = {row["folder"][:16]: row["resumed_from_step"] for row in after.values()}
    assert {folder: resumed[folder] for folder in cut_off} == cut_off


def test_a_search_runs_on_a_cluster_at_an_address(tmp_path, address):
    options = ["--on", "ray", "--address", address, "--workers", "2"]
    summary = answer(start(HUNT, tmp_path, *options))
    assert (summary["trained"], summary["failed"]) == (3, 0)
    # The second group was timed on the only core, which the first group's trials have given back.
    sessions = [row["latency_session"] for row in rows(tmp_path, "hunt").values()]
    assert len(set(sessions)) == 2
    assert all(entry.answers for entry in open_ledger(tmp_path).plan("hunt"))


# From here on without any Ray at all.


class Given:
    """A source of some jobs which raises wherever it is told to."""

    may_again = True

    def __init__(self, *jobs, wrong=None):
        self.jobs, self.wrong, self.heard = list(jobs), wrong, []

    def is_ready(self):
        return bool(self.jobs)

    def take(self):
        self._note("take")
        return self.jobs.pop(0)

    def started(self, job):
        self._note("started")

    def event(self, event):
        self._note("event", event)

    def finish(self, job, row):
        self._note("finish", row["state"], row["reason"])

    def again(self, job):
        self._note("again", job.attempt)
        return replace(job, attempt=job.attempt + 1) if self.may_again else None

    def _note(self, *what):
        self.heard.append(what)
        if what[0] == self.wrong:
            raise OSError(f"{self.wrong} went wrong")


BUSY = """
import os, sys, time
import ray
from harness.runners.cluster import Cluster
from harness.runners.slots import Wanted
address, flag = sys.argv[1:]
runner = Cluster(address=address, workers=1, wanted=Wanted(cpus=1))

@ray.remote(num_cpus=1)
def train():
    open(flag, "w").close()
    time.sleep(600)

held = train.remote()
while not os.path.exists(flag):
    time.sleep(0.1)

def place():
    return os.environ.get("TWOPATH_TEST_NODE")

print(runner.call(place))
"""


def test_what_is_measured_waits_for_no_trial_where_a_node_is_kept_for_it(tmp_path, address):
    slot = [f"--address={address}", "--num-cpus=0", "--num-gpus=0"]
    slot.append(f"--resources={json.dumps({cluster.SLOT: 1})}")
    with node(tmp_path / "slot.log", *slot, TWOPATH_TEST_NODE="the slot"):
        words = [sys.executable, "-c", BUSY, address, str(tmp_path / "flag")]
        told = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=200, check=True)
    assert told.stdout.split("\n")[-2] == "the slot"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A job that nothing runs: it is only handed on."""
    return session(tiny(), tmp_path_factory.mktemp("job")).take()


EVENT = Event(key="k", state="training", step=1, steps=2, loss=0.5, seconds=1.0)
ROW = json.dumps({"state": "done", "reason": None})


def test_jobs_go_to_tune_and_their_rows_come_back(job):
    source = Given(job)
    jobs = _Jobs(source, job)
    assert jobs.suggest("1").keys() == jobs.suggest("2").keys() == {"job"}
    assert jobs.suggest("3") is None, "two are in flight, after which there may be more"
    jobs.on_trial_result("1", {"event": json.dumps(asdict(EVENT))})
    jobs.on_trial_result("1", {"row": ROW})
    jobs.on_trial_complete("1", {"row": ROW})
    jobs.on_trial_complete("1", {"row": ROW})
    assert jobs.suggest("3") is None
    jobs.on_trial_complete("2", {"row": ROW})
    assert jobs.suggest("3") == Searcher.FINISHED
    done = ("finish", "done", None)
    assert source.heard == [("started",), ("take",), ("started",), ("event", EVENT), done, done]
    assert jobs.error is None


@pytest.mark.parametrize("result", [None, {}, {"event": None}])
def test_a_job_whose_worker_gave_no_row_has_failed(job, result):
    source = Given()
    jobs = _Jobs(source, job)
    jobs.suggest("1")
    jobs.on_trial_complete("1", result, error=True)
    jobs.died("1", "The actor died unexpectedly: its worker process has died")
    assert source.heard[-1] == ("finish", "failed", LOST)
    jobs.suggest("2")
    assert jobs.suggest("2") == Searcher.FINISHED


NODE_DIED = "The actor died because its node has died. Node Id: 0b1c"


def test_a_job_whose_machine_was_lost_is_tried_again_but_not_for_ever(job, capsys):
    source = Given()
    jobs = _Jobs(source, job)
    for attempt in range(1, TRIES + 1):
        jobs.suggest(str(attempt))
        if attempt == 2:
            jobs.on_trial_complete("2", {"lost": "the machine of process 1 of 2 was lost"})
        else:
            jobs.on_trial_complete(str(attempt), error=True)
            jobs.died(str(attempt), NODE_DIED)
    told = f"machine lost: the machine it ran on was lost, as {TRIES} were that tried this trial"
    assert source.heard == [("started",), ("again", 1), ("again", 2), ("finish", "failed", told)]
    assert "the machine of process 1 of 2 was lost; it goes on elsewhere" in capsys.readouterr().err
    assert jobs.suggest("9") == Searcher.FINISHED


def test_a_job_that_another_driver_has_by_now_is_not_tried_again(job):
    source = Given()
    source.may_again = False
    jobs = _Jobs(source, job)
    jobs.suggest("1")
    jobs.died("1", NODE_DIED)
    assert source.heard[-1][:2] == ("finish", "failed")


def test_a_row_that_came_before_its_machine_was_lost_counts(job):
    source = Given()
    jobs = _Jobs(source, job)
    jobs.suggest("1")
    jobs.on_trial_result("1", {"row": ROW})
    jobs.died("1", NODE_DIED)
    assert source.heard[-1] == ("finish", "done", None)


@pytest.mark.parametrize("wrong", ["take", "started", "event", "finish"])
def test_what_goes_wrong_in_the_study_ends_it_and_is_kept(job, wrong):
    jobs = _Jobs(Given(job, job, wrong=wrong), job)
    jobs.suggest("1")
    jobs.suggest("2")
    jobs.on_trial_result("1", {"event": json.dumps(asdict(EVENT))})
    jobs.on_trial_complete("1", {"row": ROW})
    assert jobs.suggest("3") == Searcher.FINISHED
    assert str(jobs.error) == f"{wrong} went wrong"


CLUSTERS = [([2, 8], 1, True), ([4], 1, True), ([2, 3], 1, False), ([], 1, True)]
CLUSTERS += [([4, 5], 2, True), ([8], 2, True), ([4, 3], 2, False)]


@pytest.mark.parametrize(("cores", "processes", "fits"), CLUSTERS)
def test_a_cluster_without_room_for_a_trial_is_refused(cores, processes, fits):
    nodes = [{"Alive": True, "Resources": {"CPU": float(each)}} for each in cores]
    nodes += [{"Alive": False, "Resources": {"CPU": 64.0}}, {"Alive": True, "Resources": {}}]
    slot = Slot(cpus=4, processes=processes)
    if fits:
        check_room(slot, nodes)
        return
    told = r"wants 4 CPU cores on one node, and no node .* has more than 3; "
    with pytest.raises(ValueError, match=told if processes == 1 else r"wants 2 times 4 CPU, each"):
        check_room(slot, nodes)


def test_a_tuner_gets_no_more_jobs_than_it_can_look_at_and_the_next_the_rest(job):
    source = Given(*[job] * 4)
    jobs = _Jobs(source, source.take(), most=2)
    assert [bool(jobs.suggest(each)) for each in "abc"] == [True, True, False]
    for each in "ab":
        jobs.on_trial_result(each, {"row": ROW})
        jobs.on_trial_complete(each)
    assert jobs.suggest("d") == Searcher.FINISHED
    assert len(source.jobs) == 2, "they wait for the next"


def test_many_workers_report_less_often():
    assert pace.report_every_s(2) == pace.REPORT_EVERY_S
    assert 1000 / pace.report_every_s(1000) == pace.REPORTS_A_S
