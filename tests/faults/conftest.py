"""Faults are put into runs of the machine room's smallest study."""

import shutil
import sys
from pathlib import Path

import pytest
import sqlalchemy as sql

sys.path.append(str(Path(__file__).parent.parent / "harness"))
sys.path.append(str(Path(__file__).parent.parent / "ledger"))
import warm
from postgres import postgres as postgres
from postgres import server as server
from raylets import address as address
from raylets import own_ray as own_ray

from harness.plugins import load_file


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of a run in which nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert warm.Run(folder, seeds=8).did()["trained"] == 8
    return folder


@pytest.fixture(autouse=True)
def nothing_runs_on():
    """Whatever becomes of a test, its runs end with it: pytest would wait for them for ever."""
    yield
    while warm.RUNS:
        warm.RUNS.pop().end_all()


@pytest.fixture
def sound(undisturbed):
    """What the first four trials learn when nothing goes wrong, by seed."""
    return dict(list(warm.learnt_by_seed(undisturbed).items())[:4])


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """What the first trial learns in two processes when nothing goes wrong, by seed."""
    folder = tmp_path_factory.mktemp("shared")
    assert warm.Run(folder, seeds=1, processes=2).did()["trained"] == 1
    return warm.learnt_by_seed(folder)


@pytest.fixture
def folder(undisturbed, tmp_path):
    """A folder of runs in which all is measured and nothing is trained."""
    for file in undisturbed.glob("ledger.db*"):
        shutil.copy(file, tmp_path)
    engine = sql.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as connection:
        for table in ("trials", "claims"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    engine.dispose()
    return tmp_path


@pytest.fixture
def pids(tmp_path):
    """A folder in which each process that trains leaves its number."""
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


@pytest.fixture
def odd():
    """The plugin with the head that goes wrong, which this process knows for one test."""
    load_file(warm.ODD)
    return warm.ODD
