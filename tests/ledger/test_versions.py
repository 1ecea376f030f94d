"""An older ledger is brought up to date with all its rows; a newer one is refused."""

import json

import pytest
import sqlalchemy as sql

from harness.ledger import Claim, Entry, Ledger
from harness.ledger import ledger as module
from harness.ledger.database import _url_of
from harness.ledger.schema import VERSION

FIRST = """
CREATE TABLE trials (key VARCHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (key));
CREATE TABLE measurements (key VARCHAR(64) NOT NULL, record TEXT NOT NULL, PRIMARY KEY (key));
CREATE TABLE studies (name VARCHAR(200) NOT NULL, record TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE plans (study VARCHAR(200) NOT NULL, position INTEGER NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (study, position))
"""
"""The tables as the first version made them, which kept no version."""

ROW = {"key": "k", "state": "done", "miou": 0.5}
ENTRY = {"key": "k", "cost_key": "c", "latency_key": "l", "candidate": "sum", "factors": {}}


def execute(where, *statements):
    engine = sql.create_engine(_url_of(where))
    with engine.begin() as connection:
        found = [connection.execute(sql.text(each[0]), each[1:] or None) for each in statements]
        rows = [tuple(row) for row in found[-1]] if found[-1].returns_rows else []
    engine.dispose()
    return rows


@pytest.fixture
def old(where):
    """A ledger of the first version with a row in each table."""
    values = [
        ("INSERT INTO trials VALUES ('k', 'done', :r)", {"r": json.dumps(ROW)}),
        ("INSERT INTO trials VALUES ('f', 'failed', :r)", {"r": '{"key": "f", "state": "failed"}'}),
        ("INSERT INTO measurements VALUES ('c', :r)", {"r": '{"gmacs": 1.5}'}),
        ("INSERT INTO studies VALUES ('s', :r)", {"r": '{"name": "s"}'}),
        ("INSERT INTO plans VALUES ('s', 0, :r)", {"r": json.dumps({**ENTRY, "seed": 0})}),
    ]
    execute(where, *((each,) for each in FIRST.split(";")), *values)
    return where


def version(where):
    return execute(where, ("SELECT version FROM ledger_version",))


def check_rows(ledger):
    assert ledger.trials(["k", "f"]) == {"k": ROW, "f": {"key": "f", "state": "failed"}}
    assert ledger.measurements(["c"]) == {"c": {"gmacs": 1.5}}
    assert ledger.studies() == {"s": {"name": "s"}}
    assert ledger.plan("s") == [Entry(**ENTRY, seed=0)]


def test_a_new_ledger_says_its_version(where):
    Ledger(where)
    assert version(where) == [(VERSION,)]


def test_a_ledger_of_the_first_version_keeps_every_row(old):
    ledger = Ledger(old)
    check_rows(ledger)
    assert version(old) == [(VERSION,)]
    assert ledger.claim(Claim(key="k", owner="me", attempt=1)), "what is new works"
    check_rows(Ledger(old))


def test_a_migration_that_is_cut_off_leaves_the_old_ledger(old, monkeypatch):
    def crash(connection):
        module_migrate(connection)
        raise RuntimeError("the power went")

    module_migrate = module.migrate
    monkeypatch.setattr(module, "migrate", crash)
    with pytest.raises(RuntimeError, match="the power went"):
        Ledger(old)
    engine = sql.create_engine(_url_of(old))
    assert set(sql.inspect(engine).get_table_names()) == {
        "trials", "measurements", "studies", "plans",
    }  # fmt: skip
    engine.dispose()
    monkeypatch.undo()
    check_rows(Ledger(old))


def test_a_newer_ledger_is_refused_and_left_as_it_is(where):
    Ledger(where)
    execute(where, (f"UPDATE ledger_version SET version = {VERSION + 1}",))
    newer = rf"it is of version {VERSION + 1}, made by a newer Twopath; this one knows up to"
    with pytest.raises(ValueError, match=newer) as caught:
        Ledger(where)
    assert "\n" not in str(caught.value)
    assert version(where) == [(VERSION + 1,)]
