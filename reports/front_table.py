"""The table of fronts: on which cost a candidate is on the front, how surely, and what beats it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from reports.candidates import Candidate
from reports.columns import FIGURES, MISSING, Column, plain, quoted
from reports.front import Front
from reports.latencies import is_contended, level, reference
from reports.pareto import Standing
from reports.phrases import listed, names
from reports.spreadsheet import spreadsheet
from reports.tables import Line, Table
from reports.verdict import MOST_LISTED, Verdict

MOST_ROWS = 40
LEAST_CHANCE = 0.01

_OUTSIDE = {"apart": "not compared", "waiting": "not finished", "incomplete": "not measured"}


def front_table(verdict: Verdict, fronts: Sequence[Front]) -> Table:
    """All candidates in plan order; of very many, those that may be on some front."""
    names = [each.candidate.name for each in verdict.standings]
    if len(names) > MOST_ROWS:
        may = set[str]().union(*map(_on_it, fronts))
        names = [name for name in names if name in may][:MOST_LISTED]
    headings = ("candidate", *(f"by {FIGURES[each.cost].label}" for each in fronts))
    return Table(
        headings=headings,
        brief=("share of fronts", *(FIGURES[each.cost].label for each in fronts)),
        numeric=(False,) * len(headings),
        brief_numeric=(False, *[True] * len(fronts)),
        lines=tuple(_line(name, fronts) for name in names),
    )


def _on_it(front: Front) -> set[str]:
    """Who is on a front, or may be."""
    on = {each.candidate.name for each in front.standings if each.status == "front"}
    return on | {name for name, chance in front.chance.items() if chance > LEAST_CHANCE}


def _line(name: str, fronts: Sequence[Front]) -> Line:
    found = [each.standing(name) for each in fronts]
    pairs = list(zip(fronts, found, strict=True))
    held = [each.status == "front" and bool(each.resolved) for each in found]
    return Line(
        cells=(plain(name), *(_cell(*each) for each in pairs)),
        brief=(plain(name), *(_brief(*each) for each in pairs)),
        status=next((each.status for each in found if each.competes), found[0].status),
        held=all(held),
        marks=("", *(_mark(*each) for each in zip(found, held, strict=True))),
    )


def _mark(standing: Standing, held: bool) -> str:
    return f"{standing.status} held" if held else standing.status


def _cell(front: Front, standing: Standing) -> str:
    if not standing.competes:
        return _OUTSIDE.get(standing.status, standing.status)
    chance = front.chance.get(standing.candidate.name)
    told = "" if chance is None else f", {share(chance)}"
    if standing.status == "front":
        doubt = "" if standing.resolved else " (not resolved)"
        return f"front{told}{doubt}"
    doubt = "" if standing.resolved else " (not resolved)"
    return f"dominated by {quoted(standing.rival)}{told}{doubt}"


def _brief(front: Front, standing: Standing) -> str:
    """How likely a place on the front is; where nothing varies, whether it is one."""
    if not standing.competes or standing.candidate.name not in front.chance:
        return _OUTSIDE.get(standing.status, standing.status)
    return share(front.chance[standing.candidate.name])


def share(chance: float) -> str:
    """A probability as a percentage that is never said to be certain."""
    percent = min(max(round(100 * chance), 1), 99)
    sign = "> " if chance > 0.99 else "< " if chance < LEAST_CHANCE else ""
    return f"{sign}{percent} %"


def front_lines(verdict: Verdict, fronts: Sequence[Front]) -> tuple[str, ...]:
    """What to take under which budget, the knee and the hypervolume: a paragraph a cost."""
    several = sum(FIGURES[key].seeded for key in verdict.objectives) > 1
    return tuple(
        f"{_heading(f, several)} {_steps(f, against)}{_knee(f)}{_unknown(f)}{_volume(f, against)}"
        for f, against in ((each, _against(each)) for each in fronts)
    )


def _against(front: Front) -> Candidate | None:
    """What latencies are set against where other work was beside some of those on a front."""
    compared = [each for each in front.standings.candidates if not each.apart]
    return reference(compared) if is_contended(compared) else None


def front_caption(fronts: Sequence[Front]) -> str:
    """What the percentages are."""
    drawn = list(dict.fromkeys(name for each in fronts for name in each.sources))
    if not drawn:
        return "Nothing varies here, so no place on a front has a probability."
    return (
        f"Percentages: how often a candidate is on the front when {listed(drawn)} are drawn again "
        f"({_times(fronts)} times, each where it was measured{_own(drawn)}). They follow the means "
        f"that were seen{_unlike(fronts)}, so of equal candidates the lucky one has more; “not "
        "resolved” says that it may be luck."
        f"{_apart(fronts)}{_blind(fronts)}"
    )


def _times(fronts: Sequence[Front]) -> str:
    """How often was drawn: of very many candidates less often."""
    nums = sorted({each.num_draws for each in fronts if each.sources})
    return str(nums[0]) if len(nums) == 1 else f"{nums[0]} to {nums[-1]}"


def _own(drawn: Sequence[str]) -> str:
    return "; seeds by each candidate's own spread" if "seeds" in drawn else ""


def _unlike(fronts: Sequence[Front]) -> str:
    """How the means of candidates that lack seeds are followed, where there are such."""
    if not any(each.lacks_seeds for each in fronts):
        return ""
    return ", of those that lack seeds as if they had them"


def _apart(fronts: Sequence[Front]) -> str:
    """What is wrong where some share no seed, even over others."""
    if not any(each.num_apart > 1 for each in fronts):
        return ""
    return (
        " Some share no seed, not even by way of others, so what their seeds did to all of them is "
        "in their means and not in these percentages: they are too sure."
    )


def _blind(fronts: Sequence[Front]) -> str:
    """What the percentages leave out where no noise of seeds is known."""
    if all("seeds" in each.sources for each in fronts if each.chance):
        return ""
    return (
        " What other seeds would do is not in them, since no spread over seeds is known: they are "
        "too sure."
    )


def _heading(front: Front, several: bool) -> str:
    """The cost, and of ``several`` accuracies the one that the front is of."""
    cost = FIGURES[front.cost].label
    return f"{FIGURES[front.accuracy].label} by {cost}:" if several else f"By {cost}:"


def _steps(front: Front, against: Candidate | None) -> str:
    column = FIGURES[front.cost]
    if column.counted:  # and so different, however little
        column = column.finer([cost for cost, _ in front.steps])
    alike = groupby(front.steps, key=lambda step: (step[0], _mean(front, step)))
    steps = [(cost, [name for _, name in some]) for (cost, _), some in alike]
    ends = [*(cost for cost, _ in steps[1:]), math.inf]
    told = [
        f"{_best(front, some, end)} from {_amount(cost, column, against)} on"
        for (cost, some), end in zip(steps, ends, strict=True)
    ]
    return f"the most accurate within a budget is {', '.join(told)}."


def _mean(front: Front, step: tuple[float, str]) -> float | None:
    return front.standing(step[1]).candidate.mean(front.accuracy)


def _best(front: Front, alike: Sequence[str], end: float) -> str:
    """One on the front, or several with the same figures, and whom they are not told from.

    From their cost on up to the ``end``, where the next takes over.
    """
    found = [front.standing(name) for name in alike]
    score = FIGURES[front.accuracy].with_unit(found[0].candidate.mean(front.accuracy))
    doubt = _doubt(front, found, end)
    return f"{names([each.candidate for each in found])} ({score}{f', {doubt}' if doubt else ''})"


def _doubt(front: Front, alike: Sequence[Standing], end: float) -> str:
    """From whom within their budget some are not told; of very many, whether there is someone."""
    one, standings = alike[0], front.standings
    if len(standings.competing) > MOST_LISTED:
        return "not resolved" if one.resolved is False else ""
    own = {each.candidate.name for each in alike}
    others = [standings[place].candidate for place in standings.competing.tolist()]
    near = [
        each
        for each in others
        if each.name not in own
        and ((each.mean(front.cost) or 0) < end or _costs_alike(front, each, one.candidate))
    ]
    return _told(front, one.candidate, near)


def _costs_alike(front: Front, first: Candidate, second: Candidate) -> bool:
    """Whether two latencies are not told apart; what is counted is."""
    num = len(front.standings.competing) - 1
    return front.cost == "latency_ms" and level(first, second, num)


def _told(front: Front, one: Candidate, others: Sequence[Candidate]) -> str:
    """Whom one is not told from, the nearest first, and who beats it; "" if no noise is known.

    Not told by accuracy, or, of the more accurate, by latency: they may be as cheap. One that has
    the higher mean, over other seeds, may be behind in those that two share.
    """
    if front.noise is None:
        return ""
    key = front.accuracy
    level_with, behind = list[tuple[float, Candidate]](), list[Candidate]()
    for each in others:
        gap = front.difference(each, one)
        if gap is None or not gap.resolved:
            level_with.append((abs(gap.value) if gap else 0.0, each))
        elif gap.value > 0 and (each.mean(key) or 0) <= (one.mean(key) or 0):
            behind.append(each)
        elif gap.value > 0 and _costs_alike(front, each, one):
            level_with.append((gap.value, each))
    near = [each for _, each in sorted(level_with, key=lambda pair: pair[0])]
    clauses = [f"not resolved from {names(near)}"] if near else []
    if behind:
        clauses.append(f"but behind {names(behind)} in the seeds that both have")
    return ", ".join(clauses)


def _amount(cost: float, column: Column, against: Candidate | None) -> str:
    if column.key != "latency_ms" or against is None:
        return column.with_unit(cost) if column.unit else f"{column.text(cost)} {column.label}"
    mean = against.mean("latency_ms")
    return f"{cost / mean:.2f} times {quoted(against.name)}'s latency" if mean else MISSING


def _knee(front: Front) -> str:
    if not front.knee:
        return ""
    on = (front.standings[place].candidate for place in front.standings.front)
    at = {each.name: each for each in on}
    knee = at.pop(front.knee)
    doubt = _told(front, knee, list(at.values()))
    return (
        " The knee, farthest above the line between the ends of the front, is "
        f"{quoted(front.knee)}{f' ({doubt})' if doubt else ''}."
    )


def _unknown(front: Front) -> str:
    if front.noise:
        return ""
    return " No spread of differences over seeds is known, so none of this is resolved."


def _volume(front: Front, against: Candidate | None) -> str:
    column, score = FIGURES[front.cost], FIGURES[front.accuracy]
    if front.volume is None or front.reference is None:
        return ""
    scale = column.scale * score.scale
    unit = f"{score.step} \N{MULTIPLICATION SIGN} {column.unit or column.label}"
    if column.key == "latency_ms" and against is not None:
        mean = against.mean("latency_ms") or 1.0
        scale, unit = (
            score.scale / mean,
            f"{score.step} \N{MULTIPLICATION SIGN} {quoted(against.name)}'s latency",
        )
    span = ""
    if front.volume_low is not None and front.volume_high is not None:
        span = f" [{front.volume_low * scale:.3g}, {front.volume_high * scale:.3g}]"
    cost, least = _amount(front.reference[0], column, against), front.reference[1]
    edge = f"up to {cost} and down to {score.with_unit(least)}"
    return f" Hypervolume {front.volume * scale:.3g}{span} {unit}, {edge}."


def fronts_csv(fronts: Sequence[Front]) -> str:
    """One line a candidate and cost, as plain numbers in the units of the rows."""
    lines = [(front, each, each.candidate) for front in fronts for each in front.standings]
    return spreadsheet(
        {
            "cost": [front.cost for front, _, _ in lines],
            "candidate": [one.name for _, _, one in lines],
            "status": [each.status for _, each, _ in lines],
            "rival": [each.rival for _, each, _ in lines],
            "resolved": [each.resolved for _, each, _ in lines],
            "chance": [front.chance.get(one.name) for front, _, one in lines],
            "cost_mean": [one.mean(front.cost) for front, _, one in lines],
            "score_mean": [one.mean(front.accuracy) for front, _, one in lines],
        }
    )
