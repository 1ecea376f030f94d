"""A first Ctrl-C leaves as soon as the running trials are saved; a second leaves at once."""

import signal

import pytest
import warm
from drive import is_alive, until
from warm import Run

STEPS = "TWOPATH_TEST_STEP_S"
PIDS = "TWOPATH_TEST_PIDS"
WHERE = [
    pytest.param({}, id="here"),
    pytest.param({"workers": 2}, id="2 workers"),
    pytest.param({"workers": 2, "on_ray": True}, id="on Ray"),
]


def begin(folder, pids, where, step_s):
    """A run that trains, and would not save for a while; and the processes that train."""
    environment = {STEPS: step_s, PIDS: str(pids)}
    run = Run(folder, saves=False, environment=environment, **where)
    run.until(lambda: len(list(pids.iterdir())) == where.get("workers", 1))
    return run, [int(path.name) for path in pids.iterdir()]


def leave(run, trains):
    """Waits for the end of a run, and sees that nothing of it trains any more."""
    assert run.ended() == 130
    if run.on_ray:  # which ends its processes, but does not wait for them
        until(lambda: not any(map(is_alive, trains)))
    assert not any(map(is_alive, trains))


@pytest.mark.parametrize("where", WHERE)
def test_the_first_saves_what_trains_and_leaves(folder, sound, pids, own_ray, where):
    run, trains = begin(folder, pids, where, "0.4")
    run.signal(signal.SIGINT)
    leave(run, trains)
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)
    assert warm.Run(folder).did()["trained"] == 4
    resumed = [row["resumed_from_step"] for row in warm.ended_rows(folder).values()]
    assert [step > 0 for step in resumed] == [seed < len(trains) for seed in range(4)]
    assert warm.learnt_by_seed(folder) == sound
    assert "Ctrl-C again leaves at once" in run.said.read_text()


@pytest.mark.parametrize("where", WHERE)
def test_the_second_leaves_at_once(folder, pids, own_ray, where):
    run, trains = begin(folder, pids, where, "600")
    run.signal(signal.SIGINT)
    run.until(lambda: "Ctrl-C again leaves at once" in run.said.read_text())
    run.signal(signal.SIGINT)
    leave(run, trains)
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)
