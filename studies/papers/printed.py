"""Rows from what a paper prints: percentages, a column for each split, dashes left out."""

from __future__ import annotations

from typing import Any

from harness.papers import Published

Line = tuple[str, dict[str, float]]
"""The label of a line and its figures as printed, by the names of ``harness.papers.PRINTED``."""

IN_PERCENT = ("miou", "pixel_accuracy")
SPLITS = ("val", "test")


def row(label: str, **printed: float) -> Line:
    """One line; what the paper leaves out or marks with a dash is not given."""
    return label, printed


def rows(*lines: Line, **shared: Any) -> tuple[Published, ...]:
    """Lines with all that they share, named as in ``Published``."""
    return tuple(
        Published(label=label, figures=_in_our_units(printed), **shared) for label, printed in lines
    )


def rows_by_split(*lines: Line, **shared: Any) -> tuple[Published, ...]:
    """A row for each of Cityscapes val and test, where a line has ``val`` and ``test`` for mIoU.

    Every other figure of the line stands in both of its rows.
    """
    return tuple(
        each
        for label, printed in lines
        for split in SPLITS
        if split in printed
        for each in rows(_of(split, label, printed), dataset=f"Cityscapes {split}", **shared)
    )


def share(percent: float) -> float:
    """69.67 as 0.6967: rounded to what was printed, as the division alone may not give it."""
    return round(percent / 100, 6)


def _of(split: str, label: str, printed: dict[str, float]) -> Line:
    others = {name: value for name, value in printed.items() if name not in SPLITS}
    return row(label, miou=printed[split], **others)


def _in_our_units(printed: dict[str, float]) -> dict[str, float]:
    return {name: share(value) if name in IN_PERCENT else value for name, value in printed.items()}
