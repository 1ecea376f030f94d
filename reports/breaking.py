"""Breaks names and headings into lines that are no wider than a column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reports.letters import composed, width

PIECE = 12.0
"""How wide a name without a place to break may be before it is broken all the same."""

_PIECES = re.compile(r"[^=.,/:;+_]+[=.,/:;+_]*|[=.,/:;+_]+")
"""What of a word stays on one line: up to and with the signs after which it may go on."""


def pieces(word: str, room: float = PIECE) -> list[str]:
    """A word in pieces that each stay on one line; letters keep their accents."""
    return [part for piece in _PIECES.findall(composed(word)) for part in _cut(piece, room)]


def _cut(piece: str, room: float) -> Iterator[str]:
    start = 0
    for end in range(1, len(piece)):
        if width(piece[start : end + 1]) > room:
            yield piece[start:end]
            start = end
    yield piece[start:]


def widest(texts: Sequence[str]) -> float:
    """How wide the widest of some texts is."""
    return max(map(width, texts), default=0.0)


def broken(heading: str, room: float, longest: float = PIECE) -> list[str]:
    """A heading in lines that are no wider than ``room``, as far as its words allow.

    A word that is wider than that and than ``longest`` is broken itself.
    """
    words = re.split(r"(?<!±) ", composed(heading))
    parts = [
        (" " * (not place), part) for each in words for place, part in _parts(each, room, longest)
    ]
    room = max(room, widest([part for _, part in parts]))
    lines = [parts[0][1]]
    for gap, part in parts[1:]:
        if width(f"{lines[-1]}{gap}{part}") <= room:
            lines[-1] += f"{gap}{part}"
        else:
            lines.append(part)
    return lines


def _parts(word: str, room: float, longest: float) -> Iterator[tuple[int, str]]:
    whole = width(word) <= max(room, longest)
    return enumerate([word] if whole or not word else pieces(word, max(room, longest)))
