"""The table of a static sweep: each architecture, or what each choice costs where they are many."""

from __future__ import annotations

from reports.columns import Column, plain
from reports.sweep import Level, Sweep
from reports.tables import Line, Table

MOST_LISTED = 24
"""The number of architectures up to which each has a line of its own."""

ADDED = (
    "In brackets is what a choice adds to the factor's first value: the mean difference over the "
    "settings of the other factors with which both could be built, none where there are no such "
    "settings. Means are over all that could be built."
)


def sweep_table(found: Sweep) -> Table:
    """Architectures one by one, or the mean figures of each value of each factor.

    In brackets is what the choice adds to the factor's first value, at equal settings of the rest.
    """
    if len(found.rows) <= MOST_LISTED or not found.levels:
        return _listed(found)
    headings = ("choice", "architectures", *(f"mean {each.heading}" for each in found.columns))
    return Table(
        headings=headings,
        brief=headings,
        numeric=(False, *[True] * (len(headings) - 1)),
        lines=tuple(_line(_level_cells(level, found.columns)) for level in found.levels),
        note=ADDED,
    )


def _listed(found: Sweep) -> Table:
    headings = ("candidate", *(each.heading for each in found.columns))
    rows = (
        (plain(row["candidate"]), *(each.text(row.get(each.key)) for each in found.columns))
        for row in found.rows
    )
    return Table(
        headings=headings,
        brief=headings,
        numeric=(False, *[True] * len(found.columns)),
        lines=tuple(_line(cells) for cells in rows),
    )


def _level_cells(level: Level, columns: tuple[Column, ...]) -> tuple[str, ...]:
    cells = []
    for column in columns:
        mean, added = level.means.get(column.key), level.added.get(column.key)
        more = "" if added is None else f" ({column.difference(added)})"
        cells.append(f"{column.text(mean)}{more}")
    return (f"{level.factor}={level.value}", str(level.num), *cells)


def _line(cells: tuple[str, ...]) -> Line:
    return Line(cells=cells, brief=cells, status="front", held=False)
