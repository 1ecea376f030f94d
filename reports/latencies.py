"""Says whether two latencies differ: by rounds that both were timed in, never by milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from harness.measure.across import ratio_between
from harness.measure.estimate import CONFIDENCE, KEPT, Ratio
from reports.by_seed import BySeed, Columns, Figures
from reports.candidates import LATENCY_SPAN, Candidate
from reports.columns import MISSING, quoted
from reports.phrases import listed, some

MOST_PAIRED = 20
"""So many latencies are compared all with all."""

SPOTS = ("latency_ms", *LATENCY_SPAN)
"""A latency and the ends of its interval."""


def latency_ratio(first: Candidate, second: Candidate, num_comparisons: int = 1) -> Ratio | None:
    """How long the first takes against the second, paired by round.

    Of two sessions over a network that was timed in both, but only where other work was beside one
    of them: milliseconds of a quiet machine hold, and tell more. None where there is no ratio.
    """
    one, other = first.timed, second.timed
    is_one = one.get("latency_session") == other.get("latency_session")
    if is_one or one.get("latency_contended") or other.get("latency_contended"):
        return ratio_between(one, other, num_comparisons)
    return None


def ratio_to(one: Candidate, against: Candidate) -> Ratio | None:
    """The ratio to the reference, where all are given by theirs."""
    return ratio_between(one.timed, against.timed)


def level(first: Candidate, second: Candidate, num_comparisons: int = 1) -> bool:
    """Whether two latencies cannot be told apart.

    Of two sessions, where rounds cannot be paired: whether the intervals of the medians meet.
    """
    known = _at_once(first, second, num_comparisons)
    if known is not None:
        return known
    found = latency_ratio(first, second, num_comparisons)
    if found is not None:
        return found.answer == "not distinguishable"
    (low, high), (other_low, other_high) = _ends(first), _ends(second)
    return low <= other_high and other_low <= high


def all_level(found: Sequence[Candidate]) -> bool:
    """Whether no latency of some is told from another's, where none is from the first's.

    All may be level with the first, if that is a noisy one, and not with each other. Of many that
    is not looked into: False.
    """
    if len(found) > MOST_PAIRED:
        return False
    return all(level(a, b, len(found) - 1) for a, b in combinations(found[1:], 2))


def _at_once(first: Candidate, second: Candidate, num_comparisons: int) -> bool | None:
    """What the ratio's interval would say where it need not be computed; None where it must.

    Among many, most pairs differ in every round, or no number of rounds like theirs could tell.
    """
    one, other = first.timed, second.timed
    mine, theirs = one.get("latency_rounds_ns"), other.get("latency_rounds_ns")
    session = one.get("latency_session")
    if not (session and session == other.get("latency_session") and mine and theirs):
        return None
    if one.get("latency_processes_ns") or one.get("latency_ratio_by") == "cpu":
        return None
    if len(mine) != len(theirs) or KEPT in (one.get("latency_place"), other.get("latency_place")):
        return None
    if 2.0 ** -len(mine) > (1 - CONFIDENCE) / max(num_comparisons, 1) / 2:
        return True
    faster = mine[0] < theirs[0]
    same = all((a < b) == faster and a != b for a, b in zip(mine, theirs, strict=True))
    return False if same else None


def _ends(one: Candidate) -> tuple[float, float]:
    """The interval of a latency; from the median to itself where none is known."""
    middle = one.mean("latency_ms") or 0.0
    low, high = (one.mean(key) for key in LATENCY_SPAN)
    return (middle if low is None else low), (middle if high is None else high)


def is_contended(found: Iterable[Candidate]) -> bool:
    """Whether any latency was taken beside other work, so that milliseconds are no facts.

    Those that are ``unpaired`` are set against no other, and so do not count.
    """
    return any(each.timed.get("latency_contended") and not each.unpaired for each in found)


def reference(found: Iterable[Candidate]) -> Candidate | None:
    """What latencies are set against: the baseline, or else the first that was timed."""
    timed = [each for each in found if each.timed]
    return next((each for each in timed if each.baseline), timed[0] if timed else None)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Which latencies may be ranked together, by candidate, and by what.

    ``ratios`` are those to one of them, whose own is left out; ``by_ratio`` is whether these stand
    for milliseconds, which do not hold then. ``alone`` must not be set against the others.
    """

    ratios: Mapping[str, Ratio]
    by_ratio: bool
    alone: frozenset[str]


def pairing(timed: Mapping[str, Mapping[str, Any]], against: str) -> Pairing:
    """How latencies may be ranked, given the columns of how each was timed, none of them empty.

    Beside other work by ratios only, which there are within a session, and between sessions over a
    network that was timed in both. On a quiet machine milliseconds of two sessions hold.
    """
    busy = {name for name, each in timed.items() if each.get("latency_contended")}
    if not busy:
        return Pairing(ratios={}, by_ratio=False, alone=frozenset())
    others = ((name, each) for name, each in timed.items() if name != against)
    found = {name: ratio_between(each, timed[against]) for name, each in others}
    ratios = {name: ratio for name, ratio in found.items() if ratio}
    by_ratio = against in busy or not busy.isdisjoint(ratios)
    alone = found.keys() - ratios.keys()
    return Pairing(
        ratios=ratios, by_ratio=by_ratio, alone=frozenset(alone if by_ratio else alone & busy)
    )


def by_ratio(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Candidates whose latencies may be ranked, though other work was beside them.

    Each latency becomes the reference's median times the ratio to it, and its interval that of the
    ratio: medians of milliseconds would rank by who met more of that work. One without such a ratio
    loses its latency, and is ``unpaired``. Without other work all stay as they are.
    """
    compared = [each for each in found if not each.apart]
    against = reference(compared)
    if against is None or not is_contended(compared):
        return tuple(found)
    pairs = pairing({each.name: each.timed for each in compared if each.timed}, against.name)
    moved = [_spots(each, against, pairs) for each in found]
    known = against.figures.columns
    latencies = {key: BySeed.of([each[key] for each in moved]) for key in SPOTS}
    columns = Columns(known, lambda key: latencies.get(key) or known[key])
    told = (_why(one, against) if one.name in pairs.alone else None for one in found)
    return tuple(
        replace(one, figures=Figures(columns, rank), unpaired=why)
        for rank, (one, why) in enumerate(zip(found, told, strict=True))
    )


def _spots(one: Candidate, against: Candidate, pairs: Pairing) -> dict[str, dict[int, float]]:
    """The latency by seed with the ends of its interval; as it was where there is no ratio."""
    if one.name in pairs.alone:
        return {key: {} for key in SPOTS}
    own, ratio = one.name == against.name, pairs.ratios.get(one.name)
    if not pairs.by_ratio or one.apart or not (own or ratio):
        return {key: one.figures[key] for key in SPOTS}
    spots = (ratio.value, ratio.low, ratio.high) if ratio else (1.0, 1.0, 1.0)
    seeds, base = one.figures["latency_ms"], against.mean("latency_ms") or 0.0
    return {
        key: {} if spot is None else dict.fromkeys(seeds, base * spot)
        for key, spot in zip(SPOTS, spots, strict=True)
    }


def _why(one: Candidate, against: Candidate) -> str:
    """Why a latency is compared with no other."""
    same = one.timed.get("latency_session") == against.timed.get("latency_session")
    why = "no rounds kept" if same else f"timed in another session than {quoted(against.name)}"
    return f"{why}, on a busy machine"


def unpaired_text(found: Iterable[Candidate]) -> str:
    """Whose latencies are compared with no other, and why, in a sentence; "" for none."""
    reasons: dict[str, list[str]] = {}
    for each in found:
        if each.unpaired:
            reasons.setdefault(each.unpaired, []).append(quoted(each.name))
    told = [f"{some(names)} ({why})" for why, names in reasons.items()]
    return f"Not compared by latency: {listed(told)}." if told else ""


def ratio_text(found: Ratio | None) -> str:
    """A ratio with its interval, or a dash where rounds cannot be paired."""
    if found is None:
        return MISSING
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}{MISSING}{found.high:.2f}]"
