"""What changes from one candidate, or one study, to another: paired differences, B less A."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.measure.estimate import Ratio
from harness.names import unknown
from harness.notebook import html_table
from reports.candidates import Candidate
from reports.columns import (
    FIGURES,
    MISSING,
    Column,
    is_missing,
    minus,
    plain,
    protocol_of,
    quoted,
)
from reports.effects_table import p_text, span_text
from reports.latencies import latency_ratio, ratio_text
from reports.paired import Paired, Word, holm, paired, word
from reports.pareto import Standing
from reports.phrases import count
from reports.sections import Section
from reports.tables import Line, Table
from reports.trials import Trials
from reports.verdict import Verdict

NOTHING_SHARED = "no seed in common"
TWO_SESSIONS = "timed in two sessions, so not paired"
BUSY_SESSIONS = "timed in two sessions on a busy machine, so not compared"
SAME_ROUNDS = "measured once for both"


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one figure changes from ``first`` to ``second``, which are means.

    ``found`` is the paired difference of a seeded figure, ``ratio`` that of two latencies of one
    session. ``why_not`` says why there is neither where there should be, and figures that were
    taken in different ways are not ``comparable``. ``p`` is Holm's over the table. Latencies that
    other work was beside have no means.
    """

    who: str
    column: Column
    first: float | None
    second: float | None
    found: Paired | None = None
    ratio: Ratio | None = None
    why_not: str = ""
    comparable: bool = True
    p: float | None = None
    word: Word | None = None

    @property
    def difference(self) -> float | None:
        """The second mean less the first; None where they are not compared."""
        if self.first is None or self.second is None or not self.comparable:
            return None
        return self.second - self.first


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that changes from A to B; in units of the rows (mIoU from 0 to 1)."""

    name: str
    first: str
    second: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        section = comparison_section(self)
        assert section.table is not None  # a comparison is one
        return f"{section.table._repr_html_()}{html_table((), (), below=section.caption)}"


def compare_candidates(verdict: Verdict, first: str, second: str) -> Comparison:
    """Two candidates of a study; KeyError with the nearest known name, ValueError for one twice."""
    known = {each.candidate.name: each.candidate for each in verdict.standings}
    for name in (first, second):
        if name not in known:
            raise KeyError(unknown("candidate", name, known))
    if first == second:
        raise ValueError(f"a candidate is not compared with itself: {first!r}")
    one, other = known[first], known[second]
    ways = _ways(verdict)
    both = [each for each in verdict.standings if each.candidate.name in (first, second)]
    return Comparison(
        name=verdict.name,
        first=first,
        second=second,
        changes=_tested(_changes("", one, other, FIGURES, ways[first], ways[second])),
        notes=tuple(filter(None, (_missing(each, verdict) for each in both))),
    )


def _missing(standing: Standing, verdict: Verdict) -> str:
    """Which of the study's figures a candidate lacks and why; "" for one that has all."""
    one = standing.candidate
    labels = [FIGURES[key].label for key in verdict.objectives if not _has(one, key)]
    if not labels:
        return ""
    return f"{quoted(one.name)} has no {' and no '.join(labels)}: {plain(standing.words)}."


def compare_studies(first: Verdict, second: Verdict) -> Comparison:
    """Each candidate of two studies with itself, and all together; ValueError if none is shared."""
    one, other = ({e.candidate.name: e.candidate for e in v.standings} for v in (first, second))
    shared = [name for name in one if name in other]
    if not shared:
        raise ValueError(f"studies {first.name!r} and {second.name!r} share no candidate")
    keys = [key for key in FIGURES if key in {**first.objectives, **second.objectives}]
    mine, theirs = _ways(first), _ways(second)
    found = [
        change
        for name in shared
        for change in _changes(name, one[name], other[name], keys, mine[name], theirs[name])
    ]
    own = [each for each in found if each.column.seeded and each.found]
    alone = len(one) + len(other) - 2 * len(shared)
    rest = (f"{count(alone, 'candidate')} of only one of the two left out.",) if alone else ()
    return Comparison(
        name=f"{first.name} and {second.name}",
        first=first.name,
        second=second.name,
        changes=_tested([*_together(own, one, other), *found]),
        notes=rest,
    )


Ways = Mapping[str, tuple[object, ...]]
"""How each figure of a candidate was taken: figure -> the values of its protocol's columns."""


def _ways(verdict: Verdict) -> Mapping[str, Ways]:
    trials = _counting(verdict)
    names = trials.column("candidate")
    found: dict[str, dict[str, tuple[object, ...]]] = {name: {} for name in names}
    for key in FIGURES:
        lines = zip(*(trials.column(each.key) for each in protocol_of(key)), strict=True)
        for name, value, way in zip(names, trials.column(key), lines, strict=True):
            if not is_missing(value):
                found[name].setdefault(key, way)
    return found


def _counting(verdict: Verdict) -> Trials:
    """The trials that figures are of: those that were kept, or all of a candidate without such."""
    keys, names = (set(verdict.kept.column(key)) for key in ("key", "candidate"))
    pairs = zip(*(verdict.trials.column(key) for key in ("key", "candidate")), strict=True)
    return verdict.trials.only(
        place for place, (key, name) in enumerate(pairs) if key in keys or name not in names
    )


def _changes(
    who: str, one: Candidate, other: Candidate, keys: Sequence[str] | Mapping[str, Column],
    mine: Ways, theirs: Ways,
) -> Iterator[Change]:  # fmt: skip
    for key in keys:
        if _has(one, key) and _has(other, key):
            sides = (None, None) if _is_busy(key, one, other) else (one.mean(key), other.mean(key))
            change = Change(who=who, column=FIGURES[key], first=sides[0], second=sides[1])
            if mine.get(key) != theirs.get(key):
                why_not = _odd(key, mine[key], theirs[key])
                yield replace(change, why_not=why_not, comparable=False)
            elif key == "latency_ms":
                yield _timed(change, one, other)
            elif FIGURES[key].seeded:
                yield _seeded(change, one, other)
            else:
                yield change


def _has(one: Candidate, key: str) -> bool:
    """Whether a figure was measured; a latency may be one that is set against no other's."""
    return bool(one.timed) if key == "latency_ms" else one.mean(key) is not None


def _is_busy(key: str, *some: Candidate) -> bool:
    """Whether milliseconds do not hold."""
    return key == "latency_ms" and any(each.timed.get("latency_contended") for each in some)


def _timed(change: Change, one: Candidate, other: Candidate) -> Change:
    if _rounds(one) == _rounds(other) != ():
        return replace(change, why_not=SAME_ROUNDS)
    ratio = latency_ratio(other, one)
    apart = TWO_SESSIONS if change.first is not None else BUSY_SESSIONS
    return replace(change, ratio=ratio, why_not="" if ratio else apart)


def _rounds(one: Candidate) -> tuple[object, ...]:
    """The rounds of a latency; two studies may share a measurement."""
    return tuple(one.timed.get("latency_rounds_ns") or ())


def _seeded(change: Change, one: Candidate, other: Candidate) -> Change:
    mine, theirs = (each.figures[change.column.key] for each in (one, other))
    shared = sorted(mine.keys() & theirs.keys())
    if not shared:
        return replace(change, why_not=NOTHING_SHARED)
    return replace(
        change,
        first=statistics.fmean(mine[seed] for seed in shared),
        second=statistics.fmean(theirs[seed] for seed in shared),
        found=paired([theirs[seed] - mine[seed] for seed in shared]),
    )


def _odd(key: str, mine: tuple[object, ...], theirs: tuple[object, ...]) -> str:
    triples = zip(protocol_of(key), mine, theirs, strict=True)
    told = [f"{c.label} is {c.text(a)} and {c.text(b)}" for c, a, b in triples if a != b]
    return f"not comparable: {'; '.join(told)}"


def _together(
    own: Sequence[Change], one: Mapping[str, Candidate], other: Mapping[str, Candidate]
) -> Iterator[Change]:
    """The mean over candidates, seed by seed, of those whose seeds are the same."""
    for column in dict.fromkeys(each.column for each in own):
        names = [each.who for each in own if each.column == column]
        pairs = [(one[name].figures[column.key], other[name].figures[column.key]) for name in names]
        seeds = sorted(set.intersection(*(set(a) & set(b) for a, b in pairs)))
        if len(names) > 1 and seeds:
            gaps = [statistics.fmean(b[seed] - a[seed] for a, b in pairs) for seed in seeds]
            sides = [[side[s] for side in half for s in seeds] for half in zip(*pairs, strict=True)]
            first, second = (statistics.fmean(each) for each in sides)
            yield Change(
                who=f"all {len(names)}", column=column, first=first, second=second,
                found=paired(gaps),
            )  # fmt: skip


def _tested(changes: Sequence[Change] | Iterator[Change]) -> tuple[Change, ...]:
    """The changes with Holm's p over those that were tested, and the word they allow."""
    rows = list(changes)
    ps = holm([each.found.p if each.found else None for each in rows])
    exact = holm([each.found.exact_p if each.found else None for each in rows])
    return tuple(
        replace(each, p=p, word=word(p, flips)) if each.found else each
        for each, p, flips in zip(rows, ps, exact, strict=True)
    )


def comparison_section(found: Comparison) -> Section:
    """The comparison as a table with its sentences."""
    several = any(each.who for each in found.changes)
    who, means = ("candidate",) if several else (), ("A", "B")
    gap = ("B less A", "95 % interval", "p")
    table = Table(
        headings=(*who, "figure", *means, *gap, "verdict"),
        brief=(*who, "figure", *(() if several else means), *gap, "verdict"),
        numeric=(*[False for _ in who], False, *[True] * 5, False),
        brief_numeric=(*[False for _ in who], False, *[True] * (3 if several else 5), False),
        lines=tuple(_line(each, several) for each in found.changes),
    )
    sides = f"A is {quoted(found.first)}, B is {quoted(found.second)}."
    caption = (" ".join((sides, *_how(found.changes))), *found.notes)
    title = f"{quoted(found.second)} against {quoted(found.first)}"
    return Section(name="compare", title=title, table=table, caption=caption)


def _how(changes: Sequence[Change]) -> Iterator[str]:
    """How the figures that a table has were compared."""
    keys = {each.column.key for each in changes}
    if not keys:
        yield "They have no figure in common, so nothing is compared."
    if any(FIGURES[key].seeded for key in keys):
        yield (
            "Accuracy is paired by seed: means are over the seeds that both have; interval and p "
            "are Student's, p Holm's over this table, and “resolved” needs the flipping of signs "
            "to agree."
        )
    if any(each.ratio for each in changes):
        yield "Latency is paired by round: interval and p are those of B's time over A's."
    if any(each.ratio and each.first is None for each in changes):
        yield "Timed beside other work: ratios between latencies hold, milliseconds do not."
    if any(key != "latency_ms" and not FIGURES[key].seeded for key in keys):
        yield "What is counted has no spread."


def _word(found: Paired, word: Word | None) -> str:
    """How a difference was judged; of one that is none in any seed there is nothing to judge."""
    seeds = count(found.n, "seed")
    return f"the same in {seeds}" if found.value == 0 and not found.sd else f"{word}, {seeds}"


def _line(change: Change, several: bool) -> Line:
    who = (plain(change.who),) if several else ()
    figure, first, second, gap = _means(change)
    span = brief_span = p = MISSING
    words = plain(change.why_not) or "counted"
    if change.found:
        span = brief_span = span_text(change.found.low, change.found.high, change.column)
        p, words = p_text(change.p), _word(change.found, change.word)
    elif change.ratio:
        value = ratio_text(change.ratio)
        span, brief_span = f"{value} times", f"{value.partition(' ')[2] or value} times"
        p, words = p_text(change.ratio.p), _told(change.ratio)
    sides = () if several else (first, second)
    return Line(
        cells=(*who, figure, first, second, gap, span, p, words),
        brief=(*who, figure, *sides, gap, brief_span, p, words),
        status="front" if _is_clear(change) else "dominated",
        held=_is_clear(change),
    )


def _told(found: Ratio) -> str:
    return f"{found.answer}, {found.num_rounds} rounds"


def _means(change: Change) -> tuple[str, str, str, str]:
    """What is compared, of A, of B, and their difference; of a latency without means in times A's.

    A dash for each where nothing holds.
    """
    column = change.column
    if change.first is not None and change.second is not None:
        gap = MISSING if change.difference is None else column.difference(change.difference)
        return column.heading, column.text(change.first), column.text(change.second), gap
    if change.ratio is None:
        return column.label, MISSING, MISSING, MISSING
    value = change.ratio.value
    return f"{column.label} (times A's)", "1", f"{value:.2f}", minus(f"{value - 1:+.2f}")


def _is_clear(change: Change) -> bool:
    is_told = change.ratio is not None and change.ratio.answer != "not distinguishable"
    return change.word == "resolved" or is_told


def comparison_records(found: Comparison) -> list[dict[str, object]]:
    """One line a figure, as plain numbers in the units of the rows (mIoU from 0 to 1)."""
    return [
        {
            "candidate": each.who or None,
            "figure": each.column.key,
            "a": each.first,
            "b": each.second,
            "difference": each.difference,
            "low": each.found.low if each.found else None,
            "high": each.found.high if each.found else None,
            "num_seeds": each.found.n if each.found else None,
            "p": each.p,
            "ratio": each.ratio.value if each.ratio else None,
            "ratio_low": each.ratio.low if each.ratio else None,
            "ratio_high": each.ratio.high if each.ratio else None,
            "word": each.word or (each.ratio.answer if each.ratio else None),
            "why_not": each.why_not or None,
        }
        for each in found.changes
    ]
