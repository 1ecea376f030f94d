"""Cuts names to some length, together, so that those that differ stay different."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count, takewhile

from reports.columns import shortened

_JOINTS = re.compile("( against | \N{MULTIPLICATION SIGN} | \N{MIDDLE DOT} )")
"""What a cut leaves whole: it says how the names on its sides belong together."""

FEWEST = 5
"""The letters of a part of a name below which the name is cut as one."""


def shortened_apart(names: Sequence[str], longest: Sequence[int], tail: int = 0) -> list[str]:
    """Names of at most so many letters each, where two are alike only if they were so before.

    A name is cut before its last ``tail`` letters; where that leaves several alike, elsewhere, so
    that where they differ is seen; where that leaves some alike, they are numbered.
    """
    limits: dict[str, int] = {}
    for name, most in zip(names, longest, strict=True):
        limits[name] = min(most, limits.get(name, most))
    found = {name: _cut(name, most, tail, None) for name, most in limits.items()}
    for way in (_first, _first, _last):
        for group in _alike(found):
            at = way(group)
            found |= {name: _cut(name, limits[name], tail, at(name)) for name in group}
    taken = set(found.values())
    for group in _alike(found):
        for name in group:
            found[name] = _numbered(name, limits[name], tail, taken)
            taken.add(found[name])
    return [found[name] for name in names]


def _alike(found: Mapping[str, str]) -> list[list[str]]:
    """The names that share a text with another."""
    groups: dict[str, list[str]] = {}
    for name, text in found.items():
        groups.setdefault(text, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _first(group: Sequence[str]) -> Callable[[str], int]:
    same = _in_common(group)
    return lambda name: min(same, len(name) - 1)


def _last(group: Sequence[str]) -> Callable[[str], int]:
    same = _in_common([name[::-1] for name in group])
    return lambda name: max(len(name) - same - 1, 0)


def _in_common(names: Sequence[str]) -> int:
    """How many letters all names begin with."""
    columns = zip(*names, strict=False)
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, columns))


def _numbered(name: str, longest: int, tail: int, taken: set[str]) -> str:
    texts = (
        f"{_cut(name, longest - len(mark), tail, None)}{mark}"
        for mark in (f" #{number}" for number in count(1))
    )
    return next(text for text in texts if text not in taken)


def _cut(name: str, longest: int, tail: int, at: int | None) -> str:
    """A name cut within the names it is joined of, where its letter ``at`` stays to be seen."""
    if len(name) <= longest:
        return name
    parts = _JOINTS.split(name)
    sizes = _shares([len(part) for part in parts[::2]], longest - sum(map(len, parts[1::2])))
    needs = [min(len(part), FEWEST) for part in parts[::2]]
    if any(size < least for size, least in zip(sizes, needs, strict=True)):
        return _seen(name, longest, tail, at)
    start = 0
    for place, part in enumerate(parts):
        if place % 2 == 0:
            within = at - start if at is not None and start <= at < start + len(part) else None
            parts[place] = _seen(part, sizes[place // 2], tail, within)
        start += len(part)
    return "".join(parts)


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """How many letters each part gets of some room: the short ones all, the others alike."""
    sizes = list(lengths)
    left, open_ = room, sorted(range(len(sizes)), key=lambda each: sizes[each])
    while open_:
        shortest, *rest = open_
        sizes[shortest] = min(sizes[shortest], max(left // len(open_), 0))
        left, open_ = left - sizes[shortest], rest
    return sizes


def _seen(name: str, longest: int, tail: int, at: int | None) -> str:
    """A name without joints cut so that its letter ``at`` is seen."""
    longest = max(longest, 1)
    tail = min(tail, (longest - 1) // 2)
    if len(name) <= longest or at is None or at < longest - 1 - tail or at >= len(name) - tail:
        return shortened(name, longest, tail)
    edge = max((longest - 2) // 4, 0)
    middle = max(longest - 2 - 2 * edge, 1)
    start = min(max(at - middle // 4, edge + 1), len(name) - edge - middle)
    end = name[len(name) - edge :]
    between = "" if start + middle >= len(name) - edge else "…"
    return f"{name[:edge]}…{name[start : start + middle]}{between}{end}"
