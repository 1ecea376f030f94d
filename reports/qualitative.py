"""The qualitative sheet as a section of the report, where ``twopath sheet`` has drawn one."""

from __future__ import annotations

from pathlib import Path

from reports.sections import Picture, Section

FILE = "sheet.jpg"
"""What ``harness.sheet`` calls it, in the folder of the report."""

CAPTION = (
    "Images of the validation split that candidates label most differently, so no average of it: "
    "for those the figures stand. The last column shows who is right where they differ."
)


def qualitative(folder: Path) -> tuple[Section, ...]:
    """The section, or none where there is no sheet."""
    try:
        drawn = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return ()
    alt = "Images, ground truth, what candidates predict side by side, and where they differ"
    picture = Picture(data=drawn, alt=alt, caption=CAPTION)
    return (Section(name="sheet", title="On images", pictures=(picture,)),)
