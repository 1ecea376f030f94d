"""Connections to the SQLite file of a ledger, also to one that lies where nothing can be written.

SQLite reads a file in write-ahead mode by way of two others beside it. Where these cannot be made,
it can only be told that the file does not change, and nothing then tells it if it does.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

BUSY_S = 60
"""How long a process waits for others that write to the same file."""

REFUSED = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""What SQLite says where it may not write."""


class Still(sqlite3.Connection):
    """Reads a file that nobody writes to; ``seen`` is how that file was before."""

    file: Path
    seen: tuple[int, ...]


def connected(
    connect: Callable[..., sqlite3.Connection],
    where: Sequence[Any],
    options: dict[str, Any],
    *,
    must_write: bool,
) -> sqlite3.Connection:
    """A connection to a file; to one that cannot be written, for reading, unless it must be.

    ValueError for a file of which a part lies beside it and cannot be read there.
    """
    connection = connect(*where, **options)
    try:
        # Or the driver would begin late, and never before a table is made.
        connection.isolation_level = None
        # Write-ahead logging lets a report read while a run writes, and survives a kill.
        _unlocked(connection, "PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if not must_write and is_refused(error) and _can_read(connection):
            return connection
        connection.close()
        if must_write or not is_refused(error) or options.get("uri"):
            raise
        return _still(Path(where[0]), options)
    return connection


def is_refused(error: BaseException | None) -> bool:
    """Whether an error says that a file, or one beside it, may not be written."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in REFUSED


def is_stale(connection: Any) -> bool:
    """Whether a connection reads a file as one that does not change, and it has."""
    return isinstance(connection, Still) and _state(connection.file) != connection.seen


def reads_stale(connection: Connection) -> bool:
    """The same of a connection of SQLAlchemy."""
    return is_stale(connection.connection.dbapi_connection)


def _can_read(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        return False
    return True


def _still(file: Path, options: dict[str, Any]) -> Still:
    left = next((each for each in _beside(file) if _size(each)), None)
    if left:
        raise ValueError(
            f"a part of it is in {left.name}, which can be read only where files can be written; "
            f"copy {file.name}* to such a folder, and name that one"
        )
    seen = _state(file)
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode=ro&immutable=1", uri=True, factory=Still, **options
    )
    connection.isolation_level = None
    connection.file, connection.seen = file, seen
    return connection


def _state(file: Path) -> tuple[int, ...]:
    """What is another when somebody has written to a file, or has begun to beside it."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size, *map(_size, _beside(file))


def _beside(file: Path) -> tuple[Path, ...]:
    """Where SQLite keeps what it has not yet put into a file, or would put back."""
    return tuple(file.with_name(f"{file.name}-{end}") for end in ("wal", "journal"))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _unlocked(connection: sqlite3.Connection, statement: str) -> None:
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
