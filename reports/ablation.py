"""The table of an ablation as papers print it: a check mark for each component, then figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.candidates import Candidate
from reports.columns import FIGURES, MISSING, Column, plain
from reports.effects import Effect, Effects, gap_of
from reports.latex import CHECK
from reports.paired import Word, paired
from reports.phrases import signed_gap
from reports.tables import CI, NOTES, Line, Table, candidates_table
from reports.verdict import Verdict

MOST_MARKS = 5
"""The values of one component up to which each has a column of check marks of its own."""

MOST_COLUMNS, MOST_ROWS = 12, 40
"""Columns of components that a page has room for; candidates beyond which it is no ablation."""

ABSENT = "none"
"""What a part is called that is not there; no column needs to say so."""

COSTS = ("gmacs", "latency_ms")

TOLD: Mapping[Word, tuple[str, str]] = {
    "resolved": (
        CHECK,
        f"{CHECK} means resolved: told from noise by Student's test and by flipping signs, p at "
        "most 0.05 by Holm over the table",
    ),
    "resolved if noise is normal": (
        f"({CHECK})",
        f"({CHECK}) means resolved if noise is normal: by Student's test alone",
    ),
    "not resolved": ("", "no mark means not resolved"),
    "no spread known": (MISSING, f"{MISSING} means that no spread is known"),
}
"""What the table of effects says of a change, as a mark and in words."""

Places = Mapping[str, Mapping[str, str]]
"""What each candidate is made of: candidate -> component -> value."""


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """A column of components: the check mark of one value, or, without a value, what it is."""

    component: str
    value: str | None
    alone: bool

    @property
    def heading(self) -> str:
        """The value, below the component; a component with one column stands for itself."""
        return plain(self.component if self.alone else self.value)

    def cell(self, place: Mapping[str, str]) -> str:
        found = place.get(self.component, ABSENT)
        if self.value is None:
            return plain(found)
        return CHECK if found == self.value else ""


def ablation_table(verdict: Verdict, found: Effects | None) -> Table | None:
    """The candidates that have an accuracy, in plan order; None for one, or for very many.

    ± is the half-width of Student's 95 % interval, of a candidate's mean over its seeds and, in
    the difference from the baseline, over its pairs of seeds.
    """
    key = next((key for key in verdict.objectives if FIGURES[key].seeded), None)
    scored = [each for each in verdict.compared if key and each.figures[key]]
    if key is None or not 1 < len(scored) <= MOST_ROWS:
        return None
    places = _places(verdict, scored)
    marks = _marks(places)
    changes = _changes(found) if found and found.baseline and found.key == key else {}
    heads, figures = _figures(verdict, scored, FIGURES[key], found, changes)
    named = () if _is_told(places, marks) else ("candidate",)
    lines = []
    for one in scored:
        name = [plain(one.name)] if named else []
        cells = (*name, *(mark.cell(places[one.name]) for mark in marks), *figures[one.name])
        lines.append(Line(cells=cells, brief=cells, status="front", held=False))
    headings = (*named, *(mark.heading for mark in marks), *heads)
    return Table(
        headings=headings,
        brief=headings,
        numeric=(*[False] * (len(named) + len(marks)), *[True] * len(heads)),
        lines=tuple(lines),
        spans=_spans(len(named), marks, len(heads)),
        note=" ".join(filter(None, (_note(heads, changes), _unlike(scored, key, changes)))),
    )


def _places(verdict: Verdict, scored: Sequence[Candidate]) -> Places:
    """The parts of the candidates, or, of a study from before plans had them, its factors."""
    parts = {trial["candidate"]: trial.get("parts") or {} for trial in verdict.kept}
    return {each.name: parts.get(each.name) or dict(each.factors) for each in scored}


def _marks(places: Places) -> list[_Mark]:
    """The columns of what differs between candidates, in the order in which it is met."""
    met: dict[str, list[str]] = {}
    for component in dict.fromkeys(name for place in places.values() for name in place):
        values = dict.fromkeys(place.get(component, ABSENT) for place in places.values())
        if len(values) > 1:
            met[component] = [value for value in values if value != ABSENT]
    most = MOST_MARKS
    while most > 1 and sum(len(v) if len(v) <= most else 1 for v in met.values()) > MOST_COLUMNS:
        most -= 1
    marks = []
    for component, shown in met.items():
        few: list[str | None] = [*shown] if len(shown) <= most else [None]
        marks += [_Mark(component=component, value=v, alone=len(few) == 1) for v in few]
    return marks


def _is_told(places: Places, marks: Sequence[_Mark]) -> bool:
    """Whether check marks alone tell all candidates apart, so that none needs a name."""
    rows = {tuple(mark.cell(place) for mark in marks) for place in places.values()}
    return bool(marks) and len(rows) == len(places)


def _spans(before: int, marks: Sequence[_Mark], after: int) -> tuple[tuple[str, int], ...]:
    """Each component over its columns."""
    wide: dict[str, int] = {}
    for mark in marks:
        wide[mark.component] = wide.get(mark.component, 0) + 1
    alone = {mark.component for mark in marks if mark.alone}
    named = tuple(("" if each in alone else plain(each), number) for each, number in wide.items())
    return (*[("", 1)] * before, *named, *[("", 1)] * after)


def _changes(found: Effects) -> dict[str, Effect]:
    return {each.candidate.name: each for each in found.rows if each.candidate}


def _figures(
    verdict: Verdict, scored: Sequence[Candidate], score: Column, found: Effects | None,
    changes: Mapping[str, Effect],
) -> tuple[list[str], dict[str, list[str]]]:  # fmt: skip
    """Headings of figures, and each candidate's cells below them."""
    # As the table of candidates has them, so that busy machines give ratios here too.
    names = {each.name for each in scored}
    some = [each for each in verdict.standings if each.candidate.name in names]
    table = candidates_table(verdict, found, some)
    costs = [
        place
        for key in COSTS
        for place, heading in enumerate(table.headings)
        if heading.startswith(FIGURES[key].label)
    ]
    lines = zip(some, table.lines, strict=True)
    at = {each.candidate.name: line.brief for each, line in lines}
    has_own = any(len(each.figures[score.key]) > 1 for each in scored)
    has_paired = any(each.found.low is not None for each in changes.values())
    heads = [f"{score.heading}{CI if has_own else ''}"]
    heads += [f"Δ ({score.step}){CI if has_paired else ''}", "resolved"] if changes else []
    heads += [table.headings[place] for place in costs]
    cells: dict[str, list[str]] = {}
    for one in scored:
        cells[one.name] = [_with_interval(one, score)]
        cells[one.name] += _change(one, score, changes) if changes else []
        cells[one.name] += [at[one.name][place] for place in costs]
    return heads, cells


def _with_interval(one: Candidate, score: Column) -> str:
    own = paired(list(one.figures[score.key].values()))
    if own.low is None or own.high is None:
        return score.text(own.value)
    return f"{score.text(own.value)} ± {score.text((own.high - own.low) / 2)}"


def _change(one: Candidate, score: Column, changes: Mapping[str, Effect]) -> list[str]:
    effect = changes.get(one.name)
    if effect is None:
        return ["baseline" if one.baseline else MISSING, MISSING]
    return [signed_gap(gap_of(effect), score), TOLD[effect.word][0]]


def _note(heads: Sequence[str], changes: Mapping[str, Effect]) -> str:
    """What ± and the marks say, as far as there are any."""
    words = {each.word for each in changes.values()}
    half = NOTES[CI] if any(each.endswith(CI) for each in heads) else ""
    marks = "; ".join(text for word, (_, text) in TOLD.items() if word in words)
    return f"{half} {marks[:1].upper()}{marks[1:]}{'.' if marks else ''}".strip()


def _unlike(scored: Sequence[Candidate], key: str, changes: Mapping[str, Effect]) -> str:
    """That a difference may not be that of the means beside it, where seeds are missing."""
    if not changes or len({each.seeds(key) for each in scored}) == 1:
        return ""
    return (
        "Not all have the same seeds: a mean is over its own, a difference over those shared with "
        "the baseline."
    )


def ablation_caption(table: Table, has_changes: bool) -> tuple[str, ...]:
    """How the table is to be read, with or without differences from a baseline."""
    more = (
        "A difference is paired seed by seed, so its interval is often narrower than those of both "
        "means; see the effects."
        if has_changes
        else "Intervals are of each mean alone: which differ is told by the effects."
    )
    return (f"{table.note} {more}",) if table.note else ()
