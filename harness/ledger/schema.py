"""The tables of a ledger, its version, and the way there from every older one."""

from __future__ import annotations

import itertools

import sqlalchemy as sql
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

LONGEST_NAME = 200
"""How many characters the name of a study may have."""

META = sql.MetaData()
VERSIONS = sql.Table(
    "ledger_version",
    META,
    sql.Column("only", sql.Integer, primary_key=True),
    sql.Column("version", sql.Integer, nullable=False),
)
TRIALS = sql.Table(
    "trials",
    META,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("record", sql.Text, nullable=False),
)
MEASUREMENTS = sql.Table(
    "measurements",
    META,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)
STUDIES = sql.Table(
    "studies",
    META,
    sql.Column("name", sql.String(LONGEST_NAME), primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)
PLANS = sql.Table(
    "plans",
    META,
    sql.Column("study", sql.String(LONGEST_NAME), primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)
CLAIMS = sql.Table(
    "claims",
    META,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("owner", sql.String(200), nullable=False),
    sql.Column("attempt", sql.Integer, nullable=False),
)
DRIVERS = sql.Table(
    "drivers",
    META,
    sql.Column("owner", sql.String(200), primary_key=True),
    sql.Column("beat", sql.Integer, nullable=False),
)

MIGRATIONS: tuple[tuple[sql.Table, ...], ...] = (
    (TRIALS, MEASUREMENTS, STUDIES, PLANS),
    (CLAIMS, DRIVERS),
)
"""What each version adds to the one before; the first had no row that says its version."""

VERSION = len(MIGRATIONS)

LOCK = 0x74776F70617468
"""The number of the lock under which PostgreSQL lets one process at a time migrate."""


def version_of(connection: Connection) -> int:
    """The version of a ledger; 0 for a database that is none yet."""
    inspector = sql.inspect(connection)
    if inspector.has_table(VERSIONS.name):
        return int(connection.execute(sql.select(VERSIONS.c.version)).scalar_one())
    return int(inspector.has_table(TRIALS.name))


def migrate(connection: Connection) -> None:
    """Brings a ledger to this version, within the transaction of a connection.

    ValueError for a ledger of a newer version than this one knows.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(LOCK)))
    found = check_version(connection)
    for table in (VERSIONS, *itertools.chain(*MIGRATIONS[found:])):
        connection.execute(CreateTable(table, if_not_exists=True))
    connection.execute(sql.delete(VERSIONS))
    connection.execute(sql.insert(VERSIONS).values(only=1, version=VERSION))


def check_version(connection: Connection) -> int:
    """A ledger's version; ValueError if it is newer than this one."""
    found = version_of(connection)
    if found > VERSION:
        raise ValueError(
            f"it is of version {found}, made by a newer Twopath; this one knows up to {VERSION}"
        )
    return found
