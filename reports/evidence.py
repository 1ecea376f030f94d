"""What a report says of the evidence behind its latencies: reasons for doubt, and receipts."""

from __future__ import annotations

from reports.columns import plain
from reports.phrases import listed
from reports.verdict import Verdict

MOST_NAMED = 3
"""The most receipts that are named one by one."""


def headline_reasons(verdict: Verdict) -> str:
    """Why latencies may not stand in a headline; a reason that several share is said once."""
    judged = [trial for trial in verdict.kept if "latency_headline_ok" in trial]
    everyone = dict.fromkeys(plain(trial["candidate"]) for trial in judged)
    names: dict[str, dict[str, None]] = {}
    for trial in judged:
        for reason in trial.get("latency_headline_reasons") or ():
            names.setdefault(plain(reason), {})[plain(trial["candidate"])] = None
    if not judged:
        return ""
    if not names:
        return "Nothing that was looked for speaks against a headline of these latencies."
    told = [
        _capital(reason) if len(who) == len(everyone) else f"{listed(list(who))}: {reason}"
        for reason, who in names.items()
    ]
    return f"These latencies are no headline figures. {'. '.join(told)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def receipts(verdict: Verdict) -> str:
    """Where the samples that latencies were made from lie."""
    found = dict.fromkeys(
        str(trial["latency_receipt"]) for trial in verdict.kept if trial.get("latency_receipt")
    )
    if not found:
        return ""
    files = [f"{number}.json" for number in found]
    more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
    one = len(files) == 1
    return (
        f"Every sample of these latencies is in {'a receipt' if one else 'receipts'} in the folder "
        f"receipts, of which twopath verify makes all figures again: "
        f"{', '.join(files[:MOST_NAMED])}{more}."
    )
