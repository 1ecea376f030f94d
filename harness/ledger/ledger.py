"""What is kept of trials, measurements and plans, and how it is read back."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from harness.ledger import claims, tallies
from harness.ledger.claims import Claim
from harness.ledger.cutting import Parser, parsed
from harness.ledger.database import Database, insert_into, may_not_write, reason, scrubbed, shown
from harness.ledger.entries import Entry, Layers, Row, Rows, ended, planned, sharing, text_of
from harness.ledger.schema import (
    LONGEST_NAME,
    MEASUREMENTS,
    PLANS,
    STUDIES,
    TRIALS,
    VERSION,
    check_version,
    migrate,
)
from harness.names import unknown

T = TypeVar("T")

ASKED = 500
"""How many keys one query asks for: SQLite bounds its parameters."""


class Ledger:
    """What is known of all trials.

    ``trials`` holds one row a trial key, ``measurements`` one a cost or latency key; a study's
    plan only points at them, so two studies that ask the same thing share the answer.
    """

    def __init__(self, where: str | Path, *, must_write: bool = True) -> None:
        """Opens, or makes, the ledger at a path or an SQLAlchemy URL.

        A file that cannot be written is opened for reading, unless it ``must_write``. ValueError
        for one that cannot be opened.
        """
        try:
            self._database = Database(where, must_write=must_write)
            engine = self._database.engine
            weakref.finalize(self, engine.dispose)  # no connection is left open
            with engine.begin() as connection:  # a wrong URL is said at once, and not tried again
                found = check_version(connection)
            if found < VERSION:
                self._bring_up_to_date(found)
        except (sql.exc.SQLAlchemyError, ImportError, ValueError) as error:
            why = _missing_driver(error) or scrubbed(reason(error), where)
            # Not from the error, which may quote the URL.
            raise ValueError(f"cannot open the ledger {shown(where)}: {why}") from None

    def _bring_up_to_date(self, found: int) -> None:
        try:
            self._database.write(migrate)
        except sql.exc.OperationalError as error:
            if not may_not_write(error):
                raise
            raise ValueError(
                f"it is of version {found}, and cannot be brought to version {VERSION} where it "
                "cannot be written; copy its folder to where it can be, and name that one"
            ) from error

    def rest(self) -> None:
        """Closes all connections; the next question opens one again."""
        self._database.engine.dispose()

    def trials(self, keys: Iterable[str]) -> dict[str, Row]:
        """The rows of those keys that have one, failed ones included."""
        return self._lookup(TRIALS, list(keys), parsed)

    def states(self, keys: Iterable[str]) -> dict[str, str]:
        """The states of those keys that have a row, without reading the rows."""
        return self._found(TRIALS.c.key, TRIALS.c.state, list(keys), str)

    def put_trial(self, row: Row, *, attempt: int | None = None) -> bool:
        """Stores a finished or failed trial. One that is done is never overwritten.

        With ``attempt``, it ends that claim; and stores nothing, and gives False, if a later one
        has been made.
        """
        key, values = row["key"], {"state": row["state"], "record": text_of(row)}

        def put(connection: Connection) -> bool:
            if attempt is not None and not claims.let_go(connection, key, attempt):
                return False
            _put(connection, TRIALS, {"key": key}, values, unless=_DONE)
            return True

        return self._database.write(put)

    def commits(self) -> object:
        """What is another whenever another process may have written; None where none tells.

        SQLite counts for each connection from the start, so a new one is another by itself.
        """
        if self._database.engine.dialect.name != "sqlite":
            return None

        def ask(connection: Connection) -> tuple[object, int]:
            num = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            return connection.info.setdefault("which", object()), int(num)

        return self._database.read(ask)

    def claims(self, keys: Iterable[str]) -> dict[str, Claim]:
        """The claims on those trials that have one."""
        wanted = list(keys)
        return self._database.read(lambda c: claims.claims_of(c, wanted))

    def claim(self, claim: Claim) -> bool:
        """Makes a claim in place of the attempt before it; whether nobody else was faster."""
        return self._database.note(lambda c: claims.claim(c, claim))

    def take(self, first: Claim) -> tuple[Claim | None, Row | None]:
        """The claim and the row of a trial, once ``first`` was made where it had neither.

        In one transaction, since a large study asks so of each of its trials.
        """

        def ask(connection: Connection) -> tuple[Claim | None, str | None]:
            held, record = claims.held(connection, first.key)
            if held is None and record is None:
                return claims.made(connection, first), None
            return held, record

        held, record = self._database.note(ask)
        return held, parsed(record) if record else None

    def beat(self, owner: str) -> None:
        """Says that a driver is alive; a server that is away is not waited for."""
        self._database.note(lambda c: claims.beat(c, owner), patient=False)

    def beat_of(self, owner: str) -> int:
        """How often a driver has said so."""
        return self._database.read(lambda c: claims.beat_of(c, owner))

    def leave(self, owner: str) -> None:
        """Ends all claims of a driver; a server that is away is not waited for."""
        self._database.note(lambda c: claims.leave(c, owner), patient=False)

    def tally(self, study: str) -> tallies.Tally:
        """A study's trials by state, counted without reading them."""
        return self._database.read(lambda c: tallies.tally(c, study))

    def holders(self, study: str) -> dict[str, int]:
        """The drivers that hold trials of a study which have not ended, with their beats."""
        return self._database.read(lambda c: tallies.holders(c, study))

    def arrive(self, study: str, owner: str) -> None:
        """Says that a driver is at a study, until it leaves."""
        here = claims.Claim(key=claims.presence(study, owner), owner=owner, attempt=1)
        self._database.note(lambda c: claims.claim(c, here))

    def present(self, study: str) -> dict[str, int]:
        """The drivers that are at a study, also while they only measure, with their beats."""
        return self._database.read(lambda c: tallies.present(c, study))

    def best(self, study: str, figure: str | None, way: str) -> tallies.Best:
        """The candidate of the best mean of a figure; ``way`` is ``max`` or ``min``."""
        return self._database.read(lambda c: tallies.best(c, study, figure, way))

    def measurements(self, keys: Iterable[str]) -> dict[str, Row]:
        """The cost and latency rows of those keys that have one."""
        return self._lookup(MEASUREMENTS, list(keys), parsed)

    def put_measurement(self, key: str, record: Row) -> None:
        """Stores a cost or latency row."""
        self.put_measurements({key: record})

    def put_measurements(self, records: Mapping[str, Row]) -> None:
        """Stores the rows of what was measured together, all of them or none."""

        def put(connection: Connection) -> None:
            for key, record in records.items():
                _put(connection, MEASUREMENTS, {"key": key}, {"record": text_of(record)})

        self._database.write(put)

    def put_study(self, record: Row, plan: Sequence[Entry]) -> None:
        """Stores a study's definition and plan in place of those of the same name.

        ValueError for a name that is too long.
        """
        name = record["name"]
        if len(name) > LONGEST_NAME:
            raise ValueError(
                f"a study's name has at most {LONGEST_NAME} characters, not {len(name)}"
            )
        values = planned(name, plan)

        def replace(connection: Connection) -> None:
            _put(connection, STUDIES, {"name": name}, {"record": text_of(record)})
            connection.execute(sql.delete(PLANS).where(PLANS.c.study == name))
            if values:
                connection.execute(sql.insert(PLANS), values)

        self._database.write(replace)

    def add_to_study(self, record: Row, plan: Sequence[Entry], *, after: int) -> bool:
        """Stores a definition, and what a plan has beyond its first ``after`` entries.

        Does nothing, and gives False, if the last of these is not the last one that is stored:
        then another driver has put its own plan there. The others are not looked at.
        """
        name, values = record["name"], planned(record["name"], plan[after:], after)
        last = sql.select(PLANS).where(PLANS.c.study == name).order_by(PLANS.c.position.desc())

        def add(connection: Connection) -> bool:
            found = connection.execute(last.limit(1)).first()
            if not found or found.position != after - 1:
                return False
            if found.record != text_of(asdict(plan[after - 1])):
                return False
            _put(connection, STUDIES, {"name": name}, {"record": text_of(record)})
            if values:
                connection.execute(sql.insert(PLANS), values)
            return True

        return self._database.write(add)

    def study(self, name: str) -> Row:
        """A study's definition with its plan; KeyError with the nearest known name."""
        known = self.definition(name)
        return {**known, "plan": [vars(entry).copy() for entry in self.plan(name)]}

    def definition(self, name: str) -> Row:
        """A study's definition without its plan; KeyError with the nearest known name."""
        known = self.studies()
        if name not in known:
            raise KeyError(unknown("study", name, known))
        return known[name]

    def studies(self) -> dict[str, Row]:
        """Every study's definition by name."""
        query = sql.select(STUDIES).order_by(STUDIES.c.name)
        rows = self._database.read(lambda c: c.execute(query).all())
        return {row.name: parsed(row.record) for row in rows}

    def num_planned(self, name: str) -> int:
        """How many entries a study's plan has; 0 for a study never planned."""
        query = sql.select(sql.func.count()).where(PLANS.c.study == name)
        return int(self._database.read(lambda c: c.execute(query).scalar_one()))

    def plan(self, name: str, start: int = 0, stop: int | None = None) -> list[Entry]:
        """A study's plan in order, or a part of it; empty for a study never planned."""
        query = sql.select(PLANS.c.record).where(PLANS.c.study == name).order_by(PLANS.c.position)
        query = query.offset(start) if start else query
        query = query if stop is None else query.limit(stop - start)

        def read(connection: Connection) -> list[Entry]:
            parts = connection.execute(query).scalars().partitions(ASKED)
            lines = chain.from_iterable(parsed(f"[{','.join(part)}]") for part in parts)
            return [Entry(**values) for values in sharing(lines)]

        return self._database.read(read)

    def rows(self, name: str) -> list[Row]:
        """One flat row for each planned trial that has ended or was rejected, in plan order."""
        return list(self.each_row(self.plan(name)))

    def each_row(self, plan: Sequence[Entry], without: Collection[str] = ()) -> Iterator[Row]:
        """The rows of a plan, read as they are asked for: those of a large study fill memory.

        ``without`` names columns that are left out where they are lists or mappings.
        """
        parser = Parser(without)
        for found in self._each(plan, lambda text: ({}, parser.row(text))):
            for place, measured, parts, _, own in zip(*found, strict=True):
                entry = plan[place]
                named = {"key": entry.key, "candidate": entry.candidate, "seed": entry.seed}
                yield {**measured, **parts, **own, **named}

    def each_rows(self, plan: Sequence[Entry], without: Collection[str] = ()) -> Iterator[Rows]:
        """The same, some at a time and in layers; the first one is its own as a whole.

        So who makes a table of them knows in which order columns come.
        """
        parser = Parser(without)
        is_first = True
        for found in self._each(plan, parser.layers):
            if is_first and found.places:
                found.own[0] = parser.whole(found.shared[0], found.own[0])
                found.shared[0], is_first = {}, False
            yield found

    def _each(self, plan: Sequence[Entry], layers_of: Callable[[str], Layers]) -> Iterator[Rows]:
        figures: dict[str, Row] = {}
        for start in range(0, len(plan), ASKED):
            part = plan[start : start + ASKED]
            trials = self._lookup(TRIALS, [entry.key for entry in part], layers_of)
            keys = dict.fromkeys(k for e in part for k in (e.cost_key, e.latency_key) if k)
            # Seeds of one candidate mostly follow one another, so few are asked for twice.
            figures = {key: figures[key] for key in keys if key in figures}
            asked = [key for key in keys if key not in figures]
            figures |= self._lookup(MEASUREMENTS, asked, parsed)
            yield _rows(part, start, trials, figures)

    def _lookup(self, table: sql.Table, keys: list[str], made: Callable[[str], T]) -> dict[str, T]:
        return self._found(table.c.key, table.c.record, keys, made)

    def _found(
        self,
        key: sql.Column[str],
        column: sql.Column[str],
        keys: list[str],
        made: Callable[[str], T],
    ) -> dict[str, T]:
        """What is made of a column of those keys that are there, one by one: texts are long."""
        query = sql.select(key, column)

        def read(connection: Connection) -> dict[str, T]:
            parts = (keys[start : start + ASKED] for start in range(0, len(keys), ASKED))
            chunks = (connection.execute(query.where(key.in_(part))) for part in parts)
            return {found: made(value) for chunk in chunks for found, value in map(tuple, chunk)}

        return self._database.read(read)


def _rows(
    part: Sequence[Entry], start: int, trials: Mapping[str, Layers], figures: Mapping[str, Row]
) -> Rows:
    """The rows of a part of a plan that begins at some place."""
    found = Rows([], [], [], [], [])
    of, measured = ("", ""), dict[str, Any]()
    for place, entry in enumerate(part, start):
        trial = ended(entry, trials)
        if not trial:
            continue
        if of != (entry.cost_key, entry.latency_key):
            of = entry.cost_key, entry.latency_key
            measured = {**figures.get(of[0], {}), **figures.get(of[1], {})}
        shared, own = trial
        found.places.append(place)
        found.measured.append(measured)
        found.parts.append(entry.parts)
        found.shared.append(shared)
        found.own.append(own)
    return found


_NEVER: sql.ColumnElement[bool] = sql.false()
_DONE = TRIALS.c.state == "done"


def _put(
    connection: Connection,
    table: sql.Table,
    key: Mapping[str, str],
    values: Mapping[str, str],
    *,
    unless: sql.ColumnElement[bool] = _NEVER,
) -> None:
    """Inserts a row or updates the one that is there, unless that is one to keep.

    In one statement: between two, another process may put in what neither would then change.
    """
    put = _putting(connection.dialect.name, table, tuple(key), tuple(values), unless)
    connection.execute(put, {**key, **values})


@cache
def _putting(
    dialect: str,
    table: sql.Table,
    key: tuple[str, ...],
    values: tuple[str, ...],
    unless: sql.ColumnElement[bool],
) -> sql.Insert:
    """The statement of that; it takes as long to make as to run."""
    insert = insert_into(dialect, table)
    new = {name: insert.excluded[name] for name in values}
    return insert.on_conflict_do_update(index_elements=key, set_=new, where=~unless)


def _missing_driver(error: BaseException) -> str | None:
    """How to get the package that a PostgreSQL URL needs, if that is what is missing."""
    if getattr(error, "name", None) != "psycopg":
        return None
    return 'PostgreSQL needs psycopg; install it with: pip install "twopath[postgres]"'
