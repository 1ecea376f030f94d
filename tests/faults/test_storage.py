"""A full disk and a database that goes away end or delay a run, and lose nothing."""

import shutil
import subprocess
import time

import pytest
import warm
from drive import is_alive, until
from warm import Run

AWAY_S = {"here": 30, "2 workers": 10, "on Ray": 10}
WHERE = {"here": {}, "2 workers": {"workers": 2}, "on Ray": {"workers": 2, "on_ray": True}}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.usefixtures("own_ray")
def test_postgresql_that_is_restarted_and_gone_for_long_is_waited_for(
    tmp_path, server, postgres, sound, pids, where
):
    environment = {"TWOPATH_TEST_STEP_S": "0.2", "TWOPATH_TEST_PIDS": str(pids)}
    run = Run(tmp_path, url=postgres, environment=environment, **WHERE[where])
    run.until(lambda: any(pids.iterdir()))
    server.stop()
    server.start()
    ledger = warm.open_ledger(tmp_path, postgres)
    run.until(lambda: warm.learnt_by_seed(tmp_path, postgres))
    before = done(ledger)
    server.stop()
    time.sleep(AWAY_S[where])
    assert run.poll() is None, "it waits"
    server.start()
    assert run.did()["trained"] == 4
    after = done(ledger)
    assert {seed: after[seed] for seed in before} == before
    assert warm.learnt_by_seed(tmp_path, postgres) == sound
    warm.assert_nothing_is_held(tmp_path, postgres)
    assert {claim.attempt for claim in warm.claims(tmp_path, postgres)} == {1}
    assert {row["resumed_from_step"] for row in after.values()} == {0}, "nothing was begun twice"
    until(lambda: not any(is_alive(int(path.name)) for path in pids.iterdir()))
    said = run.said.read_text()
    assert "does not answer, asked again for 300 s" in said and "answers again" in said


def done(ledger):
    """The rows of the trials that are done, by seed."""
    return {row["seed"]: row for row in ledger.rows("slow") if row["state"] == "done"}


@pytest.fixture
def small(tmp_path):
    """A folder on a disk of its own of a few megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.usefixtures("own_ray")
def test_a_disk_that_runs_full_loses_nothing_that_was_finished(folder, small, sound, where):
    for file in folder.glob("ledger.db*"):
        shutil.move(file, small)
    said, _ = filled(small, sound, log=folder, **WHERE[where])
    assert "disk is full" in said or f"{small}/trials/" in said


@pytest.mark.parametrize("where", ["2 workers", "on Ray"])
@pytest.mark.usefixtures("own_ray")
def test_trials_whose_disk_is_full_say_which_file_and_go_on_once_there_is_room(
    folder, small, sound, where
):
    # Where the ledger is on another disk, the rows can be kept.
    url = f"sqlite:///{folder}/ledger.db"
    _, reasons = filled(small, sound, log=folder, url=url, **WHERE[where])
    assert reasons
    for reason in reasons:
        assert reason.startswith(f"disk full: {small}/trials/")
        assert reason.endswith(f": No space left on device, on the disk at {small}")


def filled(small, sound, *, log, url=None, **where):
    """Lets a disk run full amid a run, makes room, and sees that the next run ends as it should.

    Gives what the first run said, and the reasons of the trials that failed.
    """
    run = Run(small, environment={"TWOPATH_TEST_STEP_S": "0.1"}, log=log, url=url, **where)
    run.until(lambda: warm.learnt_by_seed(small, url))
    before = warm.learnt_by_seed(small, url)
    fill(small / "ballast")
    run.ended()
    ended = warm.open_ledger(small, url).rows("slow")
    reasons = [row["reason"] for row in ended if row["state"] == "failed"]
    said = run.said.read_text()
    assert reasons or "disk is full" in said
    (small / "ballast").unlink()
    assert warm.learnt_by_seed(small, url).items() >= before.items()
    did = Run(small, log=log, url=url).did()
    assert did["trained"] + did["cached"] == 4, "a full disk is no reason to ask for --retry-failed"
    assert warm.learnt_by_seed(small, url) == sound
    warm.assert_nothing_is_held(small, url)
    return said + str(reasons), reasons


def fill(path):
    """Writes a file until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return
