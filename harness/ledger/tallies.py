"""Counts and means over a study's trials that the database makes, so that no row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from harness.ledger.claims import presence
from harness.ledger.schema import CLAIMS, DRIVERS, MEASUREMENTS, PLANS, TRIALS

NO_JSON = ("-Infinity", "Infinity", "NaN")
"""What Python writes for numbers that JSON does not have, and databases refuse."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A study's trials by state, its candidates, and what is another if its plan or a state is."""

    num: dict[str, int]
    num_candidates: int
    mark: str


@dataclass(frozen=True, kw_only=True)
class Best:
    """The candidate of the best mean, None where no trial has the figure; when a trial ended."""

    candidate: str | None
    mean: float | None
    finished: str | None


def tally(connection: Connection, study: str) -> Tally:
    """How a study's planned trials stand; one that is paused at a rung is pending."""
    plan = _plan(connection, study)
    state = _state(plan).label("state")
    asked = (
        state,
        sql.func.count(),
        sql.func.min(plan.c.key),
        sql.func.max(plan.c.key),
        sql.func.sum(_weight(connection, plan.c.key)),
        sql.func.sum(plan.c.length),
    )
    found = connection.execute(sql.select(*asked).select_from(_trials(plan)).group_by(state)).all()
    names = sql.select(sql.func.count(sql.distinct(plan.c.candidate)))
    return Tally(
        num={each[0]: each[1] for each in found},
        num_candidates=int(connection.execute(names).scalar() or 0),
        mark=repr(sorted(map(tuple, found))),
    )


def _weight(connection: Connection, key: sql.ColumnElement[str]) -> sql.ColumnElement[int]:
    """A number of five letters of a key: sums of it differ where one key is in another's place."""
    name = "ascii" if connection.dialect.name == "postgresql" else "unicode"
    letters = [getattr(sql.func, name)(sql.func.substr(key, place, 1)) for place in range(1, 6)]
    codes = [sql.cast(sql.func.coalesce(each, 0), sql.BigInteger) for each in letters]
    powers = (code * sql.literal(131**place, sql.BigInteger) for place, code in enumerate(codes))
    return sum(powers, start=sql.literal(0, sql.BigInteger))


def holders(connection: Connection, study: str) -> dict[str, int]:
    """The drivers that hold trials of a study which have not ended, with their beats."""
    plan = _plan(connection, study)
    held = _trials(plan).join(CLAIMS, CLAIMS.c.key == plan.c.key)
    query = (
        sql.select(CLAIMS.c.owner, DRIVERS.c.beat)
        .select_from(held.outerjoin(DRIVERS, DRIVERS.c.owner == CLAIMS.c.owner))
        .where(CLAIMS.c.owner != "", _state(plan) == "pending")
        .distinct()
    )
    return {owner: beat or 0 for owner, beat in connection.execute(query)}


def present(connection: Connection, study: str) -> dict[str, int]:
    """The drivers that are at a study, also while they hold no trial of it, with their beats."""
    query = (
        sql.select(CLAIMS.c.owner, DRIVERS.c.beat)
        .select_from(CLAIMS.outerjoin(DRIVERS, DRIVERS.c.owner == CLAIMS.c.owner))
        .where(CLAIMS.c.key.startswith(presence(study), autoescape=True), CLAIMS.c.owner != "")
    )
    return {owner: beat or 0 for owner, beat in connection.execute(query)}


def best(connection: Connection, study: str, figure: str | None, way: str) -> Best:
    """Which candidate has the best mean of a figure over its seeds; ``way`` is max or min."""
    plan = _plan(connection, study)
    value = _figure(connection, figure) if figure else sql.cast(sql.null(), sql.Float)
    finished = _in(connection, _whole(connection, TRIALS.c.record), "finished").as_string()
    means = (
        sql.select(
            plan.c.candidate,
            sql.func.avg(sql.case((TRIALS.c.state == "done", value))).label("mean"),
            sql.func.max(finished).label("finished"),
        )
        .select_from(_measured(plan))
        .where(plan.c.rejected.is_(None))
        .group_by(plan.c.candidate)
    )
    found = connection.execute(means).all()
    measured = [each for each in found if each.mean is not None]
    pick = max if way == "max" else min
    first = pick(measured, key=lambda each: each.mean) if measured else None
    return Best(
        candidate=first.candidate if first else None,
        mean=first.mean if first else None,
        finished=max((each.finished for each in found if each.finished), default=None),
    )


def _plan(connection: Connection, study: str) -> sql.Subquery:
    """A study's planned trials with the columns that are asked of them."""
    names = ("key", "candidate", "rejected", "cost_key", "latency_key")
    columns = [_in(connection, PLANS.c.record, name).as_string().label(name) for name in names]
    length = sql.func.length(PLANS.c.record).label("length")
    return sql.select(*columns, length).where(PLANS.c.study == study).subquery()


def _trials(plan: sql.Subquery) -> sql.Join:
    return plan.outerjoin(TRIALS, TRIALS.c.key == plan.c.key)


def _state(plan: sql.Subquery) -> sql.ColumnElement[str]:
    is_pending = sql.or_(TRIALS.c.state.is_(None), TRIALS.c.state == "paused")
    rejected = (plan.c.rejected.is_not(None), "rejected")
    return sql.case(rejected, (is_pending, "pending"), else_=TRIALS.c.state)


_COSTS, _LATENCIES = MEASUREMENTS.alias("costs"), MEASUREMENTS.alias("latencies")


def _measured(plan: sql.Subquery) -> sql.Join:
    with_costs = _trials(plan).outerjoin(_COSTS, _COSTS.c.key == plan.c.cost_key)
    return with_costs.outerjoin(_LATENCIES, _LATENCIES.c.key == plan.c.latency_key)


def _figure(connection: Connection, name: str) -> sql.ColumnElement[float]:
    """A figure of a trial, or else of its network."""
    records = (TRIALS.c.record, _LATENCIES.c.record, _COSTS.c.record)
    found = [_in(connection, _whole(connection, each), name).as_float() for each in records]
    return sql.func.coalesce(*found)


def _in(connection: Connection, record: sql.ColumnElement[str], name: str) -> Any:
    """What a record has by a name."""
    if connection.dialect.name == "postgresql":
        return sql.cast(record, sql.JSON)[name]
    return sql.type_coerce(record, sql.JSON)[name]  # SQLite's functions read JSON from text


def _whole(connection: Connection, record: sql.ColumnElement[str]) -> sql.ColumnElement[str]:
    """A record as JSON, which has no word for what is no number or has no end."""
    place = sql.func.strpos if connection.dialect.name == "postgresql" else sql.func.instr
    cleaned = record
    for word in NO_JSON:
        cleaned = sql.func.replace(cleaned, word, "null")
    is_odd = sql.or_(*(place(record, word) > 0 for word in NO_JSON[1:]))
    return sql.case((is_odd, cleaned), else_=record)
