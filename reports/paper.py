"""The tables of a report as a paper takes them: LaTeX for each."""

from __future__ import annotations

from collections.abc import Sequence

from reports.sections import Section
from reports.tables import Table, latex


def paper_files(table: Table, sections: Sequence[Section]) -> dict[str, str]:
    r"""Files by name: table.tex, and one .tex a section that has a table.

    Each is a tabular, to be put into a paper by \input; its first line names the packages it needs.
    """
    tables = {each.name: each.table for each in sections if each.table}
    return {f"{name}.tex": latex(each) for name, each in {"table": table, **tables}.items()}
