"""Holes: the places of a study that are still open, and what may fill them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hole:
    """An open place; abstract, see Choice and Range."""


@dataclass(frozen=True)
class Choice(Hole):
    """One of several values, each of which may hold further holes."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return f"choice({', '.join(map(str, self.values))})"


@dataclass(frozen=True)
class Range(Hole):
    """A number between two bounds, both included; only a search can fill it."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __str__(self) -> str:
        kind = "integer" if self.integer else "loguniform" if self.log else "uniform"
        return f"{kind}({self.low:g}, {self.high:g})"


def choice(*values: Any) -> Choice:
    """Leaves a place open between values; ValueError for none, or for one given twice."""
    if not values:
        raise ValueError("choice() needs at least one value")
    frozen = tuple(tuple(value) if isinstance(value, list) else value for value in values)
    for value in frozen:
        if frozen.count(value) > 1:
            raise ValueError(f"choice() was given {value!r} twice")
    return Choice(frozen)


def _range(low: float, high: float, *, log: bool = False, integer: bool = False) -> Range:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"a range needs finite bounds with low < high, not {low} and {high}")
    if log and low <= 0:
        raise ValueError(f"a logarithmic range needs a positive lower bound, not {low}")
    return Range(low, high, log=log, integer=integer)


def uniform(low: float, high: float) -> Range:
    """Leaves a number open between two bounds."""
    return _range(low, high)


def loguniform(low: float, high: float) -> Range:
    """Leaves a positive number open between two bounds, on a logarithmic scale."""
    return _range(low, high, log=True)


def integer(low: int, high: int) -> Range:
    """Leaves a whole number open between two bounds, both included."""
    return _range(low, high, integer=True)
