"""Who runs which trial, so that drivers that share a ledger never train one twice.

A claim holds as long as its driver's beat goes on rising. No time of day is stored or compared:
each driver measures with its own steady clock how long another one's beat has stood still.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from harness.ledger.database import insert_into
from harness.ledger.schema import CLAIMS, DRIVERS, TRIALS


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A driver's hold on a trial; ``owner`` is empty once it let go.

    ``attempt`` counts the claims of a trial from 1: only the result of the last one is kept.
    """

    key: str
    owner: str
    attempt: int


def claims_of(connection: Connection, keys: Iterable[str]) -> dict[str, Claim]:
    """The claims that some trials have."""
    found = connection.execute(sql.select(CLAIMS).where(CLAIMS.c.key.in_(list(keys)))).all()
    return {row.key: Claim(key=row.key, owner=row.owner, attempt=row.attempt) for row in found}


def claim(connection: Connection, wanted: Claim) -> bool:
    """Makes a claim in place of the attempt before it; whether nobody else was faster.

    The same claim may be made again.
    """
    return made(connection, wanted) == wanted


def made(connection: Connection, wanted: Claim) -> Claim | None:
    """The claim that holds once one was made in place of the attempt before it."""
    values = {"owner": wanted.owner, "attempt": wanted.attempt}
    if wanted.attempt == 1:  # there is none before it
        first = insert_into(connection.dialect.name, CLAIMS).on_conflict_do_nothing()
        result = connection.execute(
            first, {"key": wanted.key, **values}, execution_options={"preserve_rowcount": True}
        )
    else:
        before = (CLAIMS.c.key == wanted.key, CLAIMS.c.attempt == wanted.attempt - 1)
        result = connection.execute(sql.update(CLAIMS).where(*before).values(**values))
    if result.rowcount == 1:
        return wanted
    return claims_of(connection, [wanted.key]).get(wanted.key)


def held(connection: Connection, key: str) -> tuple[Claim | None, str | None]:
    """The claim that a trial has, and the record of its row.

    By one statement: what ended between two would look like a trial that nobody has.
    """
    owner, attempt, record = connection.execute(_HELD, {"asked_key": key}).one()
    return None if owner is None else Claim(key=key, owner=owner, attempt=attempt), record


_ASKED = sql.select(sql.bindparam("asked_key", type_=TRIALS.c.key.type).label("key")).subquery()
_HELD = sql.select(CLAIMS.c.owner, CLAIMS.c.attempt, TRIALS.c.record).select_from(
    _ASKED.outerjoin(CLAIMS, CLAIMS.c.key == _ASKED.c.key).outerjoin(
        TRIALS, TRIALS.c.key == _ASKED.c.key
    )
)


def let_go(connection: Connection, key: str, attempt: int) -> bool:
    """Ends a claim; whether its attempt was still the last."""
    here = {"held_key": key, "held_attempt": attempt}
    return bool(connection.execute(_LET_GO, here).rowcount)


_LET_GO = (
    sql.update(CLAIMS)
    .where(CLAIMS.c.key == sql.bindparam("held_key"))
    .where(CLAIMS.c.attempt == sql.bindparam("held_attempt"))
    .values(owner="")
)
"""Made once, as are others that are asked for with each trial: it takes as long as to run it."""


def leave(connection: Connection, owner: str) -> None:
    """Ends all claims of a driver."""
    is_present = CLAIMS.c.key.startswith(PRESENT, autoescape=True)
    connection.execute(sql.delete(CLAIMS).where(CLAIMS.c.owner == owner, is_present))
    connection.execute(sql.update(CLAIMS).where(CLAIMS.c.owner == owner).values(owner=""))
    connection.execute(sql.delete(DRIVERS).where(DRIVERS.c.owner == owner))


PRESENT = "at "
"""How the keys of claims begin that are on no trial: a driver is at work on a study."""


def presence(study: str, owner: str = "") -> str:
    """The key of the claim that says that a driver is at a study; without one, how all begin."""
    number = owner.rpartition(" ")[2]  # which no other driver has
    return f"{PRESENT}{hashlib.sha256(study.encode()).hexdigest()[:32]} {number}"


def beat(connection: Connection, owner: str) -> None:
    """Raises a driver's beat by one."""
    first = insert_into(connection.dialect.name, DRIVERS).values(owner=owner, beat=1)
    rise = {"beat": DRIVERS.c.beat + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["owner"], set_=rise))


def beat_of(connection: Connection, owner: str) -> int:
    """A driver's beat; 0 before its first."""
    found = connection.execute(sql.select(DRIVERS.c.beat).where(DRIVERS.c.owner == owner))
    return int(found.scalar() or 0)
