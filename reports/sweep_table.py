"""The table of a static sweep: each architecture, or what each choice costs where they are many."""

from __future__ import annotations

from reports.columns import Column, plain
from reports.sweep import Level, Sweep
from reports.tables import Line, Table

MOST_LISTED = 24
"""The number of architectures up to which each has a line of its own."""


def sweep_table(found: Sweep) -> Table:
    """Architectures one by one, or the mean figures of each value of each factor.

    In brackets is the difference from the factor's first value: what the choice adds.
    """
    if len(found.rows) <= MOST_LISTED or not found.levels:
        return _listed(found)
    headings = ("choice", "architectures", *(f"mean {each.heading}" for each in found.columns))
    return Table(
        headings=headings,
        brief=headings,
        numeric=(False, *[True] * (len(headings) - 1)),
        lines=tuple(_line(_level_cells(level, found.columns)) for level in found.levels),
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
        more = f" ({column.difference(added)})" if added else ""
        cells.append(f"{column.text(mean)}{more}")
    return (f"{level.factor}={level.value}", str(level.num), *cells)


def _line(cells: tuple[str, ...]) -> Line:
    return Line(cells=cells, brief=cells, status="front", held=False)
