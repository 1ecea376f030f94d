"""Rows kept for ever and looked up by key: SQLite by default, any SQLAlchemy URL for teams."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.schema import CreateTable

from harness.names import unknown

Row = dict[str, Any]

BUSY_S = 60
"""How long a process waits for others that write to the same file."""

_META = sql.MetaData()
_TRIALS = sql.Table(
    "trials",
    _META,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("record", sql.Text, nullable=False),
)
_MEASUREMENTS = sql.Table(
    "measurements",
    _META,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)
_STUDIES = sql.Table(
    "studies",
    _META,
    sql.Column("name", sql.String(200), primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)
_PLANS = sql.Table(
    "plans",
    _META,
    sql.Column("study", sql.String(200), primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("record", sql.Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One planned trial as the ledger keeps it: what it is called in its study, and its keys.

    ``rejected`` is the reason why its study will not train it. ``answers`` are a search's
    answers, from which its sampler is rebuilt.
    """

    key: str
    cost_key: str
    latency_key: str
    candidate: str
    factors: dict[str, str]
    seed: int
    baseline: bool = False
    parts: dict[str, str] = field(default_factory=dict)
    rejected: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)


class Ledger:
    """What is known of all trials.

    ``trials`` holds one row a trial key, ``measurements`` one a cost or latency key; a study's
    plan only points at them, so two studies that ask the same thing share the answer.
    """

    def __init__(self, where: str | Path) -> None:
        """Opens, or makes, the ledger at a path or an SQLAlchemy URL.

        ValueError for one that cannot be opened.
        """
        try:
            self._engine = _engine(where)
            weakref.finalize(self, self._engine.dispose)  # no connection is left open
            self._write(_make_tables)
        except (sql.exc.SQLAlchemyError, ImportError, ValueError) as error:
            reason = getattr(error, "orig", None) or error
            raise ValueError(f"cannot open the ledger {shown(where)}: {reason}") from error

    def trials(self, keys: Iterable[str]) -> dict[str, Row]:
        """The rows of those keys that have one, failed ones included."""
        return self._lookup(_TRIALS, list(keys))

    def put_trial(self, row: Row) -> None:
        """Stores a finished or failed trial. One that is done is never overwritten."""
        values = {"state": row["state"], "record": _text(row)}
        done = _TRIALS.c.state == "done"
        self._write(lambda c: _put(c, _TRIALS, {"key": row["key"]}, values, unless=done))

    def measurements(self, keys: Iterable[str]) -> dict[str, Row]:
        """The cost and latency rows of those keys that have one."""
        return self._lookup(_MEASUREMENTS, list(keys))

    def put_measurement(self, key: str, record: Row) -> None:
        """Stores a cost or latency row."""
        self.put_measurements({key: record})

    def put_measurements(self, records: Mapping[str, Row]) -> None:
        """Stores the rows of what was measured together, all of them or none."""

        def put(connection: Connection) -> None:
            for key, record in records.items():
                _put(connection, _MEASUREMENTS, {"key": key}, {"record": _text(record)})

        self._write(put)

    def put_study(self, record: Row, plan: Sequence[Entry]) -> None:
        """Stores a study's definition and plan in place of those of the same name."""
        name = record["name"]
        values = [
            {"study": name, "position": i, "record": _text(asdict(entry))}
            for i, entry in enumerate(plan)
        ]

        def replace(connection: Connection) -> None:
            _put(connection, _STUDIES, {"name": name}, {"record": _text(record)})
            connection.execute(sql.delete(_PLANS).where(_PLANS.c.study == name))
            if values:
                connection.execute(sql.insert(_PLANS), values)

        self._write(replace)

    def study(self, name: str) -> Row:
        """A study's definition with its plan; KeyError with the nearest known name."""
        known = self.studies()
        if name not in known:
            raise KeyError(unknown("study", name, known))
        return {**known[name], "plan": [asdict(entry) for entry in self.plan(name)]}

    def studies(self) -> dict[str, Row]:
        """Every study's definition by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(_STUDIES).order_by(_STUDIES.c.name)).all()
        return {row.name: json.loads(row.record) for row in rows}

    def plan(self, name: str) -> list[Entry]:
        """A study's plan in order; empty for a study never planned."""
        query = sql.select(_PLANS).where(_PLANS.c.study == name).order_by(_PLANS.c.position)
        with self._engine.connect() as connection:
            return [Entry(**json.loads(row.record)) for row in connection.execute(query)]

    def rows(self, name: str) -> list[Row]:
        """One flat row for each planned trial that was rejected, failed or done, in plan order."""
        plan = self.plan(name)
        trials = self.trials(entry.key for entry in plan)
        figures = self.measurements(
            key for entry in plan for key in (entry.cost_key, entry.latency_key) if key
        )
        rows = [_joined(entry, trials, figures) for entry in plan]
        return [row for row in rows if row["state"] != "pending"]

    def _lookup(self, table: sql.Table, keys: list[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(keys), 500):  # SQLite bounds the parameters of a query
                query = sql.select(table).where(table.c.key.in_(keys[start : start + 500]))
                found |= {r.key: json.loads(r.record) for r in connection.execute(query)}
        return found

    def _write(self, work: Callable[[Connection], None]) -> None:
        """Runs a transaction; once more if another process put the same key in meanwhile."""
        try:
            with self._engine.begin() as connection:
                work(connection)
        except sql.exc.IntegrityError:
            with self._engine.begin() as connection:
                work(connection)


_NEVER: sql.ColumnElement[bool] = sql.false()


def _put(
    connection: Connection,
    table: sql.Table,
    key: Mapping[str, str],
    values: Mapping[str, str],
    *,
    unless: sql.ColumnElement[bool] = _NEVER,
) -> None:
    """Inserts a row or updates the one that is there, unless that is one to keep."""
    here = [table.c[name] == value for name, value in key.items()]
    update = sql.update(table).where(*here, ~unless).values(**values)
    if connection.execute(update).rowcount:
        return
    whole = {**key, **values}
    absent = sql.select(*map(sql.literal, whole.values())).where(~sql.exists().where(*here))
    connection.execute(sql.insert(table).from_select(list(whole), absent))


def _make_tables(connection: Connection) -> None:
    for table in _META.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))


def _joined(entry: Entry, trials: Mapping[str, Row], figures: Mapping[str, Row]) -> Row:
    """A planned trial with all that is known of it; what its study says wins."""
    trial = trials.get(entry.key, {"state": "pending"})
    if entry.rejected:
        trial = {"state": "rejected", "reason": entry.rejected}
    measured = {**figures.get(entry.cost_key, {}), **figures.get(entry.latency_key, {})}
    named = {"key": entry.key, "candidate": entry.candidate, "seed": entry.seed}
    return {**measured, **entry.parts, **trial, **named}


def _text(record: Row) -> str:
    return json.dumps(record)


def _engine(where: str | Path) -> Engine:
    url = sql.make_url(str(where)) if "://" in str(where) else _url_of(Path(where))
    if url.get_backend_name() != "sqlite":
        return sql.create_engine(url, pool_pre_ping=True)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sql.create_engine(url, connect_args={"timeout": BUSY_S})

    @sql.event.listens_for(engine, "connect")
    def _keep_safe(connection: Any, _: Any) -> None:
        # Write-ahead logging lets a report read while a run writes, and survives a kill.
        _patiently(connection, "PRAGMA journal_mode=WAL")

    return engine


def _patiently(connection: Any, statement: str) -> None:
    """Executes what SQLite's own timeout does not cover, as another process opens or closes."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _url_of(path: Path) -> sql.URL:
    return sql.URL.create("sqlite", database=str(path))


def shown(where: str | Path) -> str:
    """A path or URL as messages show it, without a password."""
    try:
        return sql.make_url(str(where)).render_as_string(hide_password=True)
    except (sql.exc.ArgumentError, ValueError):
        return re.sub(r":[^:/@]*@", ":***@", str(where))


def open_ledger(runs: str | Path, url: str | None = None, *, make: bool = False) -> Ledger:
    """The ledger at a URL, or the one in a folder of runs.

    FileNotFoundError for a folder without one, unless it is to be made.
    """
    where = url or str(Path(runs) / "ledger.db")
    file = where.removeprefix("sqlite:///")
    if "://" not in file and not Path(file).is_file() and not make:
        raise FileNotFoundError(f"no ledger at {file}; run a study first, or say --runs FOLDER")
    return Ledger(where)
