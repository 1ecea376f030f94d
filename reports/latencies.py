"""Says whether two latencies differ: by rounds that both were timed in, never by milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.measure.estimate import CONFIDENCE, KEPT, Ratio, ratio_of_rows
from reports.by_seed import BySeed, Columns, Figures
from reports.candidates import LATENCY_SPAN, Candidate
from reports.columns import MISSING

SPOTS = ("latency_ms", *LATENCY_SPAN)
"""A latency and the ends of its interval."""


def latency_ratio(first: Candidate, second: Candidate, num_comparisons: int = 1) -> Ratio | None:
    """How long the first takes against the second, paired by round.

    None if they were not timed in one session.
    """
    return ratio_of_rows(first.timed, second.timed, num_comparisons)


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
    """Whether any latency was taken beside other work, so that milliseconds are no facts."""
    return any(each.timed.get("latency_contended") for each in found)


def reference(found: Iterable[Candidate]) -> Candidate | None:
    """What latencies are set against: the baseline, or else the first that was timed."""
    timed = [each for each in found if each.timed]
    return next((each for each in timed if each.baseline), timed[0] if timed else None)


def by_ratio(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Candidates whose latencies may be ranked, though other work was beside them.

    Each latency of the reference's session becomes the reference's median times the ratio to it,
    and its interval that of the ratio: medians of milliseconds would rank by who met more of that
    work. Without other work all stay as they are.
    """
    compared = [each for each in found if not each.apart]
    against = reference(compared)
    if against is None or not is_contended(compared):
        return tuple(found)
    base = against.mean("latency_ms") or 0.0
    moved = [_against(each, against, base) for each in found]
    known = against.figures.columns
    latencies = {key: BySeed.of([each[key] for each in moved]) for key in SPOTS}
    columns = Columns(known, lambda key: latencies.get(key) or known[key])
    return tuple(replace(o, figures=Figures(columns, rank)) for rank, o in enumerate(found))


def _against(one: Candidate, against: Candidate, base: float) -> dict[str, dict[int, float]]:
    """The latency by seed with the ends of its interval; as it was where there is no ratio."""
    own = one.name == against.name
    ratio = None if own or one.apart else latency_ratio(one, against)
    if ratio is None and not own:
        return {key: one.figures[key] for key in SPOTS}
    spots = (ratio.value, ratio.low, ratio.high) if ratio else (1.0, 1.0, 1.0)
    seeds = one.figures["latency_ms"]
    return {
        key: {} if spot is None else dict.fromkeys(seeds, base * spot)
        for key, spot in zip(SPOTS, spots, strict=True)
    }


def ratio_text(found: Ratio | None) -> str:
    """A ratio with its interval, or a dash where rounds cannot be paired."""
    if found is None:
        return MISSING
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}{MISSING}{found.high:.2f}]"
