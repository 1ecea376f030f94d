"""Files that are written whole or not at all, with an error that names them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk, or a share of it, that is full."""


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
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with naming(path):
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
    return list(folder.glob("*.partial"))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Gives an OSError the name of what was being written, where the system gives it none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def disk_of(path: str | Path) -> Path:
    """Where the disk is mounted that a file is on, or would be."""
    return next(each for each in Path(path).resolve().parents if each.is_mount())


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an exception says that a disk is full."""
    return isinstance(error, OSError) and error.errno in FULL
