"""Answers a misspelt name with the nearest known one, and a file that cannot be with its option."""

from __future__ import annotations

import difflib
import errno
import functools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

Record = TypeVar("Record")


def unknown(
    what: str, given: object, known: Iterable[object], *, listed_by: str | None = None
) -> str:
    """One line that says what was given, which known name is nearest, and all that are known.

    Of what a command lists, ``listed_by``, only how many there are.
    """
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if listed_by:
        return f"unknown {what} {given!r}.{hint} {listed_by} names all {len(names)}"
    return f"unknown {what} {given!r}.{hint} Known: {', '.join(names) or 'none'}"


def no_such_file(what: str, given: str) -> str:
    """One line that says which Python file is not there, and the one beside it of nearly its name.

    Folders are left out of the comparison: in one folder all paths are alike.
    """
    path = Path(given)
    stems = [each.stem for each in path.parent.glob("*.py")]
    near = difflib.get_close_matches(path.stem, stems, n=1, cutoff=0.6)
    hint = f" Did you mean {str(path.with_name(near[0] + '.py'))!r}?" if near else ""
    return f"there is no {what} {given!r}.{hint}"


@contextmanager
def named_by(option: str, folder: str | None = None) -> Iterator[None]:
    """Gives what the system says of a file the name of the option that named it.

    With ``folder`` only what it says of files in there, or of a folder on the way there. What has
    the name of an option keeps it.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is None or not _on_way(error.filename, folder):
            raise
        if str(error.filename).startswith("--"):  # one that lies in the folder, as may be
            raise
        raise OSError(error.errno, error.strerror, f"{option} {error.filename}") from error


def _on_way(file: object, folder: str | None) -> bool:
    if folder is None:
        return True
    one, other = Path(str(file)).absolute(), Path(folder).absolute()
    return one.is_relative_to(other) or other.is_relative_to(one)


def check_writable(folder: Path, option: str) -> None:
    """OSError, naming the option, for a folder that is none or in which nothing can be written.

    One that is not there yet must lie in one that is; nothing is made.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    wrong = 0 if there.is_dir() else errno.ENOTDIR
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        wrong = errno.EACCES
    if wrong:
        raise OSError(wrong, os.strerror(wrong), f"{option} {there}")


def known_fields(record: type[Record]) -> type[Record]:
    """Decorates a dataclass: a field that it does not have is a TypeError with the nearest."""
    names = [each.name for each in fields(record) if each.init]  # type: ignore[arg-type]
    original = record.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **given: Any) -> None:
        for name in given:
            if name not in names:
                raise TypeError(unknown(f"field of {record.__name__}", name, names))
        original(self, *args, **given)

    record.__init__ = init  # type: ignore[method-assign]
    return record
