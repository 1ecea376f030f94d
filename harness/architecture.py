"""An architecture is named parts; a search space is an architecture with holes in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from harness.holes import Choice, Hole, choice
from harness.notebook import html_table

KINDS = ("detail", "semantic", "context", "fusion", "head", "aux_heads")
"""The six named parts of a two-path network, in the order an image meets them."""

SCRATCH = "scratch"
"""The option of a part, and the entry of a row, for weights that are drawn, not loaded."""


def _frozen_option(name: str, key: str, value: Any) -> Any:
    """Gives an option as a hashable value; TypeError for what could not be stored in a row."""
    if isinstance(value, (list, tuple)):
        return tuple(_frozen_option(name, key, item) for item in value)
    if value is None or isinstance(value, (bool, int, float, str, Hole, Part)):
        return value
    raise TypeError(
        f"option {key!r} of part {name!r} is a {type(value).__name__}; "
        "options are numbers, strings, booleans, None, or tuples of those"
    )


@dataclass(frozen=True, init=False)
class Part:
    """One component by its registered name, with the options that differ from its defaults.

    ``Part("seg", width=64)``. An option may be a hole: ``width=choice(64, 128)``.
    """

    name: str
    options: tuple[tuple[str, Any], ...]

    def __init__(self, name: str, /, **options: Any) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"a part is named by a non-empty string, not {name!r}")
        frozen = {key: _frozen_option(name, key, value) for key, value in options.items()}
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "options", tuple(sorted(frozen.items())))

    def replace(self, **options: Any) -> Part:
        """Returns the part with some options changed."""
        return Part(self.name, **{**dict(self.options), **options})

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.options)})"

    def __repr__(self) -> str:
        inside = "".join(f", {key}={value!r}" for key, value in self.options)
        return f"Part({self.name!r}{inside})"

    def _repr_html_(self) -> str:
        return html_table(("", ""), self.options, title=self.name)


def as_slot(value: Any, kind: str) -> Part | Choice:
    """Turns what a user wrote for one part into a Part, or a choice of Parts."""
    if isinstance(value, str):
        return Part(value)
    if isinstance(value, Part):
        return value
    if isinstance(value, Choice):
        return choice(*(as_slot(item, kind) for item in value.values))
    raise TypeError(
        f"{kind} is a {type(value).__name__}; it must be a part's name, "
        "a Part(name, option=...), or a choice(...) of those"
    )


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A two-path network as six named parts, each a name, a Part, or a choice of those.

    ``detail="none"`` or ``semantic="none"`` leaves one path alone (BiSeNet V2, Table 2, rows 1
    and 2); ``fusion`` must then be ``"none"`` too.
    """

    detail: Any
    semantic: Any
    context: Any = "none"
    fusion: Any = "none"
    head: Any = "seg"
    aux_heads: Any = "none"

    def __post_init__(self) -> None:
        for field in fields(self):
            slot = as_slot(getattr(self, field.name), field.name)
            object.__setattr__(self, field.name, slot)

    def parts(self) -> dict[str, Part]:
        """The six parts by kind; ValueError while a hole is open."""
        slots = {kind: getattr(self, kind) for kind in KINDS}
        for kind, slot in slots.items():
            if not isinstance(slot, Part):
                raise ValueError(f"{kind} is still open: {slot}")
        return slots

    def _repr_html_(self) -> str:
        return html_table(("part", ""), [(kind, getattr(self, kind)) for kind in KINDS])
