"""The command verify: every figure of a receipt from its raw samples again, offline."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import Any

from rich.console import Console

from harness.measure.recheck import NO_RECEIPT, OTHER_SCHEMA, UNREAD, verify
from harness.terminal import Answer

SHOWN = 10
"""How many mismatches of a receipt are printed."""


def verified(options: Namespace) -> Answer:
    """What does not match in receipts; exit code 1 if anything does not."""
    found = [{"receipt": each, "mismatches": verify(each)} for each in options.receipts]
    is_wrong = any(each["mismatches"] for each in found)
    return Answer(record=found, show=partial(_show, found), code=int(is_wrong))


def _show(found: list[dict[str, Any]], console: Console) -> None:
    for each in found:
        wrong = each["mismatches"]
        only = f": {wrong[0]}" if len(wrong) == 1 else ""
        told = f"DOES NOT MATCH{only}" if wrong else "ok"
        if wrong and wrong[0].startswith((NO_RECEIPT, UNREAD, OTHER_SCHEMA)):
            told = wrong[0]
        console.print(f"{each['receipt']}: {told}", soft_wrap=True)
        for mismatch in wrong[:SHOWN] if len(wrong) > 1 else ():
            console.print(f"  {mismatch}", soft_wrap=True)
        if len(wrong) > SHOWN:
            console.print(f"  and {len(wrong) - SHOWN} more, with --json")
