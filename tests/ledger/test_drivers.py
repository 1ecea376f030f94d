"""Two drivers share a study on one ledger: each trial is trained once, whatever becomes of one."""

import signal
import time
from pathlib import Path

import pytest
from drive import answer, kill, start, until
from tiny import Heard, learnt, run, session, tiny

from harness import drivers, sharing
from harness.drivers import new_owner
from harness.ledger import Claim, Ledger, open_ledger
from harness.runners.local import Processes
from harness.training import loop

STUDY = Path(__file__).with_name("shared_study.py")


@pytest.fixture(autouse=True)
def settings_come_back(monkeypatch):
    """What the study's file sets is set back after each test."""
    for module, name in (
        (loop, "SAVE_EVERY_S"), (loop, "SAVE_SHARE"), (sharing, "LOOK_S"),
        (drivers, "LEASE_S"), (drivers, "BEAT_S"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one driver alone learns, by seed; its study was not slowed."""
    folder = tmp_path_factory.mktemp("alone")
    assert answer(start(STUDY, folder))["trained"] == 4
    return {row["seed"]: learnt(row) for row in open_ledger(folder).rows("shared")}


def learnt_by_seed(ledger):
    return {row["seed"]: learnt(row) for row in ledger.rows("shared")}


def attempts(ledger):
    """How often each trial was begun; nobody holds one any more."""
    claims = ledger.claims(entry.key for entry in ledger.plan("shared")).values()
    assert {claim.owner for claim in claims} == {""}
    return sorted(claim.attempt for claim in claims)


def held(ledger):
    """The trials that drivers hold, by the process that does."""
    claims = ledger.claims(entry.key for entry in ledger.plan("shared")).values()
    return {int(claim.owner.split()[1]): claim for claim in claims if claim.owner}


def is_saved(folder, process, ledger):
    """Whether a driver is in the middle of a trial that it has saved."""
    claim = held(ledger).get(process.pid)
    return bool(claim) and Path(folder, "trials", claim.key[:16], "checkpoint.pt").exists()


def test_two_drivers_share_the_trials_of_a_study(tmp_path, alone):
    where = str(tmp_path / "ledger.db")
    options = ("--ledger", where)
    both = [start(STUDY, tmp_path, *options, TWOPATH_TEST_STEP_S="0.1") for _ in range(2)]
    told = [answer(each) for each in both]
    assert sum(each["trained"] for each in told) == 4
    assert all(each["trained"] + each["cached"] == each["planned"] == 4 for each in told)
    ledger = Ledger(where)
    assert attempts(ledger) == [1, 1, 1, 1]
    assert learnt_by_seed(ledger) == alone


def test_a_driver_that_was_killed_is_taken_over_by_the_other(tmp_path, where, alone):
    options, workers = ("--ledger", where), 1 if "://" in where else 2
    ledger, slow = Ledger(where), {"TWOPATH_TEST_STEP_S": "4"}
    doomed = start(STUDY, tmp_path, *options, "--workers", str(workers), **slow)
    until(lambda: is_saved(tmp_path, doomed, ledger), doomed)
    other = start(STUDY, tmp_path, *options)
    until(lambda: other.pid in held(ledger) or ledger.rows("shared"), other)
    kill(doomed)
    before = ledger.rows("shared")
    told = answer(other)
    assert told["trained"] + told["cached"] == 4
    after = ledger.rows("shared")
    assert [row for row in after if row["key"] in {each["key"] for each in before}] == before
    cut_off = {row["resumed_from_step"] for row in after if row["folder"].endswith("-2")}
    assert attempts(ledger) == [1] * (4 - workers) + [2] * workers
    assert any(cut_off), "a trial went on from the other's checkpoint"
    assert learnt_by_seed(ledger) == alone
    assert not list(tmp_path.glob("trials/*/checkpoint.pt*"))


def test_a_driver_that_stood_still_is_taken_over_and_told(tmp_path, alone):
    where, said = str(tmp_path / "ledger.db"), tmp_path / "said"
    options = ("--ledger", where)
    settings = {"TWOPATH_TEST_STEP_S": "0.1", "TWOPATH_TEST_LEASE_S": "4"}
    ledger = Ledger(where)
    with said.open("w") as stderr:
        still = start(STUDY, tmp_path, *options, stderr=stderr, **settings)
        until(lambda: is_saved(tmp_path, still, ledger), still)
        still.send_signal(signal.SIGSTOP)
        try:
            told = answer(start(STUDY, tmp_path, *options, **settings))
        finally:
            still.send_signal(signal.SIGCONT)
        late = answer(still)
    assert (told["trained"], late["trained"], late["cached"]) == (4, 0, 4)
    assert "was taken over by another run on this ledger" in said.read_text()
    assert attempts(ledger) == [1, 1, 1, 2]
    assert learnt_by_seed(ledger) == alone


def hold(folder, study, owner):
    """Claims the one trial of a study for another driver; gives its key."""
    first = session(study, folder)
    key = first.take().trial.entry.key
    ledger = open_ledger(folder)
    ledger.leave(first._desk.owner)
    assert ledger.claim(Claim(key=key, owner=owner, attempt=2))
    return key


def test_a_clock_that_is_set_back_or_on_changes_nothing(tmp_path, monkeypatch):
    """Nothing in a claim is a time of day."""
    monkeypatch.setattr(sharing, "LOOK_S", 0.01)
    elsewhere = "far 1 1 elsewhere 1"
    key = hold(tmp_path, tiny(), elsewhere)
    monkeypatch.setattr(drivers, "LEASE_S", 0.2)
    for now in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        did = run(tiny(), tmp_path)
        assert did[:2] in ((1, 0), (0, 1))
    assert open_ledger(tmp_path).claims([key])[key].attempt == 3


class Ends(Heard):
    """A display that ends another driver's trial as soon as that is waited for."""

    def __init__(self, ledger, row):
        super().__init__()
        self.end = lambda: ledger.put_trial(row, attempt=2)

    def phase(self, text):
        super().phase(text)
        if "is waited for" in text:
            assert self.end()


@pytest.mark.parametrize("state", ["done", "failed"])
@pytest.mark.parametrize("retry_failed", [False, True])
def test_what_another_driver_runs_is_waited_for_and_answered(tmp_path, state, retry_failed):
    ledger = open_ledger(tmp_path, make=True)
    key = hold(tmp_path, tiny(), new_owner())
    row = {"key": key, "state": state, "reason": "no", "miou": 0.5, "train_s": 1.0, "folder": "f"}
    heard = Ends(ledger, row)
    assert run(tiny(), tmp_path, progress=heard, retry_failed=retry_failed) == (0, 1, 0, 0)
    assert any("is run by process" in text for text in heard.phases)
    assert [each[2] for each in heard.ended] == [state]


def test_a_run_that_is_broken_off_gives_its_trials_back(tmp_path):
    class Cut(Heard):
        def started(self, entry):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny(seeds=(0, 1)), tmp_path, progress=Cut(), runner=Processes(1))
    ledger = open_ledger(tmp_path)
    claims = ledger.claims(entry.key for entry in ledger.plan("tiny"))
    assert [claim.owner for claim in claims.values()] == [""]
