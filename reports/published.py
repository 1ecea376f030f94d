"""What papers printed, read from a study and set as a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.papers import Published
from reports.columns import FIGURES, MISSING, is_missing, plain
from reports.phrases import listed

Cell = Callable[[Published], str]


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """Headings and one line a published row; ``numeric`` says which columns are set flush right.

    ``notes`` say how figures were taken.
    """

    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def published(study: Mapping[str, Any]) -> tuple[Published, ...]:
    """The rows of papers that a study is shown beside; none for one stored before it had any."""
    return tuple(_row(each) for each in study.get("published") or ())


def _row(record: Mapping[str, Any]) -> Published:
    sizes = {key: tuple(record[key]) for key in ("size", "counted_at") if record.get(key)}
    return Published(**{**record, **sizes})


def figure_of(row: Published, key: str) -> float | None:
    """A printed figure, or the milliseconds of an image by the printed FPS; None without one."""
    fps = row.figures.get("fps")
    if key == "latency_ms" and key not in row.figures and fps:
        return 1000 / fps
    value = row.figures.get(key)
    return None if is_missing(value) else value


def size_text(size: tuple[int, int] | None) -> str:
    """Height and width as rows have them, "" where a paper does not say."""
    return f"{size[0]}x{size[1]}" if size else ""


_TEXTS: Mapping[str, Cell] = {
    "published": lambda row: plain(row.label),
    "source": lambda row: plain(row.source),
    "data set": lambda row: plain(row.dataset),
    "input (HxW)": lambda row: size_text(row.size),
    "device": lambda row: plain(row.device or ""),
}
_ALWAYS = ("miou", "gmacs", "latency_ms")
_BESIDES = {"gmacs": "counted at", "latency_ms": "FPS"}
"""What stands in brackets behind a figure."""


def published_table(rows: Sequence[Published]) -> PublishedTable:
    """The rows as printed, in the units of the measured ones; figures nobody printed left out."""
    keys = [
        key
        for key in FIGURES
        if key in _ALWAYS or any(figure_of(row, key) is not None for row in rows)
    ]
    return PublishedTable(
        headings=(*_TEXTS, *map(_heading, keys)),
        numeric=(*[False] * len(_TEXTS), *[True] * len(keys)),
        lines=tuple(
            (*(text(row) or MISSING for text in _TEXTS.values()), *(_figure(row, k) for k in keys))
            for row in rows
        ),
        notes=tuple(_notes(rows)),
    )


def _heading(key: str) -> str:
    beside = f" [{_BESIDES[key]}]" if key in _BESIDES else ""
    return f"{FIGURES[key].heading}{beside}"


def _figure(row: Published, key: str) -> str:
    value = FIGURES[key].number(figure_of(row, key))
    if value is None:
        return MISSING
    # As many digits as the paper printed; milliseconds that we divided out have few.
    printed = f"{value:.6g}" if key in row.figures else f"{value:.{2 if value < 100 else 0}f}"
    beside = {"gmacs": size_text(row.counted_at), "latency_ms": _fps(row)}.get(key)
    return f"{printed} [{beside}]" if beside else printed


def _fps(row: Published) -> str:
    fps = row.figures.get("fps")
    return "" if is_missing(fps) else f"{fps:.6g}"


def _notes(rows: Sequence[Published]) -> Iterable[str]:
    """Each protocol and each note once, with whom it is of."""
    said: dict[str, list[Published]] = {}
    for row in rows:
        for text in filter(None, (row.protocol, row.note)):
            said.setdefault(plain(text).rstrip("."), []).append(row)
    for text, of in said.items():
        yield f"{'; '.join(_whom(of, rows))}: {text}."


def _whom(some: Sequence[Published], rows: Sequence[Published]) -> Iterable[str]:
    """The source alone where all of its rows are meant, else their labels too."""
    for source in dict.fromkeys(row.source for row in some):
        meant = [row for row in some if row.source == source]
        whole = len(meant) == sum(row.source == source for row in rows)
        labels = listed(list(dict.fromkeys(plain(row.label) for row in meant)))
        yield plain(source) if whole else f"{labels} ({plain(source)})"
