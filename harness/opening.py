"""Opens the ledger that a command names, and says what lies where; needs nothing to train."""

from __future__ import annotations

import hashlib
import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError

from harness.ledger import Ledger, open_ledger, shown
from harness.mistakes import one_line

INDEX = "index.html"
"""The page of the board, which lies beside the reports."""


@contextmanager
def opened(options: Namespace, *, make: bool = False) -> Iterator[Ledger]:
    """The ledger that the options name; OSError when its database refuses something."""
    try:
        yield open_ledger(options.runs, options.ledger, make=make)
    except IntegrityError:  # which only a mistake of ours can bring about
        raise
    except DBAPIError as error:
        where = shown(options.ledger or Path(options.runs) / "ledger.db")
        why = one_line(error.orig or error)
        raise OSError(f"the ledger {where} could not go on: {why}") from error


def confirmation_name(name: str) -> str:
    """What the confirmation of a study is called in the ledger."""
    return f"{name} (confirmation)"


def folder_name(name: str) -> str:
    """A study's name as a folder of its own, whatever is in it and however long it is.

    A name that cannot be one as it stands has a number behind it: two names never share a folder.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100]
    if safe == name and name != INDEX:
        return name
    return f"{safe or 'study'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
