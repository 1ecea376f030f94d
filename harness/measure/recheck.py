"""Checks receipts offline: their id, and every published figure, from the raw samples again.

Nobody signs a receipt. Whoever makes up the samples too can make up all the rest; what is checked
is that nothing in it was changed, and that all it says follows from its samples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.measure.estimate import Burst
from harness.measure.figured import SENTINEL, TWIN, controls_of, kept_of, ratios_of, rows_of
from harness.measure.finding import verdict
from harness.measure.headline import headline
from harness.measure.receipt import SCHEMA, Receipt, as_bursts, id_of, read

LONGEST_NS = 10**13
MOST_ROUNDS = 1_000
MOST_SAMPLES = 2_000_000
"""Bounds on what is recomputed: a receipt from a stranger must not take a machine down."""

CLOSE = 1e-9
"""The relative difference that another version of numpy may make; a tampered figure makes more."""


def verify(path: str | Path) -> list[str]:
    """What does not match in a receipt, a plain line each; nothing if all of it does.

    Nothing in the file is run or loaded as code; what is no receipt is told as such.
    """
    return [printable(each) for each in _found(path)]


def _found(path: str | Path) -> list[str]:
    try:
        receipt = read(path)
    except (OSError, ValueError) as error:
        return [_told(error)]
    if "schema" not in receipt:
        return [f"{NO_RECEIPT}: it has no 'schema'"]
    if receipt.get("schema") != SCHEMA or isinstance(receipt.get("schema"), bool):
        given = json.dumps(receipt["schema"])[:40]
        return [f"{OTHER_SCHEMA} {given}, and this twopath reads {SCHEMA}: use the one it is of"]
    missing = next((each for each in NEEDED if each not in receipt), None)
    if missing:
        return [f"it is malformed: it has no {missing!r}"]
    try:
        return list(_mismatches(receipt))
    except KeyError as error:
        return [f"it is malformed: {error} is missing in it"]
    except CANNOT_BE as error:
        told = f"{type(error).__name__}: {error}"
        return [f"it is malformed: something in it is not of the kind that it should be ({told})"]


NO_RECEIPT, UNREAD, OTHER_SCHEMA = "is no receipt", "it cannot be read", "is a receipt of schema"
"""How the line on a file begins that does not say that it is one, or could not be looked at."""

NEEDED = ("bursts", "rows", "figures", "protocol", "ratios", "evidence", "headlines")

CANNOT_BE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What going over a file raises that has other things in places than a receipt has."""


def printable(text: str, most: int = 300) -> str:
    """A stranger's text as one line that does nothing to a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:most])


def _told(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{UNREAD}: {error.strerror or error}"
    return f"{NO_RECEIPT}: {error}"


def _mismatches(receipt: Receipt) -> Iterator[str]:
    if receipt.get("id") != id_of(receipt):
        yield f"id {str(receipt.get('id'))[:12]} is not that of the content, {id_of(receipt)[:12]}"
    bursts, names = _sound_bursts(receipt), list(receipt["rows"])
    figures = list(receipt["figures"])
    rows, facts = receipt["rows"], receipt["protocol"]
    again, kept = rows_of(bursts, names, figures), kept_of(rows)
    contended, clock = facts.get("latency_contended") is True, facts["latency_ratio_by"]
    controls = controls_of(bursts, figures[0], names, kept, contended=contended)
    yield from differing(facts, controls, "protocol")
    for name in names:
        yield from differing(rows[name], facts | again[name], f"rows.{name}")
    ratios = ratios_of(bursts, names, figures, kept, clock)
    yield from differing(receipt["ratios"], ratios, "ratios")
    yield from _miscounted(receipt)
    yield from _misjudged(receipt, names)


def _miscounted(receipt: Receipt) -> Iterator[str]:
    """Counts that do not fit one another, or what else the receipt says of their networks.

    That they are those of the network can be seen only by counting it again.
    """
    for name, counts in receipt.get("counts", {}).items():
        model = receipt.get("models", {}).get(name, {})
        size = receipt["protocol"].get("latency_size")
        for key, wanted in _as_counted(counts, model, size):
            given = counts.get(key, MISSING)
            if not same(given, wanted):
                told = f"{str(given)[:60]}, and the rest of the receipt gives {str(wanted)[:60]}"
                yield f"counts.{name}.{key} is {told}"


def _as_counted(counts: Mapping[str, Any], model: Mapping[str, Any], size: Any) -> Iterator[Any]:
    """What some counts must be, by name."""
    if "cost_size" in counts and size is not None:
        yield "cost_size", size
    if "elementwise_flops" in counts:
        yield "gflops", 2 * counts["gmacs_conv"] + counts["elementwise_flops"] / 1e9
    if "gmacs_conv" in counts:  # which are some of all
        yield "gmacs", max(counts["gmacs"], counts["gmacs_conv"])
    if "unfused_by_class" in counts:
        yield "unfused_bytes", sum(counts["unfused_by_class"].values())
    if "unknown_ops" in counts:
        yield "count", "incomplete" if counts["unknown_ops"] else "complete"
    is_same_graph = "folded" in model.get("transforms", ()) and "equivalence" not in model
    if "params" in counts and is_same_graph and counts.get("folded", True):
        yield "params", model["params"]


def _misjudged(receipt: Receipt, names: Sequence[str]) -> Iterator[str]:
    """Verdicts that do not follow from what the receipt says of machine and candidates."""
    evidence = receipt["evidence"]
    if evidence:
        told, found = evidence.get("reasons", ["nobody looked"]), evidence.get("findings", [])
        follows = verdict(len(found), len(told) - len(found))
        yield from differing(evidence, {"verdict": follows}, "evidence")
        yield from differing(receipt["protocol"], {"latency_verdict": follows}, "protocol")
    judged = {name: headline(receipt, name) for name in names}
    yield from differing(receipt["headlines"], judged, "headlines")
    is_ok = all(each["headline_ok"] for each in judged.values())
    yield from differing(receipt, {"headline_ok": is_ok}, "receipt")


def _sound_bursts(receipt: Receipt) -> tuple[Burst, ...]:
    """The raw bursts; ValueError for samples that no clock gave."""
    bursts = as_bursts(receipt["bursts"])
    samples = [ns for burst in bursts for ns in burst.samples_ns]
    if not samples or len(samples) > MOST_SAMPLES or not all(b.samples_ns for b in bursts):
        raise ValueError(f"there are {len(samples)} samples in {len(bursts)} bursts")
    for ns in samples:
        if type(ns) is not int or not 0 < ns < LONGEST_NS:
            raise ValueError(f"a sample of {str(ns)[:40]} ns")
    for burst in bursts:
        if burst.cpu_ns is not None and not (
            type(burst.cpu_ns) is int and 0 < burst.cpu_ns < LONGEST_NS
        ):
            raise ValueError(f"a CPU time of {str(burst.cpu_ns)[:40]} ns")
        if type(burst.round) is not int or not 0 <= burst.round < MOST_ROUNDS:
            raise ValueError(f"round {str(burst.round)[:40]}")
    unknown = {burst.arm for burst in bursts} - {*receipt["rows"], TWIN, SENTINEL}
    if unknown:
        raise ValueError(f"bursts of {sorted(map(str, unknown))[0][:80]!r}, which has no row")
    return bursts


def differing(given: Any, wanted: Any, where: str) -> Iterator[str]:
    """Where what is published is not what the samples give; published may hold more."""
    if isinstance(wanted, Mapping):
        for name, value in wanted.items():
            yield from differing(given.get(name, MISSING), value, f"{where}.{name}")
    elif isinstance(wanted, list):
        if not isinstance(given, list) or len(given) != len(wanted):
            yield f"{where} is not the list that the samples give"
            return
        for number, pair in enumerate(zip(given, wanted, strict=True)):
            yield from differing(*pair, f"{where}[{number}]")
    elif not same(given, wanted):
        yield f"{where} is {str(given)[:60]}, and from the rest follows {str(wanted)[:60]}"


MISSING = "missing"


def same(given: Any, wanted: Any) -> bool:
    """Whether two plain values are the same, numbers but for rounding."""
    if isinstance(wanted, bool) or isinstance(given, bool) or not isinstance(wanted, (int, float)):
        return bool(given == wanted) and type(given) is type(wanted)
    if not isinstance(given, (int, float)):
        return False
    return math.isclose(given, wanted, rel_tol=CLOSE, abs_tol=1e-12)
