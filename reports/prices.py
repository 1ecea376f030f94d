"""What candidates cost, in the words of an answer: a price, and who has the lowest."""

from __future__ import annotations

from collections.abc import Sequence

from reports.candidates import Candidate
from reports.columns import FIGURES
from reports.latencies import (
    MOST_PAIRED,
    all_level,
    is_contended,
    latency_ratio,
    level,
    ratio_text,
    ratio_to,
    reference,
)
from reports.phrases import name_of, names
from reports.verdict import Verdict


def lowest(
    verdict: Verdict, found: Sequence[Candidate], key: str, cheap: Sequence[Candidate]
) -> str:
    """Who has the lowest of some figure: the ``cheap`` of those found."""
    column = FIGURES[key]
    if len(cheap) == len(found) > 1:
        if column.counted:
            return f"all have the same {column.label}"
        whom = "another" if all_level(cheap) else f"the lowest, that of {name_of(cheap[0])}"
        return f"no {column.label} is distinguishable from {whom}"
    cost = price(verdict, cheap[0], key)
    if len(cheap) == 1:
        told = _in_brackets(cost, _next(found, key))
        return f"{name_of(cheap[0])} has the lowest {column.label}{told}"
    # Of a group that holds the reference, some other's ratio to it would tell nothing.
    held = reference(verdict.compared) in cheap and is_contended(verdict.compared)
    which = "" if column.counted or all_level(cheap) else f" from that of {name_of(cheap[0])}"
    told = _in_brackets(f"about {cost}" if cost and not held else "", f"not distinguishable{which}")
    told = _in_brackets(cost) if column.counted else told
    return f"{names(cheap)} have the lowest {column.label}{told}"


def _in_brackets(*clauses: str) -> str:
    told = [each for each in clauses if each]
    return f" ({', '.join(told)})" if told else ""


def cheapest(found: Sequence[Candidate], key: str) -> list[Candidate]:
    """The lowest of some figure, with those whose latency cannot be told from its own."""
    order = sorted(found, key=lambda each: each.mean(key) or 0)
    first, others = order[0], order[1:]
    if key == "latency_ms":
        return [first, *(each for each in others if level(each, first, len(others)))]
    return [first, *(each for each in others if each.mean(key) == first.mean(key))]


def _next(found: Sequence[Candidate], key: str) -> str:
    """By how much the second lowest latency is above the lowest, paired by round."""
    order = sorted(found, key=lambda each: each.mean(key) or 0)
    if key != "latency_ms" or len(order) < 2:
        return ""
    ratio = latency_ratio(order[1], order[0], len(order) - 1)
    return f"{name_of(order[1])} takes {ratio_text(ratio)} times as long" if ratio else ""


def price(verdict: Verdict, one: Candidate, key: str) -> str:
    """What a candidate costs; of latencies taken beside other work, against the reference's."""
    against = reference(verdict.compared)
    if key != "latency_ms" or not is_contended(verdict.compared) or against is None:
        column, some = FIGURES[key], [each.candidate.mean(key) for each in verdict.scored]
        if column.counted and len(some) <= MOST_PAIRED:  # and so different, however little
            column = column.finer([mean for mean in some if mean is not None])
        return column.with_unit(one.mean(key))
    if one is against:
        return ""
    ratio = ratio_to(one, against)
    return f"{ratio_text(ratio)} times the latency of {name_of(against)}" if ratio else ""
