"""A PostgreSQL server of the tests' own, from the system's packages."""

import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sql

from harness.ledger.database import _url_of

NUMBERS = itertools.count()

PASSWORD = "Tr0ub:4/d@r&3?"
"""Every sign in it means something in a URL."""


def programs():
    """The folder of the server's programs, which Debian leaves out of PATH; None without."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    there = shutil.which("initdb") or (found[-1] if found else None)
    return there and Path(there).resolve().parent


class Server:
    """A server in a folder of its own that may be stopped and started again."""

    def __init__(self):
        self._bin = programs()
        # Not a folder of pytest's, which is closed to the user that the server runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="twopath-pg-"))
        self._user = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "nobody")
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": ()}
        with socket.socket() as each:
            each.bind(("127.0.0.1", 0))
            self._port = each.getsockname()[1]
        (self._folder / "password").write_text(PASSWORD)
        (self._folder / "password").chmod(0o644)
        words = [f"--pwfile={self._folder}/password", "--auth=scram-sha-256", "--username=me"]
        self._call("initdb", *words, "--no-sync", "--encoding=UTF8", "--locale=C")

    def _call(self, program, *words):
        command = [str(self._bin / program), f"--pgdata={self._folder}/data", *words]
        out = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd=self._folder, timeout=120, **out, **self._user)

    def start(self):
        """Starts it; on this machine alone, and without waiting for the disk."""
        options = f"-p {self._port} -h 127.0.0.1 -c fsync=off -c unix_socket_directories=''"
        self._call("pg_ctl", "start", "--wait", f"--log={self._folder}/log", "-o", options)

    def stop(self):
        """Stops it as a crash would."""
        self._call("pg_ctl", "stop", "--mode=immediate", "--wait")

    def remove(self):
        """Stops it for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database, password=PASSWORD):
        """The URL of one of its databases."""
        return f"postgresql://me:{quote(password, safe='')}@127.0.0.1:{self._port}/{database}"


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
