"""Writes reports again while their studies run, and does next to nothing while nothing changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from harness.ledger import Ledger, Progress, progress

LOOK_S = 2.0
"""How long to wait between two looks at the ledger."""

REST = 3.0
"""So many times as long as the last writing took is waited, so that most of a CPU stays free."""


def awaited(
    absent: Callable[[], str | None],
    say: Callable[[str], object],
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Waits until there is a ledger; whether there is, or else the waiting was interrupted.

    ``absent`` names its file as long as there is none.
    """
    try:
        if file := absent():
            say(f"no ledger at {file} yet; it is waited for, and Ctrl-C ends it")
        while absent():
            sleep(LOOK_S)
    except KeyboardInterrupt:
        return False
    return True


def watch(
    ledger: Ledger,
    names: Sequence[str],
    write: Callable[[str, Progress], None],
    sleep: Callable[[float], object] = time.sleep,
    say: Callable[[str], object] = lambda _: None,
) -> bool:
    """Calls ``write`` for each study that is new or has changed, until all are complete.

    Gives True then, False when interrupted. A study none of whose trials has ended is waited for,
    and so is one that is not in the ledger yet. ``say`` is told when no run holds a trial of one
    any more, and when one does again.
    """
    marks: dict[str, str] = {}
    found: dict[str, Progress] = {}
    states = {name: ["running"] for name in names}
    known: object = None
    try:
        while True:
            began, commits = time.monotonic(), ledger.commits()
            if commits is None or commits != known or not found:
                found, known = looked_at(ledger, names), commits
            for name, each in found.items():
                if each.num_ended and each.mark != marks.get(name):
                    write(name, each)
                    marks[name] = each.mark
            if len(found) == len(names) and all(e.state == "complete" for e in found.values()):
                return True
            _tell(found, states, say)
            sleep(max(LOOK_S, REST * (time.monotonic() - began)))
    except KeyboardInterrupt:
        return False


def looked_at(ledger: Ledger, names: Sequence[str]) -> dict[str, Progress]:
    """How far those studies have come that are in the ledger."""
    known = ledger.studies()
    return {name: progress(ledger, name) for name in names if name in known}


def _tell(
    found: Mapping[str, Progress], states: dict[str, list[str]], say: Callable[[str], object]
) -> None:
    """Says of each study whether a run is at it, where that is another thing than before.

    Only what two looks have seen: between two trials a run holds none for a moment.
    """
    for name, each in found.items():
        said, *before = states[name]
        state = each.state
        states[name] = [said, state]
        if before == [state] and state != said:
            states[name] = [state, state]
            if state == "stopped":
                say(f"{name}: no run holds a trial of it; {each.num_ended} of "
                    f"{each.num_planned} trials in")  # fmt: skip
            elif state == "running":
                say(f"{name}: a run is at it")
