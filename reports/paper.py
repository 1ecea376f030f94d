"""The tables of a report as a paper takes them: LaTeX for each."""

from __future__ import annotations

from collections.abc import Sequence

from reports.latex import escaped
from reports.sections import Section
from reports.tables import Table, latex


def paper_files(table: Table, sections: Sequence[Section]) -> dict[str, str]:
    r"""Files by name: table.tex, and one .tex a section that has a table.

    Each is a tabular, to be put into a paper by \input; its first line names the packages it needs.
    What its headings have no room for stands under it in small print.
    """
    tables = {each.name: each.table for each in sections if each.table}
    named = {"table": table, **tables}
    return {f"{name}.tex": f"{latex(each)}{_below(each.note)}" for name, each in named.items()}


def _below(note: str) -> str:
    return f"\\par\\smallskip\n{{\\footnotesize {escaped(note)}\\par}}\n" if note else ""
