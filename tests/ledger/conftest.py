"""Every test of the ledger is made on both kinds of database, if PostgreSQL is here."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest
import sqlalchemy as sql
from postgres import Server, programs

from harness.ledger import Ledger
from harness.ledger.database import _url_of

sys.path.append(str(Path(__file__).parent.parent / "harness"))  # tiny.py, drive.py
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server that runs as long as the tests."""
    if not programs() or not importlib.util.find_spec("psycopg"):
        pytest.skip("no PostgreSQL here: install postgresql and psycopg")
    server = Server()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def postgres(server):
    """The URL of an empty database."""
    name = f"ledger_{next(NUMBERS)}"
    engine = sql.create_engine(_url_of(server.url("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
def where(request, tmp_path):
    """Where a ledger may be made: a path, or a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return request.getfixturevalue("postgres")


@pytest.fixture
def ledger(where):
    return Ledger(where)
