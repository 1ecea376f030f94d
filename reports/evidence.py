"""What a report says of the evidence behind its latencies: reasons for doubt, and receipts."""

from __future__ import annotations

from reports.columns import plain, quoted
from reports.phrases import some
from reports.verdict import Verdict

MOST_NAMED = 3
"""The most receipts that are named one by one."""


def headline_reasons(verdict: Verdict) -> str:
    """Why latencies may not stand in a headline; a reason that several share is said once."""
    if not verdict.kept.distinct("latency_headline_ok"):
        return ""
    columns = ("candidate", "latency_headline_ok", "latency_headline_reasons")
    judged = zip(*(verdict.kept.column(key) for key in columns), strict=True)
    everyone: dict[str, None] = {}
    names: dict[str, dict[str, None]] = {}
    for name, is_judged, reasons in judged:
        if is_judged is not None and name not in everyone:  # all its seeds have one latency
            everyone[name] = None
            for reason in reasons or ():
                names.setdefault(reason, {})[name] = None
    if not everyone:
        return ""
    if not names:
        return "Nothing that was looked for speaks against a headline of these latencies."
    told = [
        _capital(plain(reason))
        if len(who) == len(everyone)
        else f"{some(list(map(quoted, who)))}: {plain(reason)}"
        for reason, who in names.items()
    ]
    return f"These latencies are no headline figures. {'. '.join(told)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def receipts(verdict: Verdict) -> str:
    """Where the samples that latencies were made from lie."""
    several = [each for group in verdict.kept.distinct("latency_receipts") for each in group]
    found = dict.fromkeys(map(str, several + verdict.kept.distinct("latency_receipt")))
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
