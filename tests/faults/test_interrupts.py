"""A first Ctrl-C leaves as soon as the running trials are saved; a second leaves at once."""

import signal

import pytest
import raylets
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
SHARED = [
    pytest.param({"processes": 2}, id="here"),
    pytest.param({"processes": 2, "workers": 2}, id="2 workers"),
    pytest.param({"processes": 2, "on_ray": True}, id="on Ray"),
]
"""One trial that two processes train."""


def begin(folder, pids, where, step_s, **more):
    """A run that trains, and would not save for a while; and the processes that train."""
    environment = {STEPS: step_s, PIDS: str(pids)}
    run = Run(folder, saves=False, environment=environment, **where, **more)
    num = where.get("processes") or where.get("workers", 1)
    run.until(lambda: len(list(pids.iterdir())) == num)
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


@pytest.mark.parametrize("where", SHARED)
def test_the_first_saves_what_two_processes_train(folder, shared, pids, own_ray, where):
    run, trains = begin(folder, pids, where, "0.4", seeds=1)
    run.signal(signal.SIGINT)
    leave(run, trains)
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)
    assert warm.Run(folder, seeds=1, processes=2).did()["trained"] == 1
    [row] = warm.ended_rows(folder).values()
    assert row["resumed_from_step"] > 0
    assert warm.learnt_by_seed(folder) == shared
    assert "Ctrl-C again leaves at once" in run.said.read_text()


@pytest.mark.parametrize("where", [SHARED[0], SHARED[2]])
def test_the_second_leaves_two_processes_at_once(folder, pids, own_ray, where):
    run, trains = begin(folder, pids, where, "600", seeds=1)
    run.signal(signal.SIGINT)
    run.until(lambda: "Ctrl-C again leaves at once" in run.said.read_text())
    run.signal(signal.SIGINT)
    leave(run, trains)
    assert warm.ended_rows(folder) == {}
    warm.assert_nothing_is_held(folder)


def test_the_first_saves_what_trains_on_a_cluster_which_lives_on(
    folder, sound, pids, own_ray, tmp_path
):
    with raylets.cluster(own_ray, tmp_path / "log", **{STEPS: "0.4", PIDS: str(pids)}) as address:
        where = {"on_ray": True, "address": address}
        run, trains = begin(folder, pids, where, "0.4", seeds=2)
        run.signal(signal.SIGINT)
        leave(run, trains)
        assert warm.ended_rows(folder) == {}
        warm.assert_nothing_is_held(folder)
        assert "Ctrl-C again leaves at once" in run.said.read_text()
        assert Run(folder, seeds=2, **where).did()["trained"] == 2
    resumed = [row["resumed_from_step"] for row in warm.ended_rows(folder).values()]
    assert resumed[0] > 0 and resumed[1] == 0
    assert warm.learnt_by_seed(folder) == {seed: sound[seed] for seed in range(2)}
