"""Says whether a latency may stand in a headline, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.measure.finding import PROVEN, UNPROVEN, VIOLATED

Record = Mapping[str, Any]

FRESH_PROCESSES = 5
"""How many a headline takes: where memory lies and which algorithms are chosen differ between them,
and hang together within each."""

ONE_PROCESS = f"it was timed in one process, and a headline takes {FRESH_PROCESSES} fresh ones"
TOO_FEW = "there are too few rounds for an interval"


def of_processes(number: int) -> Iterator[str]:
    """Whether enough fresh processes stand behind a figure; a receipt is of one alone."""
    if number == 1:
        yield ONE_PROCESS
    elif number < FRESH_PROCESSES:
        yield ONE_PROCESS.replace("one process", f"{number} processes")


def of_twin(answer: str | None) -> Iterator[str]:
    """Whether the first network was told apart from its own copy."""
    if answer in ("faster", "slower"):
        yield f"a network was found {answer} than its own copy"


OF_ONE_PROCESS = (ONE_PROCESS, TOO_FEW, *of_twin("faster"), *of_twin("slower"))
"""What speaks against a figure of one process, and says nothing of one made of several."""


def headline(receipt: Record, name: str) -> dict[str, Any]:
    """Whether one candidate's session speaks against a headline, with the reasons if it does.

    That a headline takes several processes, and so several receipts, is ``of_processes``.
    ``ratios_only`` says that even its milliseconds mean nothing: others used the machine.
    """
    reasons = [*of_machine(receipt), *of_session(receipt), *of_candidate(receipt, name)]
    is_violated = (receipt.get("evidence") or {}).get("verdict") == VIOLATED
    return {"headline_ok": not reasons, "ratios_only": is_violated, "reasons": reasons}


def of_machine(receipt: Record) -> Iterator[str]:
    """Whether the machine was shared, or may have been."""
    evidence = receipt.get("evidence") or {}
    verdict = evidence.get("verdict", UNPROVEN)
    if verdict != PROVEN:
        seen = "; ".join(evidence.get("reasons") or ["nobody looked"])
        yield f"exclusive use of the machine is {verdict}: {seen}"


def of_session(receipt: Record) -> Iterator[str]:
    """Whether the rounds say enough, and the code is known."""
    facts = receipt["protocol"]
    if facts.get("latency_ended") != "precise":
        why = {"rounds": "no more were asked for", "time": "time was up"}
        ended = str(facts.get("latency_ended"))
        yield f"the rounds ended before the intervals were narrow: {why.get(ended, ended)}"
    yield from of_twin(facts.get("latency_twin"))
    if (receipt.get("identity") or {}).get("git_dirty"):
        yield "the code had changes that are in no commit"


def of_candidate(receipt: Record, name: str) -> Iterator[str]:
    """Whether what was timed is sound, and was warm."""
    row = receipt["rows"][name]
    if row.get("latency_steady") is False:
        yield "it was not steady when the clock started"
    if row.get("latency_low_ms") is None:
        yield TOO_FEW
    for each in (receipt.get("models", {}).get(name) or {}).get("findings", ()):
        yield f"{each['name']} at {each['where']}: {each['told']}"
