"""Transactions on the database of a ledger, and its URL without a password."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from harness.ledger.connecting import BUSY_S, connected, is_refused, is_stale, reads_stale

T = TypeVar("T")
Work = Callable[[Connection], T]

AWAY_S = 300.0
"""How long a database server may be away before a run gives up."""

PAUSES_S = (0.2, 5.0)
"""The first pause before a server is asked again, and the longest; each is twice the last."""

SECRET = r"(?i)([?&][^=&]*(?:password|secret|token)[^=&]*=)([^&]*)"


class Database:
    """A database at a path or a URL; a server that is away for a while is waited for.

    A file that cannot be written is read, unless it ``must_write``.
    """

    def __init__(self, where: str | Path, *, must_write: bool = True) -> None:
        self.engine = _engine(where, must_write=must_write)
        self._where = where
        self._writing = self.engine.execution_options(writes="FULL")
        self._noting = self.engine.execution_options(writes="NORMAL")
        self._is_server = self.engine.dialect.name != "sqlite"

    def read(self, work: Work[T]) -> T:
        """What a transaction that only reads gives."""
        return self._patiently(lambda: _read(self.engine, work))

    def write(self, work: Work[T], *, patient: bool = True) -> T:
        """What a transaction gives; made once more if another put the same key in meanwhile.

        It may be made twice if the server goes away while it commits.
        """
        return self._patiently(lambda: _written(self._writing, work), patient=patient)

    def note(self, work: Work[T], *, patient: bool = True) -> T:
        """The same, for what is worth nothing once this machine has lost its power.

        An SQLite file does not wait for the disk then; any other end of a process it survives.
        """
        return self._patiently(lambda: _written(self._noting, work), patient=patient)

    def _patiently(self, attempt: Callable[[], T], *, patient: bool = True) -> T:
        if not (self._is_server and patient):
            return attempt()
        pauses, until = _pauses(), time.monotonic() + AWAY_S
        has_said = False
        while True:
            try:
                result = attempt()
            except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
                if time.monotonic() > until:
                    raise
                if not has_said:
                    self._say(f"does not answer, asked again for {AWAY_S:.0f} s: {reason(error)}")
                has_said = True
                time.sleep(next(pauses))
            else:
                if has_said:
                    self._say("answers again")
                return result

    def _say(self, text: str) -> None:
        line = f"twopath: the ledger {shown(self._where)} {text}"
        print(scrubbed(line, self._where), file=sys.stderr, flush=True)


def _read(engine: Engine, work: Work[T]) -> T:
    """What a transaction gives; made once more if it read a file while that was written."""
    with engine.begin() as connection:
        try:
            found = work(connection)
        except sql.exc.DatabaseError:  # what is read from two states of a file may be none at all
            if not reads_stale(connection):
                raise
        else:
            if not reads_stale(connection):
                return found
    return _read(engine, work)


def _written(engine: Engine, work: Work[T]) -> T:
    try:
        return _within(engine, work)
    except sql.exc.IntegrityError:
        return _within(engine, work)


def _within(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _pauses() -> Iterator[float]:
    pause, longest = PAUSES_S
    while True:
        yield pause
        pause = min(2 * pause, longest)


def insert_into(dialect: str, table: sql.Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that may say what to do with a row that is there."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def reason(error: BaseException) -> str:
    """What an error of a database says, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def may_not_write(error: sql.exc.DBAPIError) -> bool:
    """Whether an error says that a database can only be read."""
    return is_refused(error.orig)


def _engine(where: str | Path, *, must_write: bool) -> Engine:
    url = _url_of(where)
    if url.get_backend_name() != "sqlite":
        # A connection that was cut meanwhile is replaced before it is used.
        return sql.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sql.create_engine(url, connect_args={"timeout": BUSY_S})

    @sql.event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _: Any, place: list[Any], options: dict[str, Any]) -> Any:
        return connected(dialect.connect, place, options, must_write=must_write)

    @sql.event.listens_for(engine, "checkout")
    def _look_again(connection: Any, *_: Any) -> None:
        if is_stale(connection):
            raise sql.exc.DisconnectionError("the file was written")  # which makes another one

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # One that reads first and then writes would be refused if another wrote in between.
        writes = connection.get_execution_options().get("writes")
        if writes:
            connection.exec_driver_sql(f"PRAGMA synchronous={writes}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _url_of(where: str | Path) -> sql.URL:
    text = str(where)
    if "://" not in text:
        if isinstance(where, str) and re.match(r"[A-Za-z][A-Za-z0-9+]+:", text):
            raise ValueError("it is neither a path nor a URL, which has :// after its scheme")
        return sql.URL.create("sqlite", database=text)
    url = sql.make_url(text)
    if "@" in (url.host or ""):
        raise ValueError("an @ within a user's name or password is written %40 in a URL")
    kind = url.get_dialect().name
    if kind not in ("sqlite", "postgresql"):
        raise ValueError(f"a ledger is kept by SQLite or PostgreSQL, not by {kind}")
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def shown(where: str | Path) -> str:
    """A path or URL as messages show it: without a password, wherever it stands in it."""
    text = re.sub(SECRET, r"\1***", str(where))
    head, at, tail = text.rpartition("@")
    start = re.match(r"[A-Za-z][A-Za-z0-9+]*:/+", head)
    scheme = start.group() if start and at else ""
    user, colon, _ = head[len(scheme) :].partition(":")
    return f"{scheme}{user}:***@{tail}" if at and colon else text


def scrubbed(text: str, where: str | Path) -> str:
    """A text without what is secret in a URL, however it may be quoted in it."""
    for secret in sorted(_secrets(str(where)), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(where: str) -> set[str]:
    head, at, _ = where.rpartition("@")
    rest = re.sub(r"^[A-Za-z][A-Za-z0-9+]*:/+", "", head)
    given = {rest.partition(":")[2]} if at else set()
    given |= {value for _, value in re.findall(SECRET, where)}
    plain = given | {unquote(each) for each in given}
    return {form for each in plain for form in (each, quote(each), quote_plus(each)) if form}
