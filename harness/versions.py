"""The versions that must be the same wherever a study runs; sent as it is to nodes without us."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("twopath", "torch", "ray")


def versions() -> dict[str, str]:
    """The versions of Python and of what results depend on; "none" for what is not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def differing(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """What is not the same, each as ``torch 2.12 there, 2.13 here``."""
    return [
        f"{name} {theirs.get(name, 'none')} there, {each} here"
        for name, each in ours.items()
        if theirs.get(name) != each
    ]
