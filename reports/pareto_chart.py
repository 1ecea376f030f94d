"""What the speed-accuracy chart shows, as a record: points, front, and what stands aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Literal

from harness.papers import Published
from reports.candidates import LATENCY_SPAN, Candidate
from reports.columns import FIGURES, Column, is_missing, plain, quoted
from reports.latencies import is_contended, reference, unpaired_text
from reports.pareto import Standing
from reports.pareto_published import Field, Overlay, overlay
from reports.phrases import some
from reports.shortening import shortened_apart
from reports.verdict import Verdict

Kind = Literal["front", "front in doubt", "dominated", "dominated in doubt", "over budget"]
KIND_WORDS: Mapping[Kind, str] = {
    "front": "front",
    "front in doubt": "front, not resolved",
    "dominated": "dominated",
    "dominated in doubt": "dominated, not resolved",
    "over budget": "over budget",
}
XY = tuple[float, float]
MOST_NAMED, MOST_ON_PAPER = 16, 10
"""So many marks all have names; of a longer front so many have them on a chart that cannot zoom."""

FRONT_ALONE = "Only the front is named."
LONGEST_REFERENCE = 24
"""The letters from which the name of what latencies are set against is cut, on the axis."""

NO_RATIO = "Published figures are not drawn: their milliseconds have no place among ratios."
"""What those of this machine would be without the other work is not known."""

LOG_FROM = 30.0
"""The ratio of the dearest to the cheapest from which the cost axis is logarithmic."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One candidate on the chart, in the units of the axes.

    ``label`` is its name as it stands beside the mark, "" for none.
    ``y`` is None for a candidate that was rejected before it had a score. ``span`` is the 95 %
    interval of the latency; ``sd`` the standard deviation of y over seeds; ``seeds`` are the
    single trials. ``words`` are where it stands by what the chart judges.
    """

    name: str
    label: str
    kind: Kind
    x: float
    y: float | None
    span: XY | None = None
    sd: float | None = None
    seeds: tuple[XY, ...] = ()
    words: str = ""
    baseline: bool = False


@dataclass(frozen=True, kw_only=True)
class ParetoChart:
    """All that the chart shows. ``front`` are the corners of its step line, cheapest first.

    ``crowd`` are the candidates beyond those listed, points without names. ``log`` is
    whether the cost axis is logarithmic. ``published`` stand beside what was measured and have no
    part in anything else. ``bars`` says what bars and small dots are, ``naming`` which marks have
    names where the chart cannot zoom, ``remarks`` all else.
    """

    x: Column
    y: Column
    log: bool
    marks: tuple[Mark, ...]
    front: tuple[XY, ...]
    published: Overlay
    subtitle: tuple[str, ...]
    bars: str = ""
    naming: str = ""
    remarks: str
    crowd: tuple[XY, ...] = ()

    @property
    def caption(self) -> str:
        """How the chart is to be read on paper, in sentences."""
        return " ".join(filter(None, (self.bars, self.naming, self.remarks)))


def pareto_chart(verdict: Verdict, published: Sequence[Published] = ()) -> ParetoChart:
    """The chart of a study: its first cost across, its accuracy upwards.

    The front is drawn as a line only where the study has no objective beside these two. Axes and
    marks rest on what was measured alone, whatever was ``published``.
    """
    x, y = _axes(verdict)
    varied = _varied(verdict)
    found = (_mark(each, x, y, varied) for each in verdict.listed)
    marks = _named(tuple(mark for mark in found if mark is not None))
    both = set(verdict.objectives) == {x.key, y.key}
    front = sorted((m.x, m.y) for m in marks if m.kind.startswith("front") and m.y is not None)
    crowd = _crowd(verdict, x, y)
    xs, ys = extent(marks, crowd)
    log = bool(xs) and max(xs) > LOG_FROM * min(xs) > 0
    lone = len(marks) == 1
    across = Field(column=x, values=xs, log=log, lone=lone)
    shown = overlay(published, across, Field(column=y, values=ys, lone=lone))
    if is_ratio := x.key == "latency_ms" and x.unit != FIGURES[x.key].unit:
        shown = Overlay(caption=(NO_RATIO,) * bool(published))
    return ParetoChart(
        x=x,
        y=y,
        log=log,
        marks=marks,
        front=tuple(front) if both else (),
        published=shown,
        subtitle=_subtitle(verdict, (x, y)),
        bars=_bars(x, marks, is_ratio),
        naming=_naming(marks),
        remarks=" ".join((*_remarks(verdict, (x, y), marks, varied), *shown.caption)),
        crowd=crowd,
    )


def _crowd(verdict: Verdict, x: Column, y: Column) -> tuple[XY, ...]:
    """Where those stand that compete and are not listed."""
    listed = {each.candidate.name for each in verdict.listed}
    rest = (each.candidate for each in verdict.scored if each.candidate.name not in listed)
    pairs = ((x.number(one.mean(x.key)), y.number(one.mean(y.key))) for one in rest)
    return tuple((a, b) for a, b in pairs if a is not None and b is not None)


def extent(marks: Sequence[Mark], crowd: Sequence[XY] = ()) -> tuple[list[float], list[float]]:
    """All that marks, their bars, their seeds and the crowd reach to, across and upwards."""
    xs = [x for mark in marks for x in (mark.x, *(mark.span or ()))] + [x for x, _ in crowd]
    ys = [y for mark in marks for _, y in mark.seeds] + [y for _, y in crowd]
    for mark in marks:
        if mark.y is not None:
            ys += [mark.y - (mark.sd or 0), mark.y + (mark.sd or 0)]
    return xs, ys


def _named(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """The marks, without names for those off the front where all names would be a thicket."""
    if len(marks) <= MOST_NAMED:
        return marks
    return tuple(
        m if m.baseline or m.kind.startswith("front") else replace(m, label="") for m in marks
    )


def on_paper(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that have names where the chart cannot zoom; of a long front those all along it."""
    named = [mark for mark in marks if mark.label]
    front = sorted((m for m in named if m.kind.startswith("front")), key=lambda mark: mark.x)
    if len(marks) <= MOST_NAMED or len(front) <= MOST_ON_PAPER:
        return named
    step = (len(front) - 1) / (MOST_ON_PAPER - 1)
    chosen = {front[round(step * place)].name for place in range(MOST_ON_PAPER)}
    return [mark for mark in named if mark.baseline or mark.name in chosen]


def _naming(marks: Sequence[Mark]) -> str:
    front = [mark for mark in marks if mark.kind.startswith("front")]
    shown = {mark.name for mark in on_paper(marks)}
    if all(mark.label for mark in marks):
        return ""
    if all(mark.name in shown for mark in front):
        return FRONT_ALONE
    return f"Of the front's {len(front)} candidates {MOST_ON_PAPER} along it are named."


def _axes(verdict: Verdict) -> tuple[Column, Column]:
    exact = [key for key in verdict.objectives if not FIGURES[key].seeded]
    seeded = [key for key in verdict.objectives if FIGURES[key].seeded]
    x = _first_measured(verdict, [*exact, "latency_ms", "gmacs", "params"])
    wanted = [k for k in (*seeded, *exact[1:], "miou", "gmacs", "params") if k != x]
    drawn = any(_kind(each) for each in verdict.standings)
    y = _first_measured(verdict, wanted) if drawn else wanted[0]
    return _as_ratio(verdict, FIGURES[x]), FIGURES[y]


def _as_ratio(verdict: Verdict, x: Column) -> Column:
    """A latency that was taken beside other work in units of the reference's; else as it is."""
    against = reference(verdict.compared)
    base = against.mean(x.key) if against else None
    if x.key != "latency_ms" or not is_contended(verdict.compared) or not (against and base):
        return x
    names = [plain(each.name) for each in verdict.compared if each.timed]
    longest = [LONGEST_REFERENCE] * len(names)
    name = shortened_apart(names, longest)[names.index(plain(against.name))]
    return replace(x, unit=f"times {name}'s", scale=1 / base)


def _first_measured(verdict: Verdict, keys: Iterable[str]) -> str:
    wanted = list(keys)
    for key in wanted:
        if any(each.candidate.mean(key) is not None for each in verdict.standings):
            return key
    return wanted[0]


def _varied(verdict: Verdict) -> tuple[str, ...]:
    """The factors that name every candidate, if there are several; else its own name is used."""
    keys = {tuple(each.candidate.factors) for each in verdict.standings}
    several = len(keys) == 1 and len(next(iter(keys))) > 1
    return next(iter(keys)) if several else ()


def _mark(standing: Standing, x: Column, y: Column, varied: tuple[str, ...]) -> Mark | None:
    one = standing.candidate
    kind, across = _kind(standing), x.number(one.mean(x.key))
    if kind is None or across is None:
        return None
    found = one.spread(y.key)
    return Mark(
        name=plain(one.name),
        label=plain(" · ".join(one.factors[key] for key in varied) or one.name),
        kind=kind,
        x=across,
        y=y.number(found.mean) if found else None,
        span=_span(one, x) if x.key == "latency_ms" else None,
        sd=y.number(found.sd) if found and y.seeded else None,
        seeds=_seeds(one, x, y) if y.seeded else (),
        words=plain(standing.words),
        baseline=one.baseline,
    )


def _kind(standing: Standing) -> Kind | None:
    if standing.status == "over budget":
        return "over budget"
    if standing.status == "front":
        return "front" if standing.resolved else "front in doubt"
    if standing.status == "dominated":
        return "dominated" if standing.resolved else "dominated in doubt"
    return None


def _span(one: Candidate, x: Column) -> XY | None:
    low, high = (x.number(one.mean(key)) for key in LATENCY_SPAN)
    return None if low is None or high is None else (low, high)


def _seeds(one: Candidate, x: Column, y: Column) -> tuple[XY, ...]:
    ups = one.figures[y.key]
    if len(ups) < 2:
        return ()
    across = one.figures[x.key]
    pairs = ((x.number(across.get(s)), y.number(up)) for s, up in sorted(ups.items()))
    return tuple((a, b) for a, b in pairs if a is not None and b is not None)


_PROTOCOL_WORDS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "latency": (
        {
            "latency_size": "at {}",
            "latency_batch": "batch {}",
            "latency_dtype": "{}",
            "latency_boundary": "to {}",
        },
        {"latency_device": "on {}", "latency_threads": "CPU threads: {}"},
    ),
    "data": (
        {
            "dataset": "on {}",
            "label_map": "labels {}",
            "size": "at {}",
            "num_images": "{} images",
        },
    ),
    "cost": ({"cost_size": "at {}", "cost_tool": "by {}"},),
}
"""The lines that say how an axis was measured, by column."""


def _subtitle(verdict: Verdict, axes: Iterable[Column]) -> tuple[str, ...]:
    lines = []
    for axis in axes:
        name = "data" if axis.seeded else "latency" if axis.key == "latency_ms" else "cost"
        for rank, words in enumerate(_PROTOCOL_WORDS[name]):
            values = {key: measured(verdict, key) for key in words}
            known = [words[key].format(value) for key, value in values.items() if value]
            if known:
                lines.append(f"{'' if rank else axis.label + ' '}{', '.join(known)}")
    return tuple(lines)


def measured(verdict: Verdict, key: str) -> str:
    """What the trials that are compared have in a column, "" if nothing."""
    return ", ".join(
        dict.fromkeys(plain(v) for v in verdict.kept.distinct(key) if not is_missing(v))
    )


def _bars(x: Column, marks: Sequence[Mark], ratios: bool) -> str:
    upright = "Upright bars are ±1 sd, small dots single seeds."
    drift = (
        " They hold the machine's drift, which all had in common: where bars overlap, ratios round "
        "by round may still tell two candidates apart."
    )
    is_shared = not ratios and sum(mark.span is not None for mark in marks) > 1
    median = "ratio" if ratios else f"median {x.label}"
    level = f"Level bars are 95 % intervals of the {median}.{drift * is_shared}"
    told = {upright: any(m.seeds for m in marks), level: any(m.span for m in marks)}
    return " ".join(compress(told, told.values()))


def _remarks(
    verdict: Verdict, axes: tuple[Column, Column], marks: Sequence[Mark], varied: Sequence[str]
) -> Iterable[str]:
    x, y = axes
    nums = sorted({len(m.seeds) for m in marks if m.seeds})
    if nums:
        many = str(nums[0]) if len(nums) == 1 else f"{nums[0]} to {nums[-1]}"
        yield f"Marks are means over {many} seeds."
    elif y.seeded and marks:
        yield "One seed: no spread is known."
    against = reference(verdict.compared)
    if x.key == "latency_ms" and against and is_contended(verdict.compared):
        yield (
            "Timed beside other work: latency is its ratio to that of "
            f"{quoted(against.name)}. Ratios hold, milliseconds do not."
        )
    if varied:
        yield f"Marks are named by {' · '.join(map(plain, varied))}."
    drawn = {mark.name for mark in marks}
    rest = [e.candidate for e in verdict.listed if plain(e.candidate.name) not in drawn]
    alone = unpaired_text(rest) if x.key == "latency_ms" else ""
    if names := [quoted(each.name) for each in rest if not (alone and each.unpaired)]:
        yield f"Not drawn: {some(names)}."
    if alone:
        yield alone
    yield from _crowded(verdict)


def _crowded(verdict: Verdict) -> Iterable[str]:
    if len(verdict.listed) < len(verdict.standings):
        yield (
            f"Of {len(verdict.standings):,} candidates {len(verdict.listed)} are drawn as marks, "
            "the other ones that compete as points."
        )
