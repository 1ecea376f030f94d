"""A server that goes away for a while is waited for, with a plain line, and nothing is lost."""

import threading
import time

import pytest
import sqlalchemy as sql

from harness.ledger import Claim, Ledger, database


@pytest.fixture
def calm(monkeypatch):
    monkeypatch.setattr(database, "PAUSES_S", (0.05, 0.2))


def row(key):
    return {"key": key, "state": "done", "miou": 0.5}


def while_away(server, work, seconds=1.0):
    """What some work gives that is begun while a server is away."""
    server.stop()
    back = threading.Timer(seconds, server.start)
    back.start()
    try:
        return work()
    finally:
        back.join()


def test_what_is_written_and_read_while_the_server_is_away_is_not_lost(
    server, postgres, calm, capsys
):
    ledger = Ledger(postgres)
    assert ledger.claim(Claim(key="1", owner="a", attempt=1))
    capsys.readouterr()
    assert while_away(server, lambda: ledger.put_trial(row("1"), attempt=1))
    assert while_away(server, lambda: ledger.trials(["1"])) == {"1": row("1")}
    first, second, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("twopath: the ledger postgresql://me:***@127.0.0.1:")
    assert "does not answer, asked again for 300 s: " in first
    assert second.endswith("answers again")
    assert len(rest) == 2, "one line when it goes and one when it comes"
    assert ledger.put_trial(row("2"))


def test_many_writes_through_a_restart_are_all_there_once(server, postgres, calm):
    ledger, put = Ledger(postgres), []

    def write():
        for number in range(150):
            key = str(number)
            assert ledger.claim(Claim(key=key, owner="a", attempt=1))
            assert ledger.put_trial(row(key), attempt=1)
            put.append(key)

    writer = threading.Thread(target=write)
    writer.start()
    while len(put) < 20:
        time.sleep(0.001)
    while_away(server, lambda: None, seconds=0.2)
    writer.join()
    assert set(ledger.trials(put)) == set(put) and len(put) == 150
    assert {claim.attempt for claim in ledger.claims(put).values()} == {1}


def test_a_server_that_stays_away_is_given_up_and_what_cannot_wait_does_not(
    server, postgres, calm, monkeypatch
):
    ledger = Ledger(postgres)
    server.stop()
    try:
        with pytest.raises(sql.exc.OperationalError):
            ledger.beat("a")
        monkeypatch.setattr(database, "AWAY_S", 0.2)
        with pytest.raises(sql.exc.OperationalError):
            ledger.put_trial(row("1"))
        with pytest.raises(ValueError, match=r"cannot open the ledger postgresql://me:\*\*\*@"):
            Ledger(postgres)
    finally:
        server.start()
