"""The training losses of all trials, scaled for small drawings that share their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.columns import is_missing, plain
from reports.trials import Trial
from reports.verdict import Verdict

XY = tuple[float, float]
MOST_PANELS = 60
MOST_POINTS = 300
"""A small drawing is no sharper for more points of a curve."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One trial's loss: points from (0, 0) at the lower left to (1, 1), and the last value."""

    seed: int
    points: tuple[XY, ...]
    last: float


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The curves of one candidate, one a seed."""

    candidate: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """All panels on the same axes: steps from 0 to ``num_steps``, loss from 0 to ``top``.

    ``num_left_out`` counts the listed candidates beyond the first 60.
    """

    panels: tuple[Panel, ...]
    num_steps: int
    top: float
    num_left_out: int = 0


def curves(verdict: Verdict) -> Curves:
    """The losses of every trial that kept its history, of the candidates listed, in plan order."""
    histories = [(trial, _finite(trial.get("history") or ())) for trial in drawn(verdict)]
    known = [(trial, history) for trial, history in histories if history]
    num_steps = max((step for _, history in known for step, _ in history), default=0.0)
    top = max((loss for _, history in known for _, loss in history), default=0.0)
    groups: dict[str, list[Curve]] = {}
    for trial, history in known:
        group = groups.setdefault(trial["candidate"], [])
        group.append(_curve(trial, history, num_steps or 1.0, top or 1.0))
    return Curves(
        panels=tuple(Panel(candidate=plain(name), curves=tuple(c)) for name, c in groups.items()),
        num_steps=int(num_steps),
        top=top,
        num_left_out=max(0, len(verdict.listed) - MOST_PANELS),
    )


def drawn(verdict: Verdict) -> tuple[Trial, ...]:
    """The trials whose losses are drawn: those of the candidates that are listed, or the first."""
    names = {each.candidate.name for each in verdict.listed[:MOST_PANELS]}
    return verdict.trials.where("candidate", names)


def _finite(history: Sequence[Sequence[Any]]) -> list[XY]:
    pairs = ((step, loss) for step, loss, *_ in history)
    return [(float(step), float(loss)) for step, loss in pairs if not is_missing(loss)]


def _curve(trial: Mapping[str, Any], history: Sequence[XY], wide: float, high: float) -> Curve:
    every = -(-len(history) // MOST_POINTS)
    thin = [*history[:-1:every], history[-1]]
    points = tuple((step / wide, loss / high) for step, loss in thin)
    return Curve(seed=trial["seed"], points=points, last=history[-1][1])
