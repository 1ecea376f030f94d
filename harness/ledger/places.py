"""Where a ledger lies: at a URL, or in a folder of runs."""

from __future__ import annotations

from pathlib import Path

from harness.ledger.database import shown
from harness.ledger.ledger import Ledger


def open_ledger(runs: str | Path, url: str | None = None, *, make: bool = False) -> Ledger:
    """The ledger at a URL, or the one in a folder of runs.

    FileNotFoundError for a folder without one, unless it is to ``make``; one that is not, is read
    also where it cannot be written.
    """
    file = None if make else absent(runs, url)
    if file:
        raise FileNotFoundError(f"no ledger at {file}; run a study first, or say --runs FOLDER")
    return Ledger(url or Path(runs) / "ledger.db", must_write=make)


def absent(runs: str | Path, url: str | None = None) -> str | None:
    """The file that a ledger would be, where there is none yet; None for one on a server."""
    file = str(url or Path(runs) / "ledger.db").removeprefix("sqlite:///")
    return None if "://" in file or Path(file).is_file() else shown(file)
