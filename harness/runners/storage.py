"""Writes a study's rows into an Optuna storage; a copy to look at, which nothing reads back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import optuna
import sqlalchemy as sql
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.distributions import IntDistribution as Whole
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from harness.figures import over_budget
from harness.ledger import Entry, Ledger, Row, shown
from harness.plan import without_places
from harness.runners.asking import CONSTRAINT, directions
from harness.study import Budget

STATES = {
    "done": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "rejected": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""Rows' states in Optuna's words."""

KEPT = ("gmacs", "params", "activations", "latency_ms", "miou", "pixel_accuracy", "reason")
"""Figures that a trial has as user attributes: means over seeds where they differ."""


def export(ledger: Ledger, name: str, url: str, *, force: bool = False) -> dict[str, int]:
    """Writes a study to an Optuna storage, one trial a candidate; gives their number by state.

    Values are means over the seeds that are done; what has no row yet is left out. A hole's
    distribution is what its answers span. KeyError for a study that is not in the ledger;
    ValueError for a storage that cannot be opened, or has a study of that name unless ``force``
    replaces it.
    """
    record = ledger.study(name)
    groups = list(_groups(ledger.plan(name), ledger.rows(name)))
    params = [_params(entry) for entry, _ in groups]
    every = _distributions(params)
    trials = [
        _trial(record, rows, given, every) for (_, rows), given in zip(groups, params, strict=True)
    ]
    with _opened(url) as storage:
        if name in optuna.get_all_study_names(storage):
            if not force:
                raise ValueError(f"{shown(url)} has a study {name!r}; --force replaces it")
            optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=directions(record["objectives"].values()),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(record["objectives"]))
        study.set_user_attr("question", record["question"])
        study.add_trials(trials)
    states = [trial.state.name.lower() for trial in trials]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _groups(plan: list[Entry], rows: list[Row]) -> Iterator[tuple[Entry, list[Row]]]:
    """The candidates that have rows, in plan order, each with those of its seeds."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["candidate"], []).append(row)
    for entry in plan:
        if entry.candidate in by_name:
            yield entry, by_name.pop(entry.candidate)


def _params(entry: Entry) -> dict[str, Any]:
    """A candidate's answers under the names that users write; the factors of one enumerated."""
    return without_places(entry.answers) if entry.answers else dict(entry.factors)


def _distributions(params: Iterable[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """What the answers to each hole span: the space itself is in the study's file."""
    spans: dict[str, list[Any]] = {}
    for each in params:
        for name, answer in each.items():
            spans.setdefault(name, []).append(answer)
    return {name: _distribution(answers) for name, answers in spans.items()}


def _distribution(answers: list[Any]) -> BaseDistribution:
    if not all(isinstance(each, (int, float)) for each in answers):
        return CategoricalDistribution(sorted({str(each) for each in answers}))
    if all(isinstance(each, int) for each in answers):
        return Whole(min(answers), max(answers))
    return FloatDistribution(min(answers), max(answers))


def _trial(
    record: Row, rows: list[Row], params: dict[str, Any], every: dict[str, BaseDistribution]
) -> FrozenTrial:
    """A candidate's trial, done if one of its seeds is."""
    states = [row["state"] for row in rows]
    state = next(each for each in STATES if each in states)
    rows = [row for row in rows if row["state"] == state]
    excess = over_budget(Budget(**record["budget"]), rows[0]) if record["budget"] else None
    done = state == "done"
    over = excess[1] if excess else 0.0
    trial = create_trial(
        state=STATES[state],
        values=[_mean(rows, name) for name in record["objectives"]] if done else None,
        params=params,
        distributions={name: every[name] for name in params},
        user_attrs=_attributes(rows),
        constraints={CONSTRAINT: over} if record["budget"] else None,
        # Where dashboards up to 0.21 look for constraints.
        system_attrs={"constraints": [over]} if record["budget"] else None,
    )
    times = [(row.get("started"), row.get("finished")) for row in rows]
    starts, ends = ([each for each in side if each] for side in zip(*times, strict=True))
    if starts and ends:
        trial.datetime_start = _local(min(starts))
        trial.datetime_complete = _local(max(ends))
    return trial


def _local(time: str) -> datetime:
    """A time as Optuna writes it: this machine's, without a zone."""
    return datetime.fromisoformat(time).astimezone().replace(tzinfo=None)


def _mean(rows: list[Row], name: str) -> float:
    return sum(float(row[name]) for row in rows) / len(rows)


def _attributes(rows: list[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "candidate": rows[0]["candidate"],
        "state": rows[0]["state"],
        "seeds": [row["seed"] for row in rows],
        "keys": [row["key"] for row in rows],
    }
    for name in KEPT:
        values = [row[name] for row in rows if row.get(name) is not None]
        if values:
            is_number = not isinstance(values[0], str)
            found[name] = sum(values) / len(values) if is_number else values[0]
    return found


@contextmanager
def _opened(url: str) -> Iterator[RDBStorage]:
    """An Optuna storage; ValueError for one that cannot be opened."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = RDBStorage(url)
    except (sql.exc.SQLAlchemyError, ImportError, ValueError) as error:
        reason = getattr(error, "orig", None) or type(error).__name__
        raise ValueError(f"cannot open the storage {shown(url)}: {reason}") from error
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
