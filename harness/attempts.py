"""Folders of the attempts at a trial: each writes its own, and may begin from an older one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from harness.training.checkpoint import remove, saved_files
from harness.training.select import BEST
from harness.whole import drafts, write_whole

CHECKPOINT = "checkpoint.pt"


def folder_of(trials: Path, key: str, attempt: int) -> Path:
    """The folder of an attempt at a trial, counted from 1, among those of all trials."""
    return trials / (key[:16] if attempt == 1 else f"{key[:16]}-{attempt}")


def earlier(trials: Path, key: str, attempt: int) -> tuple[Path, ...]:
    """The folders of the attempts before one, the newest first."""
    return tuple(folder_of(trials, key, each) for each in range(attempt - 1, 0, -1))


def take_up(folder: Path, before: tuple[Path, ...]) -> None:
    """Copies what the newest of some earlier attempts goes on from into a folder without it.

    Whoever made it may still be writing: each file is read whole under its name. The best weights
    come after the checkpoint, since they may be newer than it, but not older.
    """
    if saved_files(folder / CHECKPOINT):
        return
    for each in before:
        found = saved_files(each / CHECKPOINT)
        for file in [*found, each / BEST] if found else []:
            with contextlib.suppress(FileNotFoundError):  # it ended, or keeps no best
                write_whole(folder / file.name, file.read_bytes())
        if found:
            return


def forget(folders: tuple[Path, ...]) -> None:
    """Removes what attempts at a trial go on from, and folders that are empty then.

    What a process that was killed had begun to write goes too. An attempt that still writes there
    has no claim to the trial any more, and ends.
    """
    for folder in folders:
        remove(folder / CHECKPOINT)
        for file in (folder / BEST, *drafts(folder)):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
