"""What the page's interactive chart shows, as a record and as the JSON that its script reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.papers import Published
from reports.columns import FIGURES, MISSING, plain
from reports.front import Front
from reports.front_table import share
from reports.networks import Networks, networks
from reports.pareto import Standing
from reports.pareto_chart import FRONT_ALONE, KIND_WORDS, ParetoChart, pareto_chart
from reports.shortening import shortened_apart
from reports.tables import ALWAYS, Table
from reports.verdict import Verdict

MOST_POINTS = 3000
"""Of a larger crowd one in so many is drawn that no more are left."""

MOST_VALUES, LONGEST_VALUE = 12, 40
"""A factor of more values, or longer ones, is no filter: nobody looks for one of fifty buttons."""

LONGEST_NAME, NAME_TAIL = 40, 9
"""The letters from which a name beside a mark is cut, and those kept of its end."""

STATUS = "status"
"""What the table calls where a candidate stands; each view of the chart has it by its own axes."""

Pairs = tuple[tuple[str, str], ...]
Shown = Mapping[str, Standing]
"""The candidates that some chart shows, by their names on one line."""


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What is told of one candidate beside the chart: label and text of its parts and figures.

    ``values`` are its values of the filters, in their order.
    """

    name: str
    parts: Pairs
    figures: Pairs
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LiveChart:
    """The same candidates by several costs, with what is told of each and what they differ in.

    ``shared`` are the parts that all have alike.
    """

    charts: tuple[ParetoChart, ...]
    details: Mapping[str, Detail]
    filters: tuple[tuple[str, tuple[str, ...]], ...]
    shared: str

    @property
    def has_baseline(self) -> bool:
        """Whether any mark is the baseline's."""
        return any(mark.baseline for each in self.charts for mark in each.marks)

    @property
    def has_published(self) -> bool:
        """Whether any chart has points that papers printed."""
        return any(each.published.marks for each in self.charts)


def live_chart(
    verdict: Verdict,
    first: ParetoChart,
    fronts: Sequence[Front],
    table: Table,
    printed: Sequence[Published] = (),
) -> LiveChart | None:
    """The chart of a study, and by its other costs; None where no candidate can be drawn.

    ``table`` is that of the candidates, whose cells are told beside the chart.
    """
    if not first.marks:
        return None
    charts = [first]
    for each in fronts:
        if each.cost != first.x.key and first.y.key == each.accuracy:
            own = {each.accuracy: "max", each.cost: "min"}
            judged = replace(verdict, objectives=own, stood=partial(getattr, each, "standings"))
            charts.append(pareto_chart(judged, printed))
    kept = {mark.name for each in charts for mark in each.marks}
    named = ((plain(each.candidate.name), each) for each in verdict.standings)
    shown = {name: each for name, each in named if name in kept}
    built = networks(verdict, kept)
    filters = _filters(shown, built)
    return LiveChart(
        charts=tuple(charts),
        details=_details(shown, fronts, table, built, filters),
        filters=tuple((name, _distinct(values.values())) for name, values in filters.items()),
        shared=built.shared,
    )


def _filters(shown: Shown, built: Networks) -> dict[str, dict[str, str]]:
    """Filter -> candidate -> value: what the study varied, or else the parts that differ."""
    factors: dict[str, dict[str, str]] = {}
    for name, each in shown.items():
        for factor, value in each.candidate.factors.items():
            if factor != "change":
                factors.setdefault(plain(factor), {})[name] = plain(value)
    parts = {
        kind: {name: values[place] for name, values in built.lines}
        for place, kind in enumerate(built.kinds)
    }
    usable = {name: by for name, by in (factors or parts).items() if _divides(by)}
    return usable or {name: by for name, by in parts.items() if _divides(by)}


def _divides(values: Mapping[str, str]) -> bool:
    found = set(values.values())
    return 1 < len(found) <= MOST_VALUES and max(map(len, found)) <= LONGEST_VALUE


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _details(
    shown: Shown,
    fronts: Sequence[Front],
    table: Table,
    built: Networks,
    filters: Mapping[str, Mapping[str, str]],
) -> dict[str, Detail]:
    parts, cells = dict(built.lines), {line.cells[0]: line.cells[1:] for line in table.lines}
    found = {}
    for name, one in shown.items():
        listed = zip(table.headings[1:], cells[name], strict=True) if name in cells else None
        found[name] = Detail(
            name=name,
            parts=tuple(zip(built.kinds, parts.get(name, ()), strict=False)),
            figures=(*(listed or _figures(one)), *_shares(fronts, one.candidate.name)),
            values=tuple(values.get(name, MISSING) for values in filters.values()),
        )
    return found


def _figures(one: Standing) -> Pairs:
    """What is told of a candidate that the table does not list: it is on another cost's front."""
    means = ((FIGURES[key], one.candidate.mean(key)) for key in ALWAYS)
    told = ((column.heading, column.text(mean)) for column, mean in means)
    return (*told, (STATUS, plain(one.words)))


def _shares(fronts: Sequence[Front], name: str) -> Pairs:
    """How often a candidate is on each front that is drawn again."""
    known = ((each, each.chance.get(name)) for each in fronts)
    return tuple(
        (f"share of fronts by {FIGURES[each.cost].label}", share(chance))
        for each, chance in known
        if chance is not None
    )


def chart_data(live: LiveChart) -> dict[str, Any]:
    """The record as plain values, for the script in the page; texts are text and never markup."""
    places = {name: place for place, name in enumerate(live.details)}
    brief = _brief(list(live.details))
    return {
        "views": [_view(each, places, not at) for at, each in enumerate(live.charts)],
        "candidates": [
            {
                "name": e.name,
                "brief": short,
                "parts": e.parts,
                "figures": e.figures,
                "values": e.values,
            }
            for e, short in zip(live.details.values(), brief, strict=True)
        ],
        "filters": [{"name": name, "values": values} for name, values in live.filters],
        "kinds": dict(KIND_WORDS),
        "status": STATUS,
        "shared": live.shared,
    }


def _brief(names: Sequence[str]) -> list[str]:
    """Names as they are written beside marks."""
    return shortened_apart(names, [LONGEST_NAME] * len(names), tail=NAME_TAIL)


def _view(chart: ParetoChart, places: Mapping[str, int], by_study: bool) -> dict[str, Any]:
    """One chart; that of the study's own objectives says where candidates stand as the table."""
    every = -(-len(chart.crowd) // MOST_POINTS) or 1
    labels = _brief([m.label for m in chart.marks])
    printed = _brief([each.label for each in chart.published.marks])
    less = f" One point in {every} is drawn here." if every > 1 else ""
    return {
        "cost": chart.x.label,
        "status": STATUS if by_study else f"{STATUS} by {chart.y.label} and {chart.x.label}",
        "x": chart.x.heading,
        "y": chart.y.heading,
        "log": chart.log,
        "front": chart.front,
        "subtitle": chart.subtitle,
        "bars": chart.bars,
        "naming": "" if all(mark.label for mark in chart.marks) else FRONT_ALONE,
        "remarks": chart.remarks + less,
        "crowd": [[float(f"{v:.4g}") for v in point] for point in chart.crowd[::every]],
        "published": [
            {"label": label, "x": each.x, "y": each.y}
            for each, label in zip(chart.published.marks, printed, strict=True)
        ],
        "points": [
            {
                "candidate": places[m.name],
                "label": label,
                "kind": m.kind,
                "words": m.words,
                "x": m.x,
                "y": m.y,
                "span": m.span,
                "sd": m.sd,
                "seeds": m.seeds,
                "baseline": m.baseline,
            }
            for m, label in zip(chart.marks, labels, strict=True)
        ],
    }
