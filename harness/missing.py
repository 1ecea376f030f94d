"""What a study still wants, judged by the ledger alone: shared by a run and by its forecast."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from harness.holes import Range
from harness.ledger import Ledger
from harness.plan import candidates, definition
from harness.space import holes
from harness.study import Study
from harness.trial import DISK_FULL, Row

HINDRANCES = (
    "FileNotFoundError",
    "NotInstalledError",
    "PermissionError",
    "ConnectionError",
    DISK_FULL,
)


def is_to_run(
    row: Mapping[str, Any], *, retry_failed: bool, rule: Mapping[str, Any] | None = None
) -> bool:
    """Whether a trial of this row, empty if there is none, is run by the next start.

    One that was stopped is, unless that was by the ``rule`` of its study.
    """
    if row.get("state") == "stopped":
        return rule is None or row.get("stopped_by") != rule
    kept = {"done"} if retry_failed else {"done", "failed"}
    return row.get("state") not in kept or _was_hindered(row)


def _was_hindered(row: Mapping[str, Any]) -> bool:
    """Whether a trial failed by what its key does not hold, and the user may since have mended."""
    return row.get("state") == "failed" and str(row.get("reason")).startswith(HINDRANCES)


def is_enumerated(study: Study) -> bool:
    """Whether all candidates of a study are planned at once: it is no search, or a small one."""
    return study.search is None or is_small(study)


def is_small(study: Study) -> bool:
    """Whether enumerating the space of a search costs no more than searching it."""
    assert study.search is not None
    if any(isinstance(hole, Range) for hole in holes((study.space, study.recipe)).values()):
        return False
    most = study.search.trials
    try:
        return len(list(itertools.islice(candidates(study), most + 1))) <= most
    except ValueError:  # a range under an alternative
        return False


def prior_answers(study: Study, ledger: Ledger) -> list[Row]:
    """The answers of an earlier run of this same search, in order, once each."""
    known = ledger.studies().get(study.name, {})
    if known.get("space") != definition(study)["space"]:
        return []
    found = (entry.answers for entry in ledger.plan(study.name) if entry.answers)
    return list({json.dumps(answers, sort_keys=True): answers for answers in found}.values())
