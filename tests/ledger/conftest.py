"""Every test of the ledger is made on both kinds of database, if PostgreSQL is here."""

import sys
from pathlib import Path

import pytest
from postgres import postgres as postgres
from postgres import server as server

from harness.ledger import Ledger

sys.path.append(str(Path(__file__).parent.parent / "harness"))  # tiny.py, drive.py


@pytest.fixture(params=["sqlite", "postgres"])
def where(request, tmp_path):
    """Where a ledger may be made: a path, or a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return request.getfixturevalue("postgres")


@pytest.fixture
def ledger(where):
    return Ledger(where)
