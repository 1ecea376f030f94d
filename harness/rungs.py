"""Rungs: after which steps candidates are judged while they train, and who is stopped there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from harness.names import known_fields, unknown

RULES = ("halving", "median", "all")


@known_fields
@dataclass(frozen=True, kw_only=True)
class Rungs:
    """Bad trials are stopped early: candidates are judged together after the same few steps.

    ``at`` are the rungs, as shares of the recipe's steps. At each, whoever is on the front of (mIoU
    on images held out of train, costs) goes on, and so does a study's baseline. Of the others
    ``keep`` lets go on

    - "halving": the upper ``1 / reduction`` by mIoU (successive halving; Jamieson and Talwalkar
      2016, Li et al. 2018);
    - "median": those that are not below the median mIoU (median stopping, of the values at the
      step as Optuna's pruner has it, not of running averages as Golovin et al. 2017);
    - "all": everybody. What a rule had stopped is then trained to its end.

    With ``brackets`` above 1 candidates take turns, as Hyperband's brackets do (Li et al. 2018),
    each of as many candidates: the first is judged at every rung, the next is spared at the first
    rung, and so on. A slow starter may so be met where it has had its time.

    ``at`` is in a trial's key, since its row has the accuracy at each rung; the rest is not.
    """

    at: tuple[float, ...] = (1 / 9, 1 / 3)
    keep: Literal["halving", "median", "all"] = "halving"
    reduction: int = 3
    brackets: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _shares(self.at))
        if self.keep not in RULES:
            raise ValueError(unknown("stopping.keep", str(self.keep), RULES))
        if type(self.reduction) is not int or self.reduction < 2:
            raise ValueError(f"stopping.reduction is a whole number from 2, not {self.reduction!r}")
        if self.keep != "halving" and self.reduction != Rungs.reduction:
            raise ValueError(f"stopping.reduction is for keep='halving'; {self.keep!r} has none")
        most = len(self.at) + 1
        if type(self.brackets) is not int or not 1 <= self.brackets <= most:
            raise ValueError(
                f"stopping.brackets is a whole number from 1 to {most}, one more than there are "
                f"rungs, not {self.brackets!r}"
            )


def _shares(given: Any) -> tuple[float, ...]:
    shares = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    sound = all(isinstance(each, float) and 0 < each < 1 for each in shares)
    if not shares or not sound or list(shares) != sorted(set(shares)):
        raise ValueError(
            f"stopping.at is one or more rising shares between 0 and 1, as (1/9, 1/3), not {given}"
        )
    return shares


def steps_of(rungs: Rungs, steps: int) -> tuple[int, ...]:
    """The steps, counted from 1, after which trials of so many steps are judged.

    ValueError for too few steps: rungs must lie apart, and before the end.
    """
    found = tuple(max(1, round(share * steps)) for share in rungs.at)
    if len({*found, steps}) <= len(found):
        said = ", ".join(map(str, found))
        raise ValueError(
            f"stopping.at puts rungs after step {said} of {steps}: they must lie apart and before "
            "the last step; take more steps or fewer rungs"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A candidate at a rung: its mIoU there, the mean over its seeds, and its costs.

    Less of each of ``costs`` is better. Only those of one ``budget`` are compared, which is what
    a step costs in images and how many there are. ``number`` is its place in the study's plan.
    """

    name: str
    number: int
    miou: float
    costs: tuple[float, ...]
    budget: tuple[Any, ...] = ()
    is_baseline: bool = False


def why_stopped(
    one: Standing, standings: Sequence[Standing], rungs: Rungs, rung: int
) -> str | None:
    """Why a candidate is stopped at a rung, the first of which is 0; None if it goes on.

    ``standings`` are all that have come to this rung, itself among them. Accuracy that is not
    finite is not judged and judges nobody.
    """
    peers = [each for each in standings if each.budget == one.budget and math.isfinite(each.miou)]
    is_spared = one.is_baseline or rung < one.number % rungs.brackets
    if rungs.keep == "all" or is_spared or not math.isfinite(one.miou):
        return None
    better = next((each for each in peers if _dominates(each, one)), None)
    bound = _bound(rungs, [each.miou for each in peers])
    if better is None or one.miou >= bound:
        return None
    return (
        f"mIoU of {100 * one.miou:.1f} % on held-out images is below {100 * bound:.1f} %, "
        f"{_named(rungs)} of {len(peers)} candidates, and {better.name} has "
        f"{100 * better.miou:.1f} % and costs no more"
    )


def _dominates(first: Standing, second: Standing) -> bool:
    """Whether one is nowhere worse than another and somewhere better."""
    points = [(-each.miou, *each.costs) for each in (first, second)]
    return points[0] != points[1] and all(a <= b for a, b in zip(*points, strict=True))


def _bound(rungs: Rungs, mious: list[float]) -> float:
    """The mIoU from which on a candidate goes on."""
    if rungs.keep == "median":
        return median(mious)
    return sorted(mious, reverse=True)[max(1, len(mious) // rungs.reduction) - 1]


def _named(rungs: Rungs) -> str:
    return "the median" if rungs.keep == "median" else f"the upper 1/{rungs.reduction}"


def least_share(rungs: Rungs) -> float:
    """The share of all steps that is taken if only those go on that the rule itself lets."""
    kept = {"halving": 1 / rungs.reduction, "median": 0.5, "all": 1.0}[rungs.keep]
    ends = (*rungs.at, 1.0)
    lengths = [end - start for start, end in zip((0.0, *rungs.at), ends, strict=True)]
    shares = [
        sum(length * kept ** max(0, rung - spared) for rung, length in enumerate(lengths))
        for spared in range(rungs.brackets)
    ]
    return sum(shares) / len(shares)
