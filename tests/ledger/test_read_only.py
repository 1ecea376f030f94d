"""A ledger's file that lies where nothing can be written is read, whole and as it is now."""

import shutil
import sqlite3
import subprocess
import sys
from functools import partial

import pytest
import sqlalchemy as sql

from harness.ledger import Ledger, database, open_ledger
from harness.ledger.connecting import connected

KILLED = """
import os, sys
from harness.ledger import Ledger
ledger = Ledger(sys.argv[1])
ledger.put_trial({"key": "last", "state": "done"})
os.kill(os.getpid(), 9)
"""
ODD_NAME = "50 % of a?b#c"


class Refusing(sqlite3.Connection):
    """Says of a file what SQLite says of one that lies where nothing can be written."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.path = path

    def execute(self, statement, *values):
        if statement.startswith("PRAGMA") and not self.is_shared():
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
            raise error
        return super().execute(statement, *values)

    def is_shared(self):
        """Whether a run is at it, by way of whose files it can be read."""
        return all(has(f"{self.path}-{end}") for end in ("wal", "shm"))


def has(path):
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except FileNotFoundError:
        return False


@pytest.fixture
def folder(tmp_path):
    """A folder of runs with a ledger that nobody has open; its name must be quoted in a URI."""
    folder = tmp_path / ODD_NAME
    folder.mkdir()
    put(folder, "first")
    return folder


@pytest.fixture(params=["mounted", "refused"])
def seen_in(request, monkeypatch):
    """Gives where a folder is seen by whoever can only read it."""
    if request.param == "mounted":
        return request.getfixturevalue("read_only")

    def only_read(connect, *more, must_write):
        made_by = connect if must_write else partial(connect, factory=Refusing)
        return connected(made_by, *more, must_write=must_write)

    monkeypatch.setattr(database, "connected", only_read)
    return lambda folder: folder


def put(folder, *keys):
    writer = Ledger(folder / "ledger.db")
    for key in keys:
        writer.put_trial({"key": key, "state": "done"})
    writer.rest()


def states(ledger):
    return ledger.states(["first", "second", "third", "last"])


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_it_is_read_and_nothing_is_left_beside_it(folder, seen_in):
    ledger = open_ledger(seen_in(folder))
    assert states(ledger) == {"first": "done"}
    ledger.rest()
    assert states(ledger) == {"first": "done"}
    assert names(folder) == ["ledger.db"]


def test_what_a_run_writes_meanwhile_is_read_and_told(folder, seen_in):
    ledger = open_ledger(seen_in(folder))
    told = [ledger.commits(), ledger.commits()]
    assert told[0] == told[1]
    put(folder, "second")  # and has gone
    told.append(ledger.commits())
    assert set(states(ledger)) == {"first", "second"}
    writer = Ledger(folder / "ledger.db")
    writer.put_trial({"key": "third", "state": "done"})  # and is still there
    told.append(ledger.commits())
    assert set(states(ledger)) == {"first", "second", "third"}
    writer.put_trial({"key": "last", "state": "done"})
    told.append(ledger.commits())
    assert set(states(ledger)) == {"first", "second", "third", "last"}
    assert len(set(told)) == 4


@pytest.mark.parametrize("is_torn", [False, True])
def test_what_was_read_while_a_run_began_is_read_again(folder, seen_in, is_torn):
    ledger, asked = open_ledger(seen_in(folder)), []

    def work(connection):
        found = connection.exec_driver_sql("SELECT count(*) FROM trials").scalar_one()
        asked.append(found)
        if len(asked) == 1:
            put(folder, "second")
            if is_torn:
                raise sql.exc.DatabaseError("SELECT", {}, Exception("malformed"))
        return found

    assert ledger._database.read(work) == 2
    assert asked == [1, 2]


def test_what_is_wrong_with_a_question_itself_is_said(folder, seen_in):
    ledger = open_ledger(seen_in(folder))
    with pytest.raises(sql.exc.OperationalError, match="no such table"):
        ledger._database.read(lambda c: c.exec_driver_sql("SELECT * FROM no_table"))


def test_what_a_killed_run_left_is_read(folder, read_only):
    killed(folder)
    assert names(folder) == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
    assert states(open_ledger(read_only(folder))) == {"first": "done", "last": "done"}


def test_rows_beside_the_file_are_not_left_out(tmp_path, folder, seen_in):
    killed(folder)
    (folder / "ledger.db-shm").unlink()
    place = seen_in(folder)
    with pytest.raises(ValueError, match=r"is in ledger\.db-wal.* copy ledger\.db\* to") as caught:
        open_ledger(place)
    assert "\n" not in str(caught.value)
    shutil.copytree(place, tmp_path / "copy")
    assert states(Ledger(tmp_path / "copy" / "ledger.db")) == {"first": "done", "last": "done"}


def killed(folder):
    run = subprocess.run([sys.executable, "-c", KILLED, folder / "ledger.db"], check=False)
    assert run.returncode == -9


def test_a_file_without_write_ahead_logging_is_read(folder, read_only):
    connection = sqlite3.connect(folder / "ledger.db")
    assert connection.execute("PRAGMA journal_mode=DELETE").fetchall() == [("delete",)]
    connection.close()
    assert states(open_ledger(read_only(folder))) == {"first": "done"}


def test_an_older_one_is_refused_in_one_line(folder, seen_in):
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("DROP TABLE ledger_version")
    connection.commit()
    connection.close()
    wrong = r"ledger\.db: it is of version 1, and cannot be brought to version \d+ where it cannot"
    with pytest.raises(ValueError, match=wrong) as caught:
        open_ledger(seen_in(folder))
    assert "\n" not in str(caught.value)
    assert states(open_ledger(folder, make=True)) == {"first": "done"}, "where it can be written"


def test_a_run_does_not_begin_on_it(folder, read_only):
    with pytest.raises(ValueError, match=r"cannot open the ledger .*ledger\.db"):
        open_ledger(read_only(folder), make=True)


def test_one_that_cannot_be_read_either_is_refused(folder, seen_in):
    (folder / "ledger.db").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(ValueError, match="file is not a database"):
        open_ledger(seen_in(folder))
