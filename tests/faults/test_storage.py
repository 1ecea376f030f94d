"""A full disk and a database that goes away end or delay a run, and lose nothing."""

import shutil
import subprocess
import time

import pytest
import warm
from warm import Run

AWAY_S = 30
SLOWLY = {"TWOPATH_TEST_STEP_S": "0.1"}


def test_postgresql_that_is_restarted_and_gone_for_long_is_waited_for(
    tmp_path, server, postgres, sound
):
    run = Run(tmp_path, url=postgres, environment=SLOWLY)
    ledger = warm.open_ledger(tmp_path, postgres)
    run.until(lambda: warm.learnt_by_seed(tmp_path, postgres))
    before = ledger.rows("slow")
    server.stop()
    time.sleep(AWAY_S)
    server.start()
    assert run.did()["trained"] == 4
    done = [row for row in before if row["state"] == "done"]
    assert [row for row in ledger.rows("slow") if row["seed"] < len(done)] == done
    assert warm.learnt_by_seed(tmp_path, postgres) == sound
    warm.assert_nothing_is_held(tmp_path, postgres)
    said = run.said.read_text()
    assert "does not answer, asked again for 300 s" in said and "answers again" in said


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


def test_a_disk_that_runs_full_loses_nothing_that_was_finished(folder, small, sound):
    for file in folder.glob("ledger.db*"):
        shutil.move(file, small)
    run = Run(small, environment=SLOWLY, log=folder)
    run.until(lambda: warm.learnt_by_seed(small))
    before = warm.learnt_by_seed(small)
    fill(small / "ballast")
    run.ended()
    said = run.said.read_text() + str([row["reason"] for row in warm.ended_rows(small).values()])
    assert "No space left on device" in said or "disk is full" in said
    (small / "ballast").unlink()
    assert warm.learnt_by_seed(small).items() >= before.items()
    did = Run(small, log=folder).did()
    assert did["trained"] + did["cached"] == 4, "a full disk is no reason to ask for --retry-failed"
    assert warm.learnt_by_seed(small) == sound
    warm.assert_nothing_is_held(small)


def fill(path):
    """Writes a file until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return
