"""The sections of a report: a table or pictures, and what they say in sentences."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup, escape

from reports.ablation import ablation_caption, ablation_table
from reports.confirmation import Confirmation, confirmation_table
from reports.effects import Effects
from reports.effects_chart import effects_chart, effects_chart_caption
from reports.effects_table import bca_table, effects_caption, effects_csv, effects_table
from reports.front import Front
from reports.front_table import front_caption, front_lines, front_table, fronts_csv
from reports.images import Images
from reports.style import Drawn, inline
from reports.tables import Table, csv, markdown, markdown_cell
from reports.verdict import Verdict

FRESH = (
    "The best of several is partly the luckiest, so its figure in the study is likely too good. "
    "Fresh seeds had no part in choosing it."
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One image as PNG or JPEG, and in words for those who cannot see it."""

    data: bytes
    alt: str
    caption: str = ""

    @property
    def uri(self) -> str:
        """The image as a page holds it, which loads nothing."""
        kind = "png" if self.data.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table, a chart or pictures, what they say in sentences, and how they are to be read.

    ``name`` is what its files are called; ``csv`` makes what machines read, None where the table
    is all there is. ``drawing`` gives the chart, or waits for it; ``is_repeat`` is whether the
    table says anew, in a paper's layout, what a terminal shows already. ``folded`` is a further
    table with its title, which a page opens when it is asked to.
    """

    name: str
    title: str
    table: Table | None = None
    drawing: Callable[[], Drawn] | None = None
    drawing_caption: str = ""
    pictures: tuple[Picture, ...] = ()
    findings: tuple[str, ...] = ()
    caption: tuple[str, ...] = ()
    csv: Callable[[], str] | None = None
    is_repeat: bool = False
    folded: tuple[str, Table] | None = None

    @property
    def svg(self) -> Markup:
        """The chart as a page holds it; "" without one."""
        if self.drawing is None:
            return Markup("")
        return Markup(inline(self.drawing().svg, self.name, escape(self.title)))

    def _repr_html_(self) -> str:
        below = (*self.findings, *self.caption)
        return self.table.html(self.title, below) if self.table else ""

    @property
    def markdown(self) -> str:
        """The section in Markdown, without its title."""
        said = [markdown_cell(text) for text in (*self.findings, *self.caption)]
        head = [markdown(self.table)] if self.table else []
        return "\n".join([*head, *(f"{text}\n" for text in said)])


def sections_of(
    verdict: Verdict,
    found: Effects | None,
    images: Images | None,
    fronts: Sequence[Front],
    confirmed: Confirmation | None,
    charts: Callable[[], Mapping[str, Drawn]],
) -> tuple[Section, ...]:
    """The sections of a study that have something to say.

    ``charts`` gives the charts by name, among them that of the effects if there are any.
    """
    sections = []
    if confirmed and confirmed.lines:
        table = confirmation_table(confirmed)
        sections.append(
            Section(
                name="confirmation",
                title="On fresh seeds",
                table=table,
                caption=(FRESH, table.note),
            )
        )
    ablation = ablation_table(verdict, found)
    if ablation:
        sections.append(
            Section(
                name="ablation",
                title="Ablation",
                table=ablation,
                caption=ablation_caption(ablation, bool(found and found.baseline)),
                csv=partial(csv, ablation),
                is_repeat=True,
            )
        )
    if found and found.rows:
        sections.append(_effects(found, images, charts))
    if fronts:
        sections.append(
            Section(
                name="fronts",
                title="Fronts",
                table=front_table(verdict, fronts),
                findings=front_lines(verdict, fronts),
                caption=(front_caption(fronts),),
                csv=partial(fronts_csv, fronts),
            )
        )
    return tuple(sections)


def _effects(
    found: Effects, images: Images | None, charts: Callable[[], Mapping[str, Drawn]]
) -> Section:
    chart, bca = effects_chart(found), bca_table(found)
    return Section(
        name="effects",
        title="Effects",
        table=effects_table(found),
        drawing=lambda: charts()["effects"],
        drawing_caption=effects_chart_caption(chart, found),
        caption=effects_caption(found, images),
        csv=partial(effects_csv, found),
        folded=("Intervals by BCa's bootstrap", bca) if bca else None,
    )
