"""A receipt: one JSON file with all that a measurement was made from, named by its own hash.

It holds raw samples, environment and evidence, and no path, name of a host or user, or secret.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from harness.measure.estimate import Burst
from harness.whole import write_whole

SCHEMA = 1
"""Raised when a receipt is to be read otherwise."""

MOST_BYTES = 16_000_000
"""A larger file is no receipt: one of twenty-four networks is below a million."""

COMMON_NAMES = ("root", "user", "admin", "ubuntu", "runner", "localhost")
"""Names of users and hosts that tell nothing, and that are ordinary words."""

Receipt = dict[str, Any]


def write(folder: str | Path, content: Mapping[str, Any]) -> str:
    """Seals content and keeps it; gives its id. ValueError for what JSON does not hold, as NaN."""
    return keep(folder, sealed(content))


def keep(folder: str | Path, receipt: Receipt) -> str:
    """Writes a sealed receipt into a folder, which is made, whole or not at all; gives its id.

    It is kept as it was sealed, perhaps on another machine, whose names are out of it already.
    """
    path = Path(folder) / f"{receipt['id']}.json"
    write_whole(path, json.dumps(receipt, indent=None, separators=(",", ":")) + "\n")
    return str(receipt["id"])


def read(path: str | Path) -> Receipt:
    """A receipt as it is written, whether or not it holds true.

    OSError if it cannot be read, ValueError for what is not JSON of an object.
    """
    file = Path(path)
    if file.exists() and not file.is_file():
        raise ValueError(f"{file.name} is no file")
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file.name} is too large for a receipt")
    try:
        found = json.loads(
            file.read_text(encoding="utf-8"),
            parse_constant=_refuse,
            object_pairs_hook=_once_each,
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is not JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise ValueError("its JSON is no object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are each there once: readers differ in which of two they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def sealed(content: Mapping[str, Any]) -> Receipt:
    """Content without what is private, with the schema, and with its id."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    receipt = {"schema": SCHEMA, **without_private(plain)}
    return {"id": id_of(receipt), **receipt}


def id_of(receipt: Mapping[str, Any]) -> str:
    """The sha256 of a receipt's canonical JSON, but for the id: sorted names, no spaces."""
    content = {name: value for name, value in receipt.items() if name != "id"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def as_lists(bursts: Sequence[Burst]) -> list[list[Any]]:
    """Bursts as JSON holds them: arm, figure, round, place, start, samples and CPU time in ns."""
    return [[*astuple(each)[:-2], list(each.samples_ns), each.cpu_ns] for each in bursts]


def as_bursts(lists: Sequence[Sequence[Any]]) -> tuple[Burst, ...]:
    """Bursts from their lists."""
    names = ("arm", "figure", "round", "place", "start_ns")
    return tuple(
        Burst(**dict(zip(names, head, strict=True)), samples_ns=tuple(samples), cpu_ns=cpu)
        for *head, samples, cpu in lists
    )


PATH = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?[/\\](?!proc/|sys/)(?:[\w.+@~-]+[/\\])+")
AUTHORITY = re.compile(r"://[^/\s'\"]+")
CARD = re.compile(r"\b(GPU|MIG)-[0-9a-fA-F-]{8,}")


def without_private(value: Any) -> Any:
    """Text in nested values without folders, hosts, users and the ids of cards.

    Of a path the file's name stays, of an address what is behind the host.
    """
    if isinstance(value, Mapping):
        found = {_public(str(name)): without_private(each) for name, each in value.items()}
        if len(found) != len(value):
            raise ValueError(f"without their folders, two of these are one: {', '.join(value)}")
        return found
    if isinstance(value, (list, tuple)):
        return [without_private(each) for each in value]
    return _public(value) if isinstance(value, str) else value


def _public(text: str) -> str:
    text = AUTHORITY.sub("://...", text)
    if len(Path.cwd().parts) > 1:
        text = text.replace(f"{Path.cwd()}{os.sep}", "")
    text = CARD.sub(lambda found: f"{found[1]}-{_hashed(found[0])}", text)
    text = PATH.sub(".../", text)
    for name in _names_of_here():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "...", text)
    return text


def _names_of_here() -> list[str]:
    """The names of this host and of its user, where they tell anything."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in many a container
        user = ""
    found = {user, platform.node(), platform.node().partition(".")[0]}
    names = (name for name in found if len(name) > 2 and name.lower() not in COMMON_NAMES)
    return sorted(names, key=len, reverse=True)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
