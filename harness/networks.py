"""Names for whole architectures, so that a command line can say ``bisenetv2``."""

from __future__ import annotations

from harness.architecture import Architecture
from harness.names import unknown
from harness.space import holes

_known: dict[str, Architecture] = {}


def register(name: str, architecture: Architecture) -> None:
    """Gives an architecture a name.

    TypeError for what is no Architecture, ValueError for a name already taken or an architecture
    with open places.
    """
    if not isinstance(architecture, Architecture):
        raise TypeError(
            f"network {name!r} is a {type(architecture).__name__}; it must be an Architecture"
        )
    if name in _known:
        raise ValueError(f"network {name!r}: the name is taken")
    if still_open := holes(architecture):
        raise ValueError(f"network {name!r} is still open at {', '.join(still_open)}")
    _known[name] = architecture


def get(name: str) -> Architecture:
    """The architecture of a name; KeyError with the nearest known one."""
    if name not in _known:
        raise KeyError(unknown("network", name, names()))
    return _known[name]


def names() -> tuple[str, ...]:
    """All registered names, sorted."""
    return tuple(sorted(_known))
