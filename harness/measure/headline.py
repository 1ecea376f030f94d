"""Says whether a latency may stand in a headline, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.measure.finding import PROVEN, UNPROVEN, VIOLATED

Record = Mapping[str, Any]


def headline(receipt: Record, name: str) -> dict[str, Any]:
    """Whether one candidate's figures may be a headline, with the reasons when not.

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
    if facts.get("latency_twin") not in (None, "not distinguishable"):
        yield f"a network was found {facts['latency_twin']} than its own copy"
    if (receipt.get("identity") or {}).get("git_dirty"):
        yield "the code had changes that are in no commit"


def of_candidate(receipt: Record, name: str) -> Iterator[str]:
    """Whether what was timed is sound, and was warm."""
    row = receipt["rows"][name]
    if row.get("latency_steady") is False:
        yield "it was not steady when the clock started"
    if row.get("latency_low_ms") is None:
        yield "there are too few rounds for an interval"
    for each in (receipt.get("models", {}).get(name) or {}).get("findings", ()):
        yield f"{each['name']} at {each['where']}: {each['told']}"
