"""Files that are written whole or not at all, with an error that names them."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk, or a share of it, that is full."""

PARTIAL = ".partial"

LONGEST_NAME = 255
"""The bytes that file systems allow a name."""


def write_whole(
    path: Path,
    payload: bytes | str | Iterable[str],
    *,
    before: Callable[[], object] = lambda: None,
    lasting: bool = True,
) -> None:
    """Writes beside a file, on the disk itself, and then gives what was written its name.

    Whatever breaks this off, the file is as it was. Text may come in pieces. ``before`` is called
    when all but the new name is done. What can be made anew need not be ``lasting``: then a
    machine that loses its power may lose it. OSError names the file.
    """
    pieces = [payload] if isinstance(payload, (bytes, str)) else payload
    beside = _draft_of(path)
    with naming(path, beside):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                for piece in pieces:
                    file.write(piece.encode() if isinstance(piece, str) else piece)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            before()
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def drafts(folder: Path) -> list[Path]:
    """What is being written in a folder, or was when its process was killed."""
    return list(folder.glob(f"*{PARTIAL}"))


def _draft_of(path: Path) -> Path:
    """A name of its own for each writing: threads, and containers, may share a process's number."""
    ending = f".{secrets.token_hex(4)}{PARTIAL}"
    start = os.fsencode(path.name)[: LONGEST_NAME - len(ending)].decode(errors="ignore")
    return path.with_name(start + ending)


@contextmanager
def naming(path: Path, draft: Path | None = None) -> Iterator[None]:
    """Gives an OSError the name of what was being written, where the system gives it none.

    So too where the system names the ``draft``, which nobody asked for.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, draft and str(draft)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def disk_of(path: str | Path) -> Path:
    """Where the disk is mounted that a file is on, or would be."""
    here = Path(path).resolve()
    return next(each for each in (here, *here.parents) if each.is_mount())


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an exception says that a disk is full."""
    return isinstance(error, OSError) and error.errno in FULL
