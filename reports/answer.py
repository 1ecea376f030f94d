"""Says in one sentence what a study found, and never more than its seeds support."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from reports.candidates import SEEDED, Candidate
from reports.columns import FIGURES, Column
from reports.effects import Effect, Effects, effects, gap_of
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
from reports.prices import cheapest, lowest, price
from reports.statistics import CONFIDENCE, NO_SPREAD, Difference, num_pairs
from reports.verdict import MOST_LISTED, Verdict

MORE_SEEDS = "run the study with at least three seeds"


def answer(verdict: Verdict, found: Effects | None = None) -> str:
    """The answer to a study's question, or what is in the way of one.

    ``found`` are the study's effects where the caller has them.
    """
    seeded = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    baseline = next((each for each in verdict.compared if each.baseline), None)
    if len(verdict.scored) < 2:
        text = _too_few(verdict)
    elif seeded is None:
        text = _by_cost(verdict)
    elif baseline and baseline.mean(seeded) is not None:
        text = _changes(verdict, seeded, found or effects(verdict), baseline)
    else:
        text = _race(verdict, seeded)
    return f"{_so_far(verdict)}{text.removesuffix('.')}{_left_aside(verdict)}."


_ASIDE = {
    "apart": "not compared",
    "over budget": "over budget",
    "incomplete": "not measured in full",
}


def _left_aside(verdict: Verdict) -> str:
    """Who has an accuracy and does not compete, lest "the highest" be read as of all; "" for none.

    Why is told beside each.
    """
    groups: dict[str, list[Candidate]] = {}
    for each in verdict.standings if len(verdict.scored) > 1 else ():
        if each.status in _ASIDE and any(each.candidate.mean(key) for key in SEEDED):
            groups.setdefault(each.status, []).append(each.candidate)
    told = ((groups[status], what) for status, what in _ASIDE.items() if status in groups)
    return "".join(f"; {names(g)} {'is' if len(g) == 1 else 'are'} {what}" for g, what in told)


def _so_far(verdict: Verdict) -> str:
    waiting = verdict.trials.column("state").count("pending")
    total = len(verdict.trials)
    return f"So far, with {total - waiting} of {total} trials in: " if waiting else ""


def _too_few(verdict: Verdict) -> str:
    counts = {
        "failed": "failed",
        "over budget": "over budget",
        "stopped": "stopped early",
        "apart": "measured in another way",
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
    prices = {key: price(verdict, one, key) for key in verdict.objectives}
    found = ", ".join(f"{FIGURES[key].label} {told}" for key, told in prices.items() if told)
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
    cheap = {key: cheapest(everyone, key) for key in verdict.objectives}
    clauses = [lowest(verdict, everyone, key, some) for key, some in cheap.items()]
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
    num = sum(not e.baseline and e.mean(key) is not None for e in verdict.compared)
    if not sure:
        return _nothing_moves(FIGURES[key], rows, num - len(rows), bool(found and found.num_cut))
    return _some_move(FIGURES[key], baseline, sure, len(rows), num)


def _nothing_moves(column: Column, rows: Sequence[Effect], untested: int, is_cut: bool) -> str:
    """Where no row is resolved, though some could be.

    ``untested`` changes have no row, since the table ``is_cut`` or they share no seed with the
    baseline.
    """
    judged = [each for each in rows if each.word != "no spread known"]
    alike = [each for each in rows if each.word == "no spread known"]
    num, first = len(judged), judged[0]
    is_one, left = num == 1, bool(untested or alike)
    subject = _none_of(num, "first" if is_cut else "tested" if left else "", is_one)
    size = f"{_moves(judged[:1], column)} ({_alone(first)})"
    why = "" if is_cut else ", sharing no seed with the baseline"
    verb = "has no" if is_one else "has a"
    clauses = [
        f"{subject} to the baseline {verb} resolved effect on {column.label}",
        f"it is {size}" if is_one else f"the largest is {size}",
        *([_takes(more_seeds(first.seeds, first.found.n))] if first.seeds else []),
        *([f"no spread is known of {_moves(alike[:MOST_NAMED], column)}"] if alike else []),
        *(
            [f"{untested} more {'was' if untested == 1 else 'were'} not tested{why}"]
            * bool(untested)
        ),
    ]
    return "; ".join(clauses) + "."


def _none_of(num: int, which: str, is_one: bool) -> str:
    """Who has no effect: so many changes, or the one that there is."""
    words = [which] if which else []
    if is_one:
        return " ".join(["The one", *words, "change"])
    number = [which, str(num)] if which == "first" else [str(num), *words]
    return " ".join(["None of the", *number, "changes"])


def _alone(effect: Effect) -> str:
    """What the number behind ± is; where it would resolve a change, what stands against that."""
    low, high = effect.found.low, effect.found.high
    told = interval(gap_of(effect))
    if effect.p is None or low is None or high is None or low <= 0 <= high:
        return told
    p = math.ceil(effect.p * 1000) / 1000  # one just above 0.05 is not to be read as that
    return f"{told}, of this change alone; by Holm over all of the table p is {p:.3f}"


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
    ahead = [each for each in ranked[1:] if _resolved(verdict, key, each, best)]
    exact = _exact(verdict)
    cheap = cheapest(ranked, exact) if exact else []
    thrift = [lowest(verdict, ranked, exact, cheap)] if exact else []
    if verdict.noises[key] is None:
        clauses = [_top(verdict, key, ranked), *thrift, *_more_seeds(verdict)]
    elif ahead:
        clauses = [*_behind(verdict, key, best, ahead), *thrift]
    elif len(level) == len(ranked) - 1:
        clauses = [*_unresolved(verdict, key, ranked), *thrift]
    else:
        clauses = [*_lead(verdict, key, ranked, level, cheap), *thrift]
    return "; ".join(clauses) + "."


def _behind(verdict: Verdict, key: str, best: Candidate, ahead: Sequence[Candidate]) -> list[str]:
    """Where the highest mean is of luckier seeds: some are above it in those that two share."""
    gaps = [gap for each in ahead if (gap := verdict.difference(key, each, best))]
    gap, first = max(zip(gaps, ahead, strict=True), key=lambda pair: pair[0].value)
    own = interval(gap, num_pairs(verdict.noises[key]))
    below = f"{gap_above(gap, FIGURES[key], own)} below {name_of(first)}"
    lead = f"{_highest(verdict, key, best)}, but is behind in the seeds that it shares"
    return [f"{lead} with {names(ahead)}: it is {below}"]


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
    column, total = FIGURES[key], best.num_trials
    failed = best.num.get("failed", 0)
    without = best.num.get("done", 0) - len(best.figures[key])
    told = f"; {failed} of its {total} trials failed" if failed else ""
    told += f"; {without} of its {total} trials gave no {column.label}" if without > 0 else ""
    return f"{name_of(best)} has the highest {column.label} ({_at(verdict, best, key)}{told})"


def _top(verdict: Verdict, key: str, ranked: Sequence[Candidate]) -> str:
    """Who scores highest where nothing is known of the noise."""
    best, num = ranked[0], _num_seeds(verdict)
    equal = [each for each in ranked if _is_same(best.mean(key), each.mean(key))]
    score = FIGURES[key].with_unit(best.mean(key))
    own = ", each over seeds of its own" * (len({each.seeds(key) for each in ranked}) > 1)
    if len(equal) == len(ranked):
        who = "both" if len(ranked) == 2 else f"all {len(ranked)}"
        same = f"{who} candidates score the same"
        if num == 1 or own:
            return f"{_no_spread(verdict)}: {same} ({score}{own})"
        return f"{same[:1].upper()}{same[1:]} in these {num} seeds ({score})"
    if len(equal) > 1:
        return f"{_no_spread(verdict)}: {names(equal)} score highest ({score}{own})"
    told = f"{_at(verdict, best, key)}{own}"
    return f"{_no_spread(verdict)}: {name_of(best)} scores highest ({told})"


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


def _at(verdict: Verdict, one: Candidate, key: str) -> str:
    exact = _exact(verdict)
    cost = price(verdict, one, exact) if exact else ""
    if exact and FIGURES[exact].counted:  # whose unit, if there is one, says not of what
        cost = f"{cost} {FIGURES[exact].label}"
    return f"{FIGURES[key].with_unit(one.mean(key))}{f' at {cost}' if cost else ''}"


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
