"""Finds the candidates that none other beats, and says how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any, Literal, overload

import numpy as np

from reports.beating import Field, Flags, Measured, field_of, undominated
from reports.by_seed import Places
from reports.candidates import Candidate
from reports.columns import FIGURES, quoted
from reports.latencies import level
from reports.statistics import Noise

Status = Literal[
    "front", "dominated", "over budget", "failed", "stopped", "apart", "waiting", "incomplete"
]

MOST_TIMED = 100
"""So many candidates are few enough for rounds to tell the latencies of any two apart."""

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


class Standings(Sequence[Standing]):
    """Where all candidates stand, in plan order; kept as arrays until one is asked for.

    ``competing`` are the places of those that could be on the front, and ``front`` of those on it.
    """

    def __init__(
        self, candidates: Sequence[Candidate], outside: Mapping[int, Standing], inside: _Inside
    ) -> None:
        self.candidates, self._outside, self._inside = candidates, outside, inside
        self.competing, self.front = inside.places, inside.places[inside.on]

    @overload
    def __getitem__(self, place: int) -> Standing: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Standing]: ...
    def __getitem__(self, place: int | slice) -> Standing | Sequence[Standing]:
        return self._each[place]

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._each)

    def __reduce__(self) -> tuple[Any, ...]:
        return Standings, (self.candidates, self._outside, self._inside)

    @cached_property
    def _each(self) -> tuple[Standing, ...]:
        found, everyone, inside = dict(self._outside), self.candidates, self._inside
        columns = (inside.places, inside.on, inside.rivals, inside.resolved)
        lines = zip(*(each.tolist() for each in columns), strict=True)
        for place, is_on, rival, resolved in lines:
            found[place] = Standing(
                candidate=everyone[place],
                status="front" if is_on else "dominated",
                rival=None if rival < 0 else everyone[rival].name,
                resolved=_RESOLVED[resolved],
            )
        return tuple(found[place] for place in range(len(everyone)))


_RESOLVED = (False, True, None)
UNKNOWN = 2
"""That it is not known whether a place holds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Inside:
    """Those that compete, in plan order: their places, and whether they are ``on`` the front.

    ``rivals`` are the places of those named beside them, -1 for none.
    """

    places: Places
    on: Flags
    rivals: Places
    resolved: Places


def standings(
    measured: Measured, objectives: Mapping[str, str], noises: Mapping[str, Noise | None]
) -> Standings:
    """Where each candidate stands, by the means of its figures; less or more as objectives say."""
    lacks = np.stack([np.isnan(measured.means(key)) for key in objectives], axis=1)
    outside = {}
    for place in sorted({*measured.troubled, *np.flatnonzero(lacks.any(axis=1)).tolist()}):
        missing = [FIGURES[key].label for key in compress(objectives, lacks[place])]
        if standing := _outside(measured.candidates[place], missing):
            outside[place] = standing
    inside = np.delete(np.arange(len(lacks)), list(outside))
    field = field_of(measured, inside, objectives, noises)
    return Standings(measured.candidates, outside, _inside(field))


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
    if one.unpaired and missing == [FIGURES["latency_ms"].label]:
        return Standing(candidate=one, status="apart", why=f"not compared: {one.unpaired}")
    if waits and missing:
        return Standing(candidate=one, status="waiting", why="not finished yet")
    if missing:
        words = f"no {' and no '.join(missing)} was measured"
        return Standing(candidate=one, status="incomplete", why=words)
    return None


def _inside(field: Field) -> _Inside:
    """Where those stand that compete."""
    on, num = undominated(field.matrix), len(field.places)
    rivals, resolved = np.full((2, num), -1)
    for some in field.blocks(np.flatnonzero(on), num):
        held, known = field.escapes(some)
        for place, each_held, each_known in zip(some.tolist(), held, known, strict=True):
            rivals[place], resolved[place] = _on_front(place, field, each_held, each_known)
    above = _rivals(field, on)
    for some in field.blocks(np.flatnonzero(~on), len(above)):
        rivals[some], resolved[some] = _dominated(some, above, field)
    order = np.argsort(field.places)
    named = np.where(rivals < 0, -1, field.places[rivals])
    return _Inside(
        places=field.places[order], on=on[order], rivals=named[order], resolved=resolved[order]
    )


def _rivals(field: Field, on: Flags) -> Places:
    """Who may be named as dominating others: the front, and those it lacks the seeds to speak for.

    Who beats another surely by more seeds than the front has is itself on the front of those that
    have the same seeds.
    """
    found = on.copy()
    if on.all():
        return np.flatnonzero(on)  # nobody is dominated
    has = np.hstack([~np.isnan(each) for each in field.scores.values()] or [on[:, None]])
    packed = np.packbits(has, axis=1)  # a text each, which is quickly compared
    texts = packed.view(f"V{packed.shape[1]}")[:, 0]
    _, kinds, nums = np.unique(texts, return_inverse=True, return_counts=True)
    for kind in np.argsort(-nums)[:MOST_KINDS] if len(nums) > 1 else ():
        alike = np.flatnonzero(kinds == kind)
        found[alike[undominated(field.matrix[alike])]] = True
    return np.flatnonzero(found)


def _on_front(place: int, field: Field, held: Flags, known: Flags) -> tuple[int, int]:
    """The rival of one on the front, and whether it is resolved from it.

    By whether it escapes each of the field, and whether that is known.
    """
    # A lead in accuracy or latency that is noise would leave these ahead of it, or level with it.
    doubts = ~held
    doubts[place] = False
    first = _first_no_dearer(np.flatnonzero(doubts), place, field)
    if first is None:
        return -1, True
    return first, False if known[first] else UNKNOWN


def _first_no_dearer(others: Places, place: int, field: Field) -> int | None:
    """The first that may be nowhere worse than one in the objectives without seed noise."""
    exact = [rank for rank, key in enumerate(field.objectives) if not FIGURES[key].seeded]
    less = {rank: field.matrix[others, rank] <= field.matrix[place, rank] for rank in exact}
    timed = {rank for rank in exact if field.objectives[rank] == "latency_ms"}
    may = np.logical_and.reduce(
        [np.ones(len(others), bool), *(each for rank, each in less.items() if rank not in timed)]
    )
    cheap = np.logical_and.reduce([may, *(less[rank] for rank in timed)])
    one, num = field.candidate(place), len(field.places) - 1
    for other, is_cheap in zip(others[may], cheap[may], strict=True):
        if is_cheap or level(field.candidate(other), one, num):  # only latency is dearer
            return int(other)
    return None


def _dominated(some: Places, rivals: Places, field: Field) -> tuple[Places, Places]:
    """The rivals of some that are dominated, and whether they are resolved from them.

    The rival is the first that beats one surely, or else the first that dominates it.
    """
    theirs, own = field.matrix[rivals], field.matrix[some]
    # Both are ranked by the first objective: who is behind the last of some dominates none.
    theirs = theirs[: np.searchsorted(theirs[:, 0], own[-1, 0], side="right")]
    # Axis by axis: to reduce over a last axis of two takes far longer.
    axes = zip(own.T, theirs.T, strict=True)
    whose, who = np.nonzero(np.logical_and.reduce([o[:, None] >= each for o, each in axes]))
    better = (theirs[who] < own[whose]).any(axis=1)
    whose, who = whose[better], who[better]
    held, known = field.beats(rivals[who], some[whose])
    held &= ~_as_cheap(rivals[who], some[whose], held & known, field)
    # Rivals are ranked, the best first, so of all pairs of one the first is written last.
    found = np.zeros(len(some), dtype=int)
    for pairs in (np.arange(len(whose)), np.flatnonzero(held & known)):
        found[whose[pairs[::-1]]] = pairs[::-1]
    resolved = np.where(known, held, UNKNOWN)
    return rivals[who[found]], resolved[found]


def _as_cheap(rivals: Places, some: Places, asked: Flags, field: Field) -> Flags:
    """Of which pairs that are asked the latencies are not told apart: some may be the faster.

    Among very many no number of rounds tells any two apart, so there it says nothing.
    """
    found, num = np.zeros(len(some), dtype=bool), len(field.places)
    if "latency_ms" not in field.objectives or num > MOST_TIMED:
        return found
    for place in np.flatnonzero(asked):
        one, other = (field.candidate(int(each[place])) for each in (rivals, some))
        found[place] = level(one, other, num - 1)
    return found


def _doubt(resolved: bool | None, rival: str | None) -> str:
    if resolved:
        return ""
    if resolved is None:
        return " (seed spread unknown)"
    return f", but not resolved from {quoted(rival)}" if rival else ", but not resolved"


def _failures(one: Candidate) -> str:
    failed = one.num.get("failed", 0)
    return f"; {failed} of {one.num_trials} trials failed" if failed else ""
