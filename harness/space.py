"""Filling the holes of a study: one by one by asking, or all of them by enumeration."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any, cast

from harness.architecture import Architecture, Part
from harness.holes import Choice, Hole

Ask = Callable[[str, Hole], Any]
"""Answers the hole at a path such as ``fusion.ffm.reduction`` with one of its values."""


MOST_MADE = 4096
"""How many filled objects are remembered, so that many fillings can share them."""


@dataclass
class Shared:
    """What the fillings of one tree have in common: it must be held as long as this is.

    ``closed`` are the ids of objects in it that have no hole, and are left alone. ``made`` are
    the filled ones by the ids of what they were made of, which is held so that ids stay good.
    """

    closed: set[int]
    made: dict[tuple[int, ...], tuple[list[Any], Any]] = field(default_factory=dict)
    paths: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def once(self, tree: Any, inside: list[Any]) -> Any:
        """The object made of a tree and what fills it, the same one each time."""
        key = (id(tree), *map(id, inside))
        found = self.made.get(key)
        if found is None:
            if len(self.made) >= MOST_MADE:
                self.made.clear()
            found = self.made[key] = inside, _made(tree, inside)
        return found[1]

    def path(self, path: str, tree: Any, place: int) -> str:
        """The path of one of the things that a tree at a path is made of."""
        key = path, id(tree), place
        found = self.paths.get(key)
        if found is None:
            found = self.paths[key] = _path(path, tree, place)
        return found


def fill(tree: Any, ask: Ask, path: str = "", shared: Shared | None = None) -> Any:
    """Returns the tree with every hole answered by ``ask``, holes inside answers included.

    With ``shared``, answers must be values of the tree's choices, and what is filled alike is one
    object.
    """
    if shared and id(tree) in shared.closed:
        return tree
    if isinstance(tree, Choice):
        return fill(ask(path, tree), ask, path, shared)
    if isinstance(tree, Hole):
        return ask(path, tree)
    filled = _inside(tree)
    for i, each in enumerate(filled):
        if not (shared and id(each) in shared.closed):
            name = shared.path(path, tree, i) if shared else _path(path, tree, i)
            filled[i] = fill(each, ask, name, shared)
    if not filled:
        return tree
    if shared and not isinstance(tree, (Architecture, tuple)):  # hardly two of these are alike
        return shared.once(tree, filled)
    return _made(tree, filled)


def _inside(tree: Any) -> list[Any]:
    """What a tree is made of."""
    if isinstance(tree, Part):
        return [each for _, each in tree.options]
    if isinstance(tree, tuple):
        return list(tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        return [getattr(tree, name) for name in _names(tree)]
    return []


def _path(path: str, tree: Any, place: int) -> str:
    """The path of one of the things that a tree is made of."""
    if isinstance(tree, Part):
        return _dot(path, tree.name, tree.options[place][0])
    return f"{path}[{place}]" if isinstance(tree, tuple) else _dot(path, _names(tree)[place])


def _made(tree: Any, filled: list[Any]) -> Any:
    """A tree of the same shape, made of other things."""
    if isinstance(tree, Part):
        return Part(tree.name, **dict(zip(dict(tree.options), filled, strict=True)))
    if isinstance(tree, tuple):
        return tuple(filled)
    return replace(tree, **dict(zip(_names(tree), filled, strict=True)))


def _names(tree: Any) -> tuple[str, ...]:
    """The fields that a dataclass is made of."""
    return _fields(cast(Hashable, type(tree)))


@cache
def _fields(cls: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cls) if each.init)


def _close(tree: Any, closed: set[int]) -> bool:
    """Notes the objects of a tree that have no hole, alternatives included; whether it is one."""
    inside = tree.values if isinstance(tree, Choice) else _inside(tree)
    sound = [_close(each, closed) for each in inside]
    if not all(sound) or isinstance(tree, Hole):
        return False
    closed.add(id(tree))
    return True


def _dot(*names: str) -> str:
    return ".".join(name for name in names if name)


def holes(tree: Any) -> dict[str, Hole]:
    """The holes met when every choice takes its first value, by path."""
    found: dict[str, Hole] = {}

    def note(path: str, hole: Hole) -> Any:
        found[path] = hole
        return hole.values[0] if isinstance(hole, Choice) else getattr(hole, "low", None)

    fill(tree, note)
    return found


@dataclass
class _Walk:
    """One reading of the odometer whose digits are the choices met on the way."""

    start: list[int]
    digits: list[tuple[int, int]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def ask(self, path: str, hole: Hole) -> Any:
        if not isinstance(hole, Choice):
            raise ValueError(
                f"{path} is {hole}: a range has no last value; give the study a search"
            )
        place = len(self.digits)
        digit = self.start[place] if place < len(self.start) else 0
        self.digits.append((digit, len(hole.values)))
        self.answers[path] = hole.values[digit]
        return hole.values[digit]

    def next_start(self) -> list[int]:
        digits = list(self.digits)
        while digits and digits[-1][0] + 1 >= digits[-1][1]:
            digits.pop()
        return [digit for digit, _ in digits[:-1]] + [digits[-1][0] + 1] if digits else []


def fillings(tree: Any) -> Iterator[tuple[dict[str, str], Any]]:
    """Yields every filling as (answers by path, filled tree), in the order they are written.

    A hole inside an alternative is open only under that alternative. A range raises ValueError.
    """
    start: list[int] = []
    shared = Shared(closed=set())
    _close(tree, shared.closed)
    names: dict[int, str] = {}
    while True:
        walk = _Walk(start)
        filled = fill(tree, walk.ask, shared=shared)
        for value in walk.answers.values():
            if id(value) not in names:
                names[id(value)] = _name(value)
        yield {path: names[id(value)] for path, value in walk.answers.items()}, filled
        start = walk.next_start()
        if not start:
            return


def named(answers: dict[str, Any]) -> dict[str, str]:
    """Answers as rows and labels name them: a part with open options by its bare name."""
    return {path: _name(value) for path, value in answers.items()}


def _name(value: Any) -> str:
    if isinstance(value, Part):
        return value.name if holes(value) else str(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
