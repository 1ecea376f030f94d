"""Finds the candidates that none other beats, and says how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.beating import Field, Flags, Floats, Measured, Places, field_of, undominated
from reports.candidates import Candidate
from reports.columns import FIGURES, quoted
from reports.latencies import level
from reports.statistics import Noise

Status = Literal[
    "front", "dominated", "over budget", "failed", "stopped", "apart", "waiting", "incomplete"
]

MOST_KINDS = 64
"""How many sets of seeds, the commonest first, are looked through for who dominates others."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a candidate stands.

    ``rival`` is the candidate that dominates it, or, on the front, the one it cannot be told from.
    ``resolved`` is whether its place holds against seed noise; None where the spread is not known.
    ``why`` says what keeps it from competing.
    """

    candidate: Candidate
    status: Status
    rival: str | None = None
    resolved: bool | None = None
    why: str = ""

    @property
    def competes(self) -> bool:
        """Whether the candidate could be on the front."""
        return self.status in ("front", "dominated")

    @property
    def words(self) -> str:
        """The standing in words, with its reason."""
        if self.status == "front":
            return "on the front" + _doubt(self.resolved, self.rival) + _failures(self.candidate)
        if self.status == "dominated":
            doubt = _doubt(self.resolved, None)
            return f"dominated by {quoted(self.rival)}{doubt}{_failures(self.candidate)}"
        return self.why


def standings(
    measured: Measured, objectives: Mapping[str, str], noises: Mapping[str, Noise | None]
) -> tuple[Standing, ...]:
    """Where each candidate stands, by the means of its figures; less or more as objectives say."""
    lacks = {FIGURES[key].label: np.isnan(measured.means(key)).tolist() for key in objectives}
    found = [
        _outside(one, [label for label, is_missing in zip(lacks, line, strict=True) if is_missing])
        for one, line in zip(measured.candidates, zip(*lacks.values(), strict=True), strict=True)
    ]
    inside = np.flatnonzero([each is None for each in found])
    field = field_of(measured, inside, objectives, noises)
    for rank, standing in _inside(field):
        found[field.places[rank]] = standing
    return tuple(each for each in found if each)


def _outside(one: Candidate, missing: Sequence[str]) -> Standing | None:
    """The standing of a candidate that cannot be on the front; None for one that can."""
    done, waits = one.num.get("done"), one.num.get("pending")
    if one.apart:
        return Standing(candidate=one, status="apart", why=f"not compared: {one.apart}")
    if one.over or one.num.get("rejected"):
        words = "; ".join(one.over) or one.reason or "rejected before training"
        return Standing(candidate=one, status="over budget", why=words)
    if one.num.get("failed") and not done and not waits:
        return Standing(
            candidate=one, status="failed", why=f"failed: {one.reason or 'no reason was kept'}"
        )
    if one.num.get("stopped") and not done:
        return Standing(candidate=one, status="stopped", why=f"stopped {one.reason or 'early'}")
    if waits and missing:
        return Standing(candidate=one, status="waiting", why="not finished yet")
    if missing:
        words = f"no {' and no '.join(missing)} was measured"
        return Standing(candidate=one, status="incomplete", why=words)
    return None


def _inside(field: Field) -> Iterator[tuple[int, Standing]]:
    """The standings of those that compete, each with its rank in the field."""
    on, everyone = undominated(field.matrix), np.arange(len(field.ranked))
    for some in field.blocks(np.flatnonzero(on), len(everyone)):
        held, known = field.escapes(some, everyone)
        for place, each_held, each_known in zip(some.tolist(), held, known, strict=True):
            yield place, _on_front(place, field, each_held, each_known)
    rivals = _rivals(field, on)
    for some in field.blocks(np.flatnonzero(~on), len(rivals)):
        yield from _dominated(some, rivals, field)


def _rivals(field: Field, on: Flags) -> Places:
    """Who may be named as dominating others: the front, and those it lacks the seeds to speak for.

    Who beats another surely by more seeds than the front has is itself on the front of those that
    have the same seeds.
    """
    found = on.copy()
    has = np.hstack([~np.isnan(each) for each in field.scores.values()] or [on[:, None]])
    kinds, nums = np.unique(has, axis=0, return_counts=True)
    for kind in np.argsort(-nums)[:MOST_KINDS] if len(kinds) > 1 else ():
        alike = np.flatnonzero((has == kinds[kind]).all(axis=1))
        found[alike[undominated(field.matrix[alike])]] = True
    return np.flatnonzero(found)


def _on_front(place: int, field: Field, held: Flags, known: Flags) -> Standing:
    """A standing on the front; whether it escapes each of the field, and whether that is known."""
    one = field.ranked[place]
    # A lead in accuracy or latency that is noise would leave these ahead of it, or level with it.
    doubts = ~held
    doubts[place] = False
    first = _first_no_dearer(np.flatnonzero(doubts), place, field)
    rival = None if first is None else field.ranked[first].name
    resolved = True if first is None else (False if known[first] else None)
    return Standing(candidate=one, status="front", rival=rival, resolved=resolved)


def _first_no_dearer(others: Places, place: int, field: Field) -> int | None:
    """The first that may be nowhere worse than one in the objectives without seed noise."""
    exact = [rank for rank, key in enumerate(field.objectives) if not FIGURES[key].seeded]
    less = {rank: field.matrix[others, rank] <= field.matrix[place, rank] for rank in exact}
    timed = {rank for rank in exact if field.objectives[rank] == "latency_ms"}
    may = np.logical_and.reduce(
        [np.ones(len(others), bool), *(each for rank, each in less.items() if rank not in timed)]
    )
    cheap = np.logical_and.reduce([may, *(less[rank] for rank in timed)])
    one, num = field.ranked[place], len(field.ranked) - 1
    for other, is_cheap in zip(others[may], cheap[may], strict=True):
        if is_cheap or level(field.ranked[other], one, num):  # only latency is dearer
            return int(other)
    return None


def _dominated(some: Places, rivals: Places, field: Field) -> Iterator[tuple[int, Standing]]:
    if not len(some):
        return
    above = _above(field.matrix[rivals], field.matrix[some])
    held, known = field.beats(rivals, some)
    sure = above & held & known
    # Rivals are ranked, the best first.
    firsts = np.where(sure.any(axis=0), sure.argmax(axis=0), above.argmax(axis=0))
    columns = np.arange(len(some))
    told = (some, rivals[firsts], sure[firsts, columns], known[firsts, columns])
    for place, rival, is_sure, is_known in zip(*(each.tolist() for each in told), strict=True):
        one, resolved = field.ranked[place], is_sure if is_known else None
        above_it = field.ranked[rival].name
        yield (
            place,
            Standing(candidate=one, status="dominated", rival=above_it, resolved=resolved),
        )


def _above(theirs: Floats, own: Floats) -> Flags:
    """Whether each of the first dominates each of the second, (first, second)."""
    # Axis by axis: to reduce over a last axis of two takes far longer.
    pairs = list(zip(theirs.T, own.T, strict=True))
    no_worse = [first[:, None] <= second for first, second in pairs]
    better = [first[:, None] < second for first, second in pairs]
    return np.asarray(np.logical_and.reduce(no_worse) & np.logical_or.reduce(better))


def _doubt(resolved: bool | None, rival: str | None) -> str:
    if resolved:
        return ""
    if resolved is None:
        return " (seed spread unknown)"
    return f", but not resolved from {quoted(rival)}" if rival else ", but not resolved"


def _failures(one: Candidate) -> str:
    failed = one.num.get("failed", 0)
    return f"; {failed} of {one.num_trials} trials failed" if failed else ""
