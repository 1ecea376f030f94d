"""Writes reports again while their studies run, and does next to nothing while nothing changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.ledger import Ledger, Progress, progress

LOOK_S = 2.0
"""How long to wait between two looks at the ledger."""

REST = 3.0
"""So many times as long as the last writing took is waited, so that most of a CPU stays free."""


def watch(
    ledger: Ledger,
    names: Sequence[str],
    write: Callable[[str, Progress], None],
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Calls ``write`` for each study that is new or has changed, until all are complete.

    Gives True then, False when interrupted. A study none of whose trials has ended is waited for.
    """
    marks: dict[str, str] = {}
    known: int | None = None
    try:
        while True:
            began, commits = time.monotonic(), ledger.commits()
            found: dict[str, Progress] = {}
            if commits is None or commits != known or not marks:
                found = {name: progress(ledger, name) for name in names}
                known = commits
            for name, each in found.items():
                if each.num_ended and each.mark != marks.get(name):
                    write(name, each)
                    marks[name] = each.mark
            if found and all(each.state == "complete" for each in found.values()):
                return True
            sleep(max(LOOK_S, REST * (time.monotonic() - began)))
    except KeyboardInterrupt:
        return False
