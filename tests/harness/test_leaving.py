"""A first Ctrl-C lets what trains be saved, whenever it comes; a second one breaks into nothing."""

import json
import signal
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from tiny import rows, session, tiny

from harness import leaving
from harness.leaving import heeded, once, training
from harness.runners import sign, watch
from harness.runners.watch import Leaving, Silence
from harness.trial import Event


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_one_that_comes_after_the_last_look_is_not_lost(capfd):
    with heeded(signal.SIGINT):
        with pytest.raises(KeyboardInterrupt), training():
            interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    with training():
        assert not leaving.is_asked(), "the next run knows nothing of it"
    assert capfd.readouterr().err.count("Ctrl-C again leaves at once") == 1


def test_one_during_a_trial_that_fails_is_heeded_after_it(tmp_path, monkeypatch):
    from harness.runners import local

    def fail(job, source):
        with training():
            interrupt()
            raise ValueError("not today")

    def run_alarmed(job, source):
        with pytest.raises(ValueError, match="not today"):
            fail(job, source)
        return local.failed_row(job, "ValueError: not today")

    monkeypatch.setattr(local, "_run_alarmed", run_alarmed)
    with pytest.raises(KeyboardInterrupt):
        session(tiny(seeds=(0, 1)), tmp_path).run()
    assert [row["state"] for row in rows(tmp_path).values()] == ["failed"]


def test_only_the_first_interrupts_and_those_after_it_do_what_they_are_to():
    heard = []
    with once(lambda: heard.append(1)):
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        interrupt()
        interrupt()
    assert heard == [1, 1]
    with pytest.raises(KeyboardInterrupt):
        interrupt()


@pytest.mark.parametrize("guard", [lambda: heeded(signal.SIGINT), lambda: once(lambda: None)])
def test_what_a_shell_shields_from_it_stays_shielded(guard):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with guard():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)


def trial(name, status="RUNNING"):
    state = SimpleNamespace(ray_actor=name)
    return SimpleNamespace(trial_id=name, status=status, temporary_state=state)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(watch.time, "monotonic", lambda: now.s)
    return now


def test_workers_are_asked_once_and_waited_for_but_not_for_long(monkeypatch, clock):
    put = []
    monkeypatch.setattr(sign, "_internal_kv_put", lambda *what: put.append(what))
    each = Leaving("sign")
    each.on_step_begin(1, [trial("a")])
    assert not put
    monkeypatch.setattr(leaving, "is_asked", lambda: True)
    each.on_step_begin(1, [trial("a")])
    each.on_step_begin(2, [trial("a")])
    assert put == [("sign", b"1")]
    with pytest.raises(KeyboardInterrupt):
        each.on_step_begin(3, [trial("a", "TERMINATED"), trial("b", "PENDING")])
    clock.s += leaving.LEAVES_S + 1
    with pytest.raises(KeyboardInterrupt):
        each.on_step_begin(4, [trial("a")])


def test_a_worker_that_does_not_end_itself_in_time_is_ended(tmp_path, monkeypatch, clock):
    job = replace(session(tiny(), tmp_path).take(), patience_s=20.0)
    killed, rows_of = [], {}
    monkeypatch.setattr(watch.ray, "kill", killed.append)
    jobs = {"a": job, "b": job, "c": job}
    each = Silence(jobs, rows_of.__setitem__, reports_s=0.5)
    trials = [trial(name) for name in jobs]
    for started in trials[:2]:
        each.on_trial_start(0, trials, started)
    del jobs["b"]  # it ended
    event = Event(key="k", state="training", step=3, steps=12, loss=0.5, seconds=1.0)
    each.on_trial_result(0, trials, trials[0], {"event": json.dumps(asdict(event))})
    for _ in range(30):
        clock.s += 1.0
        each.on_step_begin(0, trials)
    assert not killed, "the worker itself is first"
    for _ in range(3):
        clock.s += 1.0
        each.on_step_begin(0, trials)
    assert (killed, list(rows_of)) == (["a"], ["a"]), "c has not started"
    reason = "TimeoutError: no progress for 20 s after step 3 of 12; see --trial-timeout"
    assert rows_of["a"]["reason"] == reason
