"""A machine that is lost, cut off or loses a worker costs no trial, and no trial counts twice."""

import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import raylets
from drive import answer, is_alive, kill, start, until
from raylets import node, ray_folder
from tiny import learnt, rows, run, session

from harness.ledger import open_ledger
from harness.plugins import load_file
from harness.runners.local import InProcess

SLOW = Path(__file__).parents[1] / "harness" / "slow_study.py"
LOST = "its worker process died (lost by Ray); the system may have run out of memory"
QUICKLY = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "4",
}
"""Ray's own settings let a node be silent for a minute."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What each trial learns where nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run(load_file(SLOW).study, folder)
    return {key: learnt(row) for key, row in rows(folder, "slow").items()}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a cluster of one node with one core, which other nodes join and leave."""
    log = tmp_path_factory.mktemp("head") / "log"
    with ray_folder() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in QUICKLY.items():
            patch.setenv(name, value)
        with raylets.cluster(folder, log, TWOPATH_TEST_STEP_S="0.2") as found:
            yield found


def joining(address):
    """The options of a node of one core that joins a cluster."""
    return f"--address={address}", "--num-cpus=1"


@pytest.fixture
def cluster(tmp_path, address):
    """A run of the study on two nodes of one core, when the second is amid a trial, held there.

    Gives the driver, the second node's processes and the one of them that trains.
    """
    pids, folder = tmp_path / "pids", tmp_path / "runs"
    pids.mkdir()
    held = {"TWOPATH_TEST_PIDS": str(pids), "TWOPATH_TEST_HELD": str(tmp_path / "go on")}
    options = ["--on", "ray", "--address", address, "--workers", "2"]
    with (
        node(tmp_path / "second.log", *joining(address), **held) as head,
        (tmp_path / "said").open("w") as said,
    ):
        driver = start(SLOW, folder, *options, stderr=said)
        try:
            until((tmp_path / "go on.waits").exists, driver)
            yield driver, below(head.pid), int(next(pids.iterdir()).name)
        finally:
            if driver.poll() is None:
                kill(driver)


def below(pid):
    """A process and all that come from it."""
    found, parents = [pid], {}
    for each in Path("/proc").iterdir():
        with suppress(OSError):
            if each.name.isdecimal():
                after = (each / "stat").read_text().rpartition(")")[2].split()
                parents[int(each.name)] = int(after[1])
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def send(pids, what):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def check(folder, undisturbed, *, attempts):
    """The rows are those of an undisturbed run; so many attempts were made, none is left open."""
    found = rows(folder, "slow")
    assert {key: learnt(row) for key, row in found.items()} == undisturbed
    claims = open_ledger(folder).claims(row["key"] for row in found.values())
    assert sorted(claim.attempt for claim in claims.values()) == attempts
    assert {claim.owner for claim in claims.values()} == {""}
    return [row for row in found.values() if claims[row["key"]].attempt > 1]


def saved(folder):
    """The folders of trials with a checkpoint in them."""
    return {path.parent.name for path in Path(folder, "trials").glob("*/checkpoint.pt")}


def test_a_node_that_is_killed_costs_no_trial(tmp_path, cluster, undisturbed):
    driver, pids, _ = cluster
    folder = tmp_path / "runs"
    send(pids, signal.SIGKILL)
    summary = answer(driver)
    assert (summary["trained"], summary["failed"]) == (3, 0)
    (again,) = check(folder, undisturbed, attempts=[1, 1, 2])
    assert again["folder"].endswith("-2") and again["resumed_from_step"] > 0
    assert "it goes on elsewhere from what was saved" in (tmp_path / "said").read_text()
    assert not saved(folder)


def test_a_node_that_is_cut_off_counts_for_nothing_though_it_lives(tmp_path, cluster, undisturbed):
    driver, pids, worker = cluster
    folder = tmp_path / "runs"
    rest = [pid for pid in pids if pid != worker]
    send(rest, signal.SIGSTOP)  # Ray hears no more of the node, on which the trial is still run
    until(lambda: any(name.endswith("-2") for name in saved(folder)), driver)
    (mine,) = (name[:16] for name in saved(folder) if name.endswith("-2"))
    summary = answer(driver)
    assert (summary["trained"], summary["failed"]) == (3, 0)
    (again,) = check(folder, undisturbed, attempts=[1, 1, 2])
    assert again["folder"] == f"{mine}-2"
    assert is_alive(worker), "it knows nothing of what happened"
    (tmp_path / "go on").touch()
    send(rest, signal.SIGCONT)
    until(lambda: not is_alive(worker))
    assert check(folder, undisturbed, attempts=[1, 1, 2]) == [again]


def test_a_worker_that_is_killed_costs_its_trial_until_it_is_asked_for(
    tmp_path, cluster, undisturbed
):
    driver, _, worker = cluster
    folder = tmp_path / "runs"
    os.kill(worker, signal.SIGKILL)
    (tmp_path / "go on").touch()  # what comes to this node next
    summary = answer(driver)
    assert (summary["trained"], summary["failed"]) == (2, 1)
    found = rows(folder, "slow")
    reasons = [row["reason"] for row in found.values() if row["state"] == "failed"]
    assert reasons == [LOST]
    sound = {key: learnt(row) for key, row in found.items() if row["state"] == "done"}
    assert sound == {key: undisturbed[key] for key in sound}
    assert answer(start(SLOW, folder, "--retry-failed", TWOPATH_TEST_STEP_S="0"))["trained"] == 1
    (again,) = check(folder, undisturbed, attempts=[1, 1, 2])
    assert again["resumed_from_step"] > 0


def test_a_node_with_one_of_two_processes_is_killed_and_another_takes_its_place(
    tmp_path, address, monkeypatch
):
    monkeypatch.setenv("TWOPATH_TEST_SEEDS", "1")
    folder, held = tmp_path / "runs", {"TWOPATH_TEST_HELD": str(tmp_path / "go on")}
    options = ["--on", "ray", "--address", address, "--processes", "2"]
    with (tmp_path / "said").open("w") as said:
        with node(tmp_path / "second.log", *joining(address), **held) as head:
            driver = start(SLOW, folder, *options, stderr=said)
            until((tmp_path / "go on.waits").exists, driver)
            lost = below(head.pid)
            of_trial = [pid for pid in lost if is_of_trial(pid)]
            send(lost, signal.SIGKILL)
        with node(tmp_path / "third.log", *joining(address)):
            summary = answer(driver)
    assert (summary["trained"], summary["failed"]) == (1, 0)
    here = tmp_path / "here"
    study, plugins = replace(load_file(SLOW).study, seeds=(0,)), (str(SLOW),)
    session(study, here, runner=InProcess(), processes=2, plugins=plugins).run()
    alone = {key: learnt(row) for key, row in rows(here, "slow").items()}
    (again,) = check(folder, alone, attempts=[2])
    assert again["folder"].endswith("-2") and again["resumed_from_step"] > 0
    # What starts the two and waits for them takes no core, so Ray puts it on either node.
    lost = "the machine it ran on was lost" if of_trial else "of 2 was lost"
    assert f"{lost}; it goes on elsewhere" in (tmp_path / "said").read_text()


def is_of_trial(pid):
    """Whether a process is what Tune starts for a trial."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::ImplicitFunc")
    return False
