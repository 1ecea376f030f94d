"""One HTML file that answers a study's question and says how it came to the answer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from reports.columns import COST, DATA, LATENCY, TRAINING, plain
from reports.curves import Curve, curves
from reports.iou_map import IouMap, blocks_of, shades, step_of
from reports.live_chart import LiveChart, chart_data
from reports.networks import networks
from reports.notes import notes, uncompared, unlisted
from reports.pareto_chart import KIND_WORDS, ParetoChart, measured
from reports.published import PublishedTable
from reports.scripts import scripts
from reports.sections import Section
from reports.style import Drawn, inline
from reports.tables import Table
from reports.templates import template
from reports.verdict import MOST_LISTED, Verdict

MOST_VALUES = 12
"""So many values of one field of a recipe are listed; a search may have thousands."""

MOST_CLASSES = 16
"""So many classes stand beside each other, on the narrowest of papers too."""

MOST_WHOLE = 12
"""A table of so many lines is not broken over two pages."""

NOTHING = "'none'"
POLICY = f"default-src {NOTHING}; style-src 'unsafe-inline'; img-src data:;"
"""A page loads nothing, and runs the scripts it was written with alone."""

PANEL = (120, 56)
"""Width and height of a training curve's drawing, in its own units."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The charts with their records, and the table of what papers printed.

    ``drawn`` are the charts by name, which may still be in the making until they are asked for.
    """

    pareto: ParetoChart
    iou: IouMap
    published: PublishedTable
    drawn: Callable[[], Mapping[str, Drawn]]
    live: LiveChart | None = None


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Trials of one candidate that failed or were rejected for one reason."""

    candidate: str
    state: str
    seeds: tuple[int, ...]
    reason: str
    detail: str


def page(
    verdict: Verdict,
    answer: str,
    table: Table,
    figures: Figures,
    command: str | None,
    sections: Sequence[Section] = (),
) -> str:
    """The page as HTML; it loads nothing from anywhere.

    ``command`` makes the study's trials again; None stands for ``twopath run <study>``.
    """
    live = figures.live
    run = scripts() if live else ()
    title = "Accuracy against cost" if figures.pareto.y.seeded else "Cost against cost"
    failed, losses, left = troubles(verdict), curves(verdict), uncompared(verdict)
    given: dict[str, Any] = {
        "policy": f"{POLICY} script-src {' '.join(each.allowed for each in run) or NOTHING}",
        "live": live,
        "live_json": htmlsafe_json_dumps(chart_data(live), allow_nan=False) if live else "",
        "scripts": run,
        "kinds": KIND_WORDS,
        "name": plain(verdict.name),
        "question": plain(verdict.question),
        "answer": answer,
        "table": table,
        "sections": sections,
        "pareto": figures.pareto,
        "chart_title": title,
        "iou": figures.iou,
        "blocks": blocks_of(len(figures.iou.classes), MOST_CLASSES),
        "most_whole": MOST_WHOLE,
        "shades": shades(),
        "step_of": step_of,
        "published": figures.published,
        "curves": losses,
        "line": _line,
        "panel": PANEL,
        "troubles": failed[:MOST_LISTED],
        "num_troubles_cut": max(0, len(failed) - MOST_LISTED),
        "uncompared": left[:MOST_LISTED],
        "num_uncompared_cut": max(0, len(left) - MOST_LISTED),
        "unlisted": unlisted(verdict),
        "measured": how_measured(verdict),
        "networks": networks(verdict, {line.cells[0] for line in table.lines}),
        "recipe": recipe(verdict),
        "notes": notes(verdict),
        "command": command or f"twopath run {shlex.quote(verdict.name)}",
    }
    given["pareto_svg"] = _svg(figures.drawn()["pareto"].svg, "pareto", title)
    return template("page.html.jinja").render(contents=_contents(given), **given)


def _contents(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parts that the page has, by the names of their headings."""
    there = (
        ("front", given["chart_title"], True),
        ("candidates", "Candidates", True),
        *((each.name, each.title, True) for each in given["sections"]),
        ("networks", "Networks", given["networks"].kinds or given["networks"].shared),
        ("published", "Published figures", given["published"].lines),
        ("classes", "Classes", given["iou"].candidates),
        ("training", "Training", given["curves"].panels),
        ("failed", "Failed and rejected", given["troubles"]),
        ("left-out", "Left out of the comparison", given["uncompared"]),
        ("measured", "How it was measured", True),
        ("again", "Run it again", True),
    )
    return tuple((name, title) for name, title, has in there if has)


def _svg(svg: str, name: str, title: str) -> Markup:
    # Ours and without the user's text: names are drawn as outlines.
    return Markup(inline(svg, name, title))


def _line(curve: Curve, panel: tuple[int, int]) -> str:
    """A curve's points as an SVG polyline has them, y downwards."""
    wide, high = panel
    return " ".join(f"{x * wide:.1f},{(1 - y) * high:.1f}" for x, y in curve.points)


def troubles(verdict: Verdict) -> tuple[Trouble, ...]:
    """What failed or was rejected, with trials of one reason taken together."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for trial in verdict.trials.where("state", ("failed", "rejected")):
        key = (trial["candidate"], trial["state"], trial["reason"] or "no reason was kept")
        groups.setdefault(key, []).append(trial)
    return tuple(
        Trouble(
            candidate=plain(name),
            state=state,
            seeds=tuple(trial["seed"] for trial in group),
            reason=plain(reason),
            detail=str(group[0].get("error_detail") or ""),
        )
        for (name, state, reason), group in groups.items()
    )


_WORDS = {"True": "yes", "False": "no", "true": "yes", "false": "no", "null": "none"}


def how_measured(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Label and value of everything that the compared figures rest on."""
    columns = (*DATA, *TRAINING[:4], *LATENCY, *COST, *TRAINING[4:])
    pairs = ((column.label, measured(verdict, column.key)) for column in columns)
    return tuple((label, _WORDS.get(value, value)) for label, value in pairs if value)


def recipe(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """The training recipe, field by field; what the study varied has several values."""
    values: dict[str, dict[str, None]] = {}
    for each in verdict.kept.distinct("recipe"):
        for key, value in each.items():
            if not isinstance(value, Mapping):
                text = value if isinstance(value, str) else json.dumps(value)
                values.setdefault(key, {})[_WORDS.get(text, text)] = None
    return tuple((plain(key), _some(list(map(plain, found)))) for key, found in values.items())


def _some(words: Sequence[str]) -> str:
    """Words in a row, or the first of them and how many more there are."""
    few = [*words[:MOST_VALUES], f"and {len(words) - MOST_VALUES} more"]
    return ", ".join(words if len(words) <= MOST_VALUES else few)
