"""What is known of each candidate, over its seeds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.columns import FIGURES, is_missing
from reports.statistics import Spread, spread

Trial = Mapping[str, Any]
FACTOR = "factor."
LATENCY_SPAN = ("latency_low_ms", "latency_high_ms")
"""The ends of the 95 % interval of a median latency."""

TIMED = ("latency_session", "latency_rounds_ns", "latency_contended")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One candidate's figures, from the trials that may be compared, or from all if none may.

    ``factors`` are what its study varied;
    ``figures`` maps a figure's key to its values by seed; ``num`` counts its trials by state;
    ``iou`` has the mean over seeds of each class, None for a class absent from the scored images.
    ``over`` says which budgets it breaks; ``reason`` is that of its first failure or rejection.
    ``apart`` says why none of its trials may be compared. ``timed`` are the columns by which its
    latency is compared with others'; empty where it has none.
    """

    name: str
    baseline: bool
    factors: Mapping[str, str]
    num: Mapping[str, int]
    figures: Mapping[str, Mapping[int, float]]
    iou: Mapping[str, float | None]
    over: tuple[str, ...] = ()
    reason: str | None = None
    apart: str | None = None
    timed: Mapping[str, Any] = field(default_factory=dict)

    def spread(self, key: str) -> Spread | None:
        """A figure's mean and standard deviation over seeds; None where there is no value."""
        return spread(list(self.figures.get(key, {}).values()))

    def mean(self, key: str) -> float | None:
        """A figure's mean over seeds; None where there is no value."""
        values = self.figures.get(key, {}).values()
        return statistics.fmean(values) if values else None

    @property
    def num_trials(self) -> int:
        """How many trials are planned."""
        return sum(self.num.values())


def candidates(
    trials: Sequence[Trial], apart: Mapping[str, str], budget: Mapping[str, float]
) -> tuple[Candidate, ...]:
    """The candidates of a study in plan order.

    ``apart`` maps the key of a trial that must not be compared to the reason.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial["candidate"], []).append(trial)
    return tuple(_candidate(name, group, apart, budget) for name, group in groups.items())


def _candidate(
    name: str, trials: list[Trial], apart: Mapping[str, str], budget: Mapping[str, float]
) -> Candidate:
    kept = [trial for trial in trials if trial["key"] not in apart]
    figures = {key: _values(kept or trials, key) for key in (*FIGURES, *LATENCY_SPAN)}
    reasons = [trial["reason"] for trial in trials if trial["reason"]]
    return Candidate(
        name=name,
        baseline=any(trial["baseline"] for trial in trials),
        factors=_factors(trials[0]),
        num=Counter(trial["state"] for trial in trials),
        figures=figures,
        iou=_class_means(kept),
        over=_over(figures, budget),
        reason=reasons[0] if reasons else None,
        apart=None if kept else apart[trials[0]["key"]],
        timed=_timed(kept or trials),
    )


def _timed(trials: Collection[Trial]) -> dict[str, Any]:
    """How a candidate was timed; all its seeds have one latency, that of its network."""
    found = (trial for trial in trials if not is_missing(trial.get("latency_ms")))
    return next(({key: trial.get(key) for key in TIMED} for trial in found), {})


def _factors(trial: Trial) -> dict[str, str]:
    found = {key: value for key, value in trial.items() if key.startswith(FACTOR)}
    return {k.removeprefix(FACTOR): str(v) for k, v in found.items() if v is not None}


def _values(trials: Collection[Trial], key: str) -> dict[int, float]:
    """A figure by seed. Only a trial that came to its end has an accuracy."""
    seeded = key in FIGURES and FIGURES[key].seeded
    return {
        trial["seed"]: float(trial[key])
        for trial in trials
        if not is_missing(trial.get(key)) and (trial["state"] == "done" or not seeded)
    }


def _class_means(trials: Collection[Trial]) -> dict[str, float | None]:
    done = [trial for trial in trials if trial["state"] == "done"]
    names = dict.fromkeys(key for trial in done for key in trial if key.startswith("iou."))
    means: dict[str, float | None] = {}
    for name in names:
        values = [trial[name] for trial in done if not is_missing(trial.get(name))]
        means[name.removeprefix("iou.")] = statistics.fmean(values) if values else None
    return means


def _over(
    figures: Mapping[str, Mapping[int, float]], budget: Mapping[str, float]
) -> tuple[str, ...]:
    broken = []
    for key, bound in budget.items():
        values = figures.get(key, {}).values()
        if values and statistics.fmean(values) > bound:
            column = FIGURES[key]
            given, most = column.text(statistics.fmean(values)), column.with_unit(bound)
            broken.append(f"{column.label} {given} is over the budget of {most}")
    return tuple(broken)
