"""Filling the holes of a study: one by one by asking, or all of them by enumeration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from harness.architecture import Part
from harness.holes import Choice, Hole

Ask = Callable[[str, Hole], Any]
"""Answers the hole at a path such as ``fusion.ffm.reduction`` with one of its values."""


def fill(tree: Any, ask: Ask, path: str = "", closed: Set[int] = frozenset()) -> Any:
    """Returns the tree with every hole answered by ``ask``, holes inside answers included.

    ``closed`` are the ids of objects in it that are known to have no hole, and are left alone.
    """
    if id(tree) in closed:
        return tree
    if isinstance(tree, Choice):
        return fill(ask(path, tree), ask, path, closed)
    if isinstance(tree, Hole):
        return ask(path, tree)
    if isinstance(tree, Part):
        inside = {k: fill(v, ask, _dot(path, tree.name, k), closed) for k, v in tree.options}
        return Part(tree.name, **inside)
    if is_dataclass(tree) and not isinstance(tree, type):
        names = [each.name for each in fields(tree) if each.init]
        return replace(
            tree, **{n: fill(getattr(tree, n), ask, _dot(path, n), closed) for n in names}
        )
    if isinstance(tree, tuple):
        return tuple(fill(each, ask, f"{path}[{i}]", closed) for i, each in enumerate(tree))
    return tree


def _close(tree: Any, closed: set[int]) -> bool:
    """Notes the objects of a tree that have no hole, alternatives included; whether it is one."""
    if isinstance(tree, Part):
        inside: list[Any] = [value for _, value in tree.options]
    elif isinstance(tree, Choice):
        inside = list(tree.values)
    elif is_dataclass(tree) and not isinstance(tree, type):
        inside = [getattr(tree, each.name) for each in fields(tree) if each.init]
    else:
        inside = list(tree) if isinstance(tree, tuple) else []
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
    closed: set[int] = set()  # ids stay good while the tree is held here
    _close(tree, closed)
    names: dict[int, str] = {}
    while True:
        walk = _Walk(start)
        filled = fill(tree, walk.ask, closed=closed)
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
