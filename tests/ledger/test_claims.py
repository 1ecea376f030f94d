"""A trial is claimed by one driver at a time, and only its last attempt's result is kept."""

import subprocess
import sys
import textwrap

import pytest

from harness import drivers
from harness.drivers import Silence, is_gone, new_owner
from harness.ledger import Claim, Ledger


def claim(owner="a", attempt=1):
    return Claim(key="k", owner=owner, attempt=attempt)


def row(**figures):
    return {"key": "k", "state": "done", **figures}


def test_one_claims_and_the_other_does_not(ledger):
    assert ledger.claims(["k"]) == {}
    assert ledger.claim(claim("a"))
    assert not ledger.claim(claim("b"))
    assert ledger.claims(["k", "other"]) == {"k": claim("a")}


def test_a_claim_that_was_made_may_be_made_again(ledger):
    """So after a commit whose answer was lost on the way."""
    assert ledger.claim(claim("a")) and ledger.claim(claim("a"))
    assert ledger.claim(claim("b", 2)) and ledger.claim(claim("b", 2))
    assert not ledger.claim(claim("a", 2)) and not ledger.claim(claim("c", 2))


def test_what_nobody_has_is_taken_by_who_asks_for_it(ledger):
    assert ledger.take(claim("a")) == (claim("a"), None)
    assert ledger.take(claim("a")) == (claim("a"), None), "again, as after a lost answer"
    assert ledger.take(claim("b")) == (claim("a"), None)
    assert ledger.claims(["k"]) == {"k": claim("a")}


def test_what_has_ended_is_not_taken(ledger):
    ledger.put_trial(row(miou=0.5))
    assert ledger.take(claim("a")) == (None, row(miou=0.5))
    assert ledger.claims(["k"]) == {}


def test_the_result_of_an_attempt_that_was_taken_over_is_refused(ledger):
    ledger.claim(claim("a"))
    ledger.claim(claim("b", 2))
    assert not ledger.put_trial(row(miou=0.1), attempt=1)
    assert ledger.trials(["k"]) == {}
    assert ledger.put_trial(row(miou=0.2), attempt=2)
    assert ledger.put_trial(row(miou=0.2), attempt=2), "again, as after an answer that was lost"
    assert not ledger.put_trial(row(miou=0.1), attempt=1)
    assert ledger.trials(["k"])["k"]["miou"] == 0.2
    assert ledger.claims(["k"]) == {"k": claim("", 2)}


def test_a_driver_that_leaves_lets_go_of_all_it_holds(ledger):
    ledger.claim(claim("a"))
    ledger.claim(Claim(key="other", owner="b", attempt=1))
    ledger.beat("a")
    ledger.leave("a")
    assert ledger.claims(["k"]) == {"k": claim("", 1)}
    assert ledger.claims(["other"])["other"].owner == "b"
    assert ledger.beat_of("a") == 0


def test_a_beat_rises(ledger):
    assert ledger.beat_of("a") == 0
    ledger.beat("a")
    ledger.beat("b")
    ledger.beat("a")
    assert (ledger.beat_of("a"), ledger.beat_of("b")) == (2, 1)


RACER = """
    import sys
    from harness.ledger import Claim, Ledger
    ledger, name = Ledger(sys.argv[1]), sys.argv[2]
    sys.stdin.readline()
    won = [n for n in range(60) if ledger.claim(Claim(key=str(n), owner=name, attempt=1))]
    print(*won)
"""


def test_of_drivers_that_race_one_wins_each_trial(where):
    Ledger(where)
    command = [sys.executable, "-c", textwrap.dedent(RACER), where]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([*command, str(n)], **pipes) for n in range(3)]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [int(n) for racer in racers for n in racer.communicate(timeout=120)[0].split()]
    assert sorted(won) == list(range(60))


class Clock:
    """A steady clock that stands until it is moved."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(drivers, "time", clock)
    return clock


def silent_for(clock, silence, seconds, *, beat=1, step=1.0):
    """Whether a driver counts as dead after each of some looks."""
    told = []
    for _ in range(int(seconds / step)):
        clock.now += step
        told.append(silence.is_over("a", beat))
    return told


def test_a_driver_is_dead_after_a_whole_lease_of_silence(clock):
    silence = Silence()
    assert not silence.is_over("a", 1)
    assert not any(silent_for(clock, silence, drivers.LEASE_S - 1))
    assert not silence.is_over("a", 2), "it was heard again"
    assert not any(silent_for(clock, silence, drivers.LEASE_S - 1, beat=2))
    assert silent_for(clock, silence, 1, beat=2) == [True]


def test_a_time_in_which_nobody_listened_is_no_silence(clock):
    silence = Silence()
    silence.is_over("a", 1)
    clock.now += 3600  # this process, or the server, stood still
    assert not silence.is_over("a", 1)


def test_a_process_of_this_machine_that_ended_is_gone_at_once():
    assert not is_gone(new_owner())
    words = [sys.executable, "-c", "from harness.drivers import new_owner; print(new_owner())"]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    assert is_gone(ended)
    host, pid, start, _, number = ended.split()
    assert not is_gone(f"{host} {pid} {start} elsewhere {number}"), "that machine knows, not this"
    assert not is_gone(f"{host} {pid} {start} - {number}")


def test_another_process_under_the_number_of_one_that_ended_is_not_it():
    host, pid, start, machine, number = new_owner().split()
    assert is_gone(f"{host} {pid} {int(start) - 1} {machine} {number}")


def test_no_two_drivers_have_one_name():
    assert new_owner() != new_owner()
    assert len(new_owner()) <= 200
