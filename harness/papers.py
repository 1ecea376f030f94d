"""What papers have printed, as data: figures with their source and how they were taken.

They are shown beside what is measured here, and never joined to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.architecture import Architecture
from harness.names import unknown

PRINTED = ("miou", "pixel_accuracy", "gmacs", "params", "weights_mib", "latency_ms", "fps")
"""What a paper may have printed of a network.

``miou`` and ``pixel_accuracy`` are in 0..1, ``gmacs`` in 1e9 multiply-adds, ``params`` is a number
of weights, ``weights_mib`` their size as float32 in mebibytes, which some papers print as "M".
"""

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Published:
    """One line of a paper's table.

    ``dataset`` is that of the accuracy, with its split; empty where a line has none.
    ``size`` and ``counted_at`` are (height, width) in pixels of the input and of the graph whose
    multiply-adds are printed; ``device`` is what was timed on, ``protocol`` how figures were taken.
    ``figures`` has keys of ``PRINTED``, ``iou`` that of each class.
    """

    label: str
    source: str
    dataset: str
    figures: Mapping[str, float]
    size: Size | None = None
    counted_at: Size | None = None
    device: str | None = None
    protocol: str = ""
    iou: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        for name in self.figures:
            if name not in PRINTED:
                raise ValueError(
                    f"{self.source}, {self.label!r}: {unknown('figure', name, PRINTED)}"
                )
            _check_unit(f"{self.source}, {self.label!r}", name, self.figures[name])


def _check_unit(who: str, name: str, value: float) -> None:
    """ValueError for a figure that must be in another unit, as a percentage in place of a share."""
    if name in ("miou", "pixel_accuracy") and not 0 <= value <= 1:
        raise ValueError(f"{who}: {name} is a share from 0 to 1, and {value:g} is none")
    if name == "params" and 0 < value < 1000:
        raise ValueError(f"{who}: params is a number of weights, and {value:g} are too few")


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """A table of a paper by the name that commands know it by, as ``bisenetv2:3a``.

    ``notes`` say what must be known to read it. ``ours`` are our networks by the label of their
    rows, ``why`` says of some rows why the two differ. ``reference`` is the row from which the
    steps to the others are taken.
    """

    name: str
    title: str
    rows: tuple[Published, ...]
    notes: tuple[str, ...] = ()
    ours: Mapping[str, Architecture] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None

    def __post_init__(self) -> None:
        for label in (*self.ours, *self.why, *([self.reference] if self.reference else [])):
            self.row(label)

    def row(self, label: str) -> Published:
        """The line of a label; KeyError with the nearest known one."""
        for each in self.rows:
            if each.label == label:
                return each
        known = [each.label for each in self.rows]
        raise KeyError(unknown(f"row of {self.name}", label, known))


_known: dict[str, PaperTable] = {}


def register(table: PaperTable) -> PaperTable:
    """Makes a table known by its name; ValueError for a name already taken."""
    if table.name in _known:
        raise ValueError(f"table {table.name!r}: the name is taken")
    _known[table.name] = table
    return table


def get(name: str) -> PaperTable:
    """The table of a name; KeyError with the nearest known one."""
    if name not in _known:
        raise KeyError(unknown("table", name, names()))
    return _known[name]


def names() -> tuple[str, ...]:
    """All known tables, in the order in which they were registered."""
    return tuple(_known)
