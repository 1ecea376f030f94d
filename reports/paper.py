"""The tables of a report as a paper takes them: LaTeX for each, and the ablation's in all forms."""

from __future__ import annotations

from collections.abc import Sequence

from reports.ablation import ablation_caption, ablation_table
from reports.effects import Effects
from reports.sections import Section
from reports.tables import Table, csv, latex, markdown, markdown_cell
from reports.verdict import Verdict


def paper_files(
    verdict: Verdict, found: Effects | None, table: Table, sections: Sequence[Section]
) -> dict[str, str]:
    r"""Files by name: table.tex, one .tex a section, and ablation.tex, .md and .csv.

    The ablation's are left out where there is nothing to compare. Each .tex is a tabular, to be
    put into a paper by \input; its first line names the packages it needs.
    """
    files = {"table.tex": latex(table)}
    files |= {f"{each.name}.tex": latex(each.table) for each in sections if each.table}
    ablation = ablation_table(verdict, found)
    if ablation:
        said = "\n".join(map(markdown_cell, ablation_caption()))
        files["ablation.tex"] = latex(ablation)
        files["ablation.md"] = f"{markdown(ablation)}\n{said}\n"
        files["ablation.csv"] = csv(ablation)
    return files
