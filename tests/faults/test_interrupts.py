"""A first Ctrl-C leaves as soon as the running trials are saved; a second leaves at once."""

import signal

import pytest
import warm
from drive import is_alive
from warm import Run

STEPS = "TWOPATH_TEST_STEP_S"
PIDS = "TWOPATH_TEST_PIDS"
WORKERS = [1, pytest.param(2, id="2 workers")]


@pytest.fixture
def pids(folder):
    """A folder in which each process that trains leaves its number."""
    folder = folder / "pids"
    folder.mkdir()
    return folder


def begin(folder, pids, workers, step_s):
    """A run that trains, and would not save for a while; and the processes that train."""
    environment = {STEPS: step_s, PIDS: str(pids)}
    run = Run(folder, saves=False, workers=workers, environment=environment)
    run.until(lambda: len(list(pids.iterdir())) == workers)
    return run, [int(path.name) for path in pids.iterdir()]


@pytest.mark.parametrize("workers", WORKERS)
def test_the_first_saves_what_trains_and_leaves(folder, sound, pids, workers):
    run, trains = begin(folder, pids, workers, "0.2")
    run.signal(signal.SIGINT)
    assert run.ended() == 130
    assert not any(map(is_alive, trains))
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)
    assert warm.Run(folder).did()["trained"] == 4
    resumed = [row["resumed_from_step"] for row in warm.ended_rows(folder).values()]
    assert [step > 0 for step in resumed] == [number < workers for number in range(4)]
    assert warm.learnt_by_seed(folder) == sound
    assert "Ctrl-C again leaves at once" in run.said.read_text()


@pytest.mark.parametrize("workers", WORKERS)
def test_the_second_leaves_at_once(folder, sound, pids, workers):
    run, trains = begin(folder, pids, workers, "600")
    run.signal(signal.SIGINT)
    run.until(lambda: "Ctrl-C again leaves at once" in run.said.read_text())
    run.signal(signal.SIGINT)
    assert run.ended() == 130
    assert not any(map(is_alive, trains))
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)
