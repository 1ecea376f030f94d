"""Says in one sentence what a study found, and never more than its seeds support."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from reports.candidates import SEEDED, Candidate
from reports.columns import FIGURES, Column
from reports.effects import Effect, Effects, effects, gap_of
from reports.latencies import is_contended, latency_ratio, level, ratio_text, ratio_to, reference
from reports.more_seeds import FEWEST_TO_TELL, more_seeds, seeds_needed
from reports.paired import least_p, paired
from reports.pareto import Standing
from reports.phrases import (
    MOST_NAMED,
    count,
    gap_above,
    interval,
    listed,
    name_of,
    names,
    signed_gap,
)
from reports.statistics import CONFIDENCE, NO_SPREAD, Difference, num_pairs
from reports.verdict import MOST_LISTED, Verdict

MOST_PAIRED = 20
"""So many latencies are compared all with all."""

MORE_SEEDS = "run the study with at least three seeds"


def answer(verdict: Verdict, found: Effects | None = None) -> str:
    """The answer to a study's question, or what is in the way of one.

    ``found`` are the study's effects where the caller has them.
    """
    seeded = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    baseline = next((each for each in verdict.scored if each.candidate.baseline), None)
    if len(verdict.scored) < 2:
        text = _too_few(verdict)
    elif seeded is None:
        text = _by_cost(verdict)
    elif baseline:
        text = _changes(verdict, seeded, found or effects(verdict), baseline.candidate)
    else:
        text = _race(verdict, seeded)
    return f"{_so_far(verdict)}{text.removesuffix('.')}{_left_aside(verdict)}."


def _left_aside(verdict: Verdict) -> str:
    """Who has an accuracy and is not compared, lest "the highest" be read as of all; "" for none.

    Why is told beside each.
    """
    apart = [
        each.candidate
        for each in verdict.standings
        if each.status == "apart" and any(each.candidate.mean(key) for key in SEEDED)
    ]
    if not apart or len(verdict.scored) < 2:
        return ""
    return f"; {names(apart)} {'is' if len(apart) == 1 else 'are'} not compared"


def _so_far(verdict: Verdict) -> str:
    waiting = verdict.trials.column("state").count("pending")
    total = len(verdict.trials)
    return f"So far, with {total - waiting} of {total} trials in: " if waiting else ""


def _too_few(verdict: Verdict) -> str:
    counts = {
        "failed": "failed",
        "over budget": "over budget",
        "stopped": "stopped early",
        "apart": "measured in another way than most",
        "unpaired": "timed in another session",
        "incomplete": "not measured in full",
        "waiting": "not finished",
    }
    number = Counter(_kind(each) for each in verdict.standings)
    rest = ", ".join(f"{number[each]} {told}" for each, told in counts.items() if number[each])
    if not verdict.scored:
        return f"No candidate can be judged ({rest})."
    one = verdict.scored[0].candidate
    # A latency that was taken beside other work has no milliseconds, nor a ratio to itself.
    prices = {key: _price(verdict, one, key) for key in verdict.objectives}
    found = ", ".join(f"{FIGURES[key].label} {price}" for key, price in prices.items() if price)
    told = f" ({found})" if found else ""
    if len(verdict.standings) == 1:
        return f"There is one candidate{told}, so nothing can be compared."
    others = f"; of the others: {rest}" if rest else ""
    return f"Only {name_of(one)} can be judged{told}, so nothing can be compared{others}."


def _kind(one: Standing) -> str:
    return "unpaired" if one.status == "apart" and not one.candidate.apart else one.status


def _by_cost(verdict: Verdict) -> str:
    """For a study that trains nothing it is judged by."""
    everyone = [each.candidate for each in verdict.scored]
    cheap = {key: _cheapest(everyone, key) for key in verdict.objectives}
    clauses = [_lowest(verdict, everyone, key, some) for key, some in cheap.items()]
    if len(next(iter(cheap.values()))) == len(everyone):  # else it begins with a name
        clauses[0] = f"{clauses[0][:1].upper()}{clauses[0][1:]}"
    return f"{'; '.join(clauses)}."


def _changes(verdict: Verdict, key: str, found: Effects | None, baseline: Candidate) -> str:
    """For a study with a baseline: which changes move accuracy beyond seed noise."""
    rows = sorted(found.rows if found else (), key=lambda each: -abs(each.found.value))
    if not rows:
        return "The baseline shares no seed with any change, so none can be judged."
    if all(each.word == "no spread known" for each in rows):
        moved = f"the largest change is {_moves(rows[:1], FIGURES[key])}"
        if abs(rows[0].found.value) < NO_SPREAD:
            moved = f"no change moves {FIGURES[key].label} at all"
        return "; ".join([f"{_no_spread(verdict)}: {moved}", *_more_seeds(verdict)]) + "."
    sure = [each for each in rows if each.resolved]
    if not sure:
        return _nothing_moves(FIGURES[key], rows, found.num_cut if found else 0)
    others = sum(each.candidate.name != baseline.name for each in verdict.scored)
    return _some_move(FIGURES[key], baseline, sure, len(rows), max(others, len(rows)))


def _nothing_moves(column: Column, rows: Sequence[Effect], num_cut: int) -> str:
    """Where no row is resolved, though some could be; ``num_cut`` further ones were not tested."""
    judged = [each for each in rows if each.word != "no spread known"]
    alike = [each for each in rows if each.word == "no spread known"]
    num, first = len(judged), judged[0]
    subject = "The one change" if num == 1 and not alike else f"None of the {count(num, 'change')}"
    if num_cut:
        subject = f"None of the first {count(num, 'change')}"
    verb = "does not move" if subject == "The one change" else "moves"
    size = f"{_moves(judged[:1], column)} ({interval(gap_of(first))})"
    clauses = [
        f"{subject} to the baseline {verb} {column.label} beyond seed noise",
        f"it is {size}" if subject == "The one change" else f"the largest is {size}",
        *([_takes(more_seeds(first.seeds, first.found.n))] if first.seeds else []),
        *([f"no spread is known of {_moves(alike[:MOST_NAMED], column)}"] if alike else []),
        *([f"{num_cut} more were not tested"] if num_cut else []),
    ]
    return "; ".join(clauses) + "."


def _some_move(
    column: Column,
    baseline: Candidate,
    sure: Sequence[Effect],
    num_tested: int,
    num_changes: int,
) -> str:
    rest, untested = num_tested - len(sure), num_changes - num_tested
    subject = f"{len(sure)} of {num_changes} changes"
    if len(sure) == num_changes:
        alone = {1: "The one change", 2: "Both changes"}
        subject = alone.get(num_changes, f"All {num_changes} changes")
    told = sure[:MOST_NAMED]
    verb = "moves" if len(sure) == 1 else "move"
    more = f" and {len(sure) - MOST_NAMED} more" if len(sure) > MOST_NAMED else ""
    normal = ", taking noise for normal" if any(e.word != "resolved" for e in sure) else ""
    left = [(rest, "not resolved"), (untested, "not tested")]
    others = "".join(f"; {number} {what}" for number, what in left if number)
    return (
        f"{subject} to the baseline ({column.label} {column.with_unit(baseline.mean(column.key))}) "
        f"{verb} {column.label} beyond seed noise: {_moves(told, column)}{more} "
        f"({_intervals(told)}{normal}){others}."
    )


def _intervals(rows: Sequence[Effect]) -> str:
    """What the numbers behind ± are, of changes that may have more or fewer seeds."""
    nums = sorted({each.found.n for each in rows})
    if len(nums) == 1:
        return interval(gap_of(rows[0]))
    return f"95\N{NO-BREAK SPACE}% intervals, {nums[0]} to {nums[-1]} seeds"


def _race(verdict: Verdict, key: str) -> str:
    """For a study without a baseline: the most accurate, and what the cheapest gives up."""
    ranked = sorted((e.candidate for e in verdict.scored), key=lambda c: -(c.mean(key) or 0))
    best = ranked[0]
    level = [each for each in ranked[1:] if not _resolved(verdict, key, best, each)]
    exact = _exact(verdict)
    cheap = _cheapest(ranked, exact) if exact else []
    thrift = [_lowest(verdict, ranked, exact, cheap)] if exact else []
    if verdict.noises[key] is None:
        clauses = [_top(verdict, key, ranked), *thrift, *_more_seeds(verdict)]
    elif len(level) == len(ranked) - 1:
        clauses = [*_unresolved(verdict, key, ranked), *thrift]
    else:
        clauses = [*_lead(verdict, key, ranked, level, cheap), *thrift]
    return "; ".join(clauses) + "."


def _unresolved(verdict: Verdict, key: str, ranked: Sequence[Candidate]) -> list[str]:
    """Where the most accurate is not told from any other, though two others may differ."""
    best, pairs = ranked[0], num_pairs(verdict.noises[key])
    text = "No candidate is resolved as more accurate than another"
    if _some_pair_is_resolved(verdict, key, ranked[1:]):
        text = f"{_highest(verdict, key, best)}, but no other is resolved as less accurate"
    gaps = ((verdict.difference(key, best, each), each) for each in reversed(ranked[1:]))
    # Where seeds are missing, the highest mean may be behind in those that two have in common.
    behind = ((gap, each) for gap, each in gaps if gap and gap.value >= 0)
    gap, last = next(behind, (None, ranked[-1]))
    if gap is None:
        return [text]
    lead = f"{gap_above(gap, FIGURES[key], interval(gap, pairs))} above {name_of(last)}"
    return [f"{text}: {name_of(best)} is {lead}", *_needed(verdict, key, gap)]


def _some_pair_is_resolved(verdict: Verdict, key: str, some: Sequence[Candidate]) -> bool:
    """Whether it would be false that nobody differs; of very many that is not looked into."""
    if len(some) > MOST_LISTED:
        return True
    pairs = ((verdict.difference(key, *pair)) for pair in combinations(some, 2))
    return any(gap is not None and gap.resolved for gap in pairs)


def _highest(verdict: Verdict, key: str, best: Candidate) -> str:
    failed = best.num.get("failed", 0)
    told = f"; {failed} of its {best.num_trials} trials failed" if failed else ""
    return f"{name_of(best)} has the highest {FIGURES[key].label} ({_at(verdict, best, key)}{told})"


def _top(verdict: Verdict, key: str, ranked: Sequence[Candidate]) -> str:
    """Who scores highest where nothing is known of the noise."""
    best, num = ranked[0], _num_seeds(verdict)
    equal = [each for each in ranked if _is_same(best.mean(key), each.mean(key))]
    score = FIGURES[key].with_unit(best.mean(key))
    if len(equal) == len(ranked) and num > 1:
        return f"All {len(ranked)} candidates score the same in these {num} seeds ({score})"
    if len(equal) == len(ranked):
        return f"{_no_spread(verdict)}: all {len(ranked)} candidates score the same ({score})"
    if len(equal) > 1:
        return f"{_no_spread(verdict)}: {names(equal)} score highest ({score})"
    return f"{_no_spread(verdict)}: {name_of(best)} scores highest ({_at(verdict, best, key)})"


def _is_same(first: float | None, second: float | None) -> bool:
    return abs((first or 0.0) - (second or 0.0)) < NO_SPREAD


def _lead(
    verdict: Verdict,
    key: str,
    ranked: Sequence[Candidate],
    level: Sequence[Candidate],
    cheap: Sequence[Candidate],
) -> list[str]:
    best = ranked[0]
    lead = _highest(verdict, key, best)
    same = {each.name for each in level}
    beaten = [each for each in ranked[1:] if each.name not in same]
    above = {each.name for each in beaten}
    second = ([each for each in cheap if each.name in above] or beaten)[0]
    found = verdict.difference(key, best, second)
    pairs = num_pairs(verdict.noises[key])
    normal = "" if all(_flips(key, best, e, pairs) for e in beaten) else ", taking noise for normal"
    of = f"{interval(found, pairs)}{normal}" if found else ""
    gap = gap_above(found, FIGURES[key], of)
    if not level:
        return [f"{lead}, {gap} above {name_of(second)}"]
    doubt = f"{lead}, but is not resolved from {names(level)}"
    return [doubt, f"it is {gap} above {name_of(second)}"]


def _flips(key: str, first: Candidate, second: Candidate, num_pairs: int) -> bool:
    """Whether flipping signs tells two candidates apart too, were it done for so many pairs."""
    mine, theirs = first.figures[key], second.figures[key]
    gaps = [value - theirs[seed] for seed, value in mine.items() if seed in theirs]
    if least_p(len(gaps)) * num_pairs > 1 - CONFIDENCE:
        return False
    exact = paired(gaps).exact_p
    return exact is not None and exact * num_pairs <= 1 - CONFIDENCE


def _lowest(
    verdict: Verdict, found: Sequence[Candidate], key: str, cheap: Sequence[Candidate]
) -> str:
    """Who has the lowest of some figure: the ``cheap`` of those found."""
    column = FIGURES[key]
    if len(cheap) == len(found) > 1:
        if column.counted:
            return f"all have the same {column.label}"
        whom = "another" if _all_level(cheap) else f"the lowest, that of {name_of(cheap[0])}"
        return f"no {column.label} is distinguishable from {whom}"
    price = _price(verdict, cheap[0], key)
    if len(cheap) == 1:
        told = _in_brackets(price, _next(found, key))
        return f"{name_of(cheap[0])} has the lowest {column.label}{told}"
    # Of a group that holds the reference, some other's ratio to it would tell nothing.
    held = reference(verdict.compared) in cheap and is_contended(verdict.compared)
    which = "" if column.counted or _all_level(cheap) else f" from that of {name_of(cheap[0])}"
    told = _in_brackets(
        f"about {price}" if price and not held else "", f"not distinguishable{which}"
    )
    told = _in_brackets(price) if column.counted else told
    return f"{names(cheap)} have the lowest {column.label}{told}"


def _all_level(found: Sequence[Candidate]) -> bool:
    """Whether no latency of some is told from another's; of many that is not looked into.

    All may be level with the lowest, if that is a noisy one, and not with each other.
    """
    if len(found) > MOST_PAIRED:
        return False
    return all(level(a, b, len(found) - 1) for a, b in combinations(found[1:], 2))


def _in_brackets(*clauses: str) -> str:
    told = [each for each in clauses if each]
    return f" ({', '.join(told)})" if told else ""


def _cheapest(found: Sequence[Candidate], key: str) -> list[Candidate]:
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


def _price(verdict: Verdict, one: Candidate, key: str) -> str:
    """What a candidate costs; of latencies taken beside other work, against the reference's."""
    against = reference(verdict.compared)
    if key != "latency_ms" or not is_contended(verdict.compared) or against is None:
        return FIGURES[key].with_unit(one.mean(key))
    if one is against:
        return ""
    ratio = ratio_to(one, against)
    return f"{ratio_text(ratio)} times the latency of {name_of(against)}" if ratio else ""


def _at(verdict: Verdict, one: Candidate, key: str) -> str:
    exact = _exact(verdict)
    price = _price(verdict, one, exact) if exact else ""
    if exact and FIGURES[exact].counted:  # whose unit, if there is one, says not of what
        price = f"{price} {FIGURES[exact].label}"
    return f"{FIGURES[key].with_unit(one.mean(key))}{f' at {price}' if price else ''}"


def _exact(verdict: Verdict) -> str | None:
    return next((key for key in verdict.objectives if not FIGURES[key].seeded), None)


def _resolved(verdict: Verdict, key: str, first: Candidate, second: Candidate) -> bool:
    """Whether the first is told to be above the second, in the seeds that both have."""
    gap = verdict.difference(key, first, second)
    return bool(gap and gap.resolved and gap.value > 0)


def _no_spread(verdict: Verdict) -> str:
    if _num_seeds(verdict) == 1:
        return "One seed cannot tell an effect from noise"
    return "These seeds leave no spread to judge by"


def _num_seeds(verdict: Verdict) -> int:
    pairs = zip(verdict.kept.column("seed"), verdict.kept.column("state"), strict=True)
    return len({seed for seed, state in pairs if state == "done"})


def _more_seeds(verdict: Verdict) -> list[str]:
    return [MORE_SEEDS] if _num_seeds(verdict) < FEWEST_TO_TELL else []


def _needed(verdict: Verdict, key: str, gap: Difference | None) -> list[str]:
    if gap and gap.n < FEWEST_TO_TELL:
        return [f"{count(gap.n, 'seed')} cannot say how many more it takes to resolve that"]
    n = seeds_needed(gap, verdict.noises[key]) if gap else None
    return [_takes(more_seeds(n, gap.n))] if gap and n else []


def _takes(number: str) -> str:
    return f"to resolve that much takes {number}"


def _moves(rows: Sequence[Effect], column: Column) -> str:
    moved = [f"{_named(each)} {signed_gap(gap_of(each), column)}" for each in rows]
    return f"{listed(moved)} {column.step}"


def _named(effect: Effect) -> str:
    return name_of(effect.candidate) if effect.candidate else effect.change
