"""A static sweep: what every architecture of a space costs, with no data and no training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.architecture import Architecture
from harness.keys import key_of
from harness.ledger import Ledger
from harness.measure.by_part import ByPart
from harness.measure.candidates import MAX_TOGETHER, Order, latencies_of, timing_device
from harness.measure.cost import COST_PROTOCOL
from harness.measure.estimate import ratio_of_rows
from harness.measure.latency import LATENCY_PROTOCOL
from harness.measure.receipt import keep
from harness.measure.static import TOOL
from harness.mistakes import one_line
from harness.plan import Candidate, candidates, resolve, source_of
from harness.study import Recipe, Study, Timing

Row = dict[str, Any]
Report = Callable[[int, int], None]

CHUNK = 16
"""Architectures that are counted before they are stored, so that a crash costs a second or two."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """For how many classes, and at what (height, width) in pixels, a space is swept.

    The receipts of latencies go into the folder ``receipts``, and name ``command``.
    """

    num_classes: int
    size: tuple[int, int]
    plugins: tuple[str, ...] = ()
    receipts: Path = Path("runs") / "receipts"
    command: str = "twopath sweep"


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One architecture of a space, with the key of its cost."""

    candidate: Candidate
    key: str


def architectures_of(study: Study, setting: Setting) -> list[Swept]:
    """Every architecture of a study's space, once each; its recipe and search are left aside.

    ValueError for a range, which has no last value.
    """
    return [
        Swept(candidate=each, key=_key(each.architecture, setting))
        for each in candidates(replace(study, recipe=Recipe(), search=None))
    ]


def _key(architecture: Architecture, setting: Setting) -> str:
    return key_of(
        what="static cost",
        protocol=COST_PROTOCOL,
        tool=TOOL,
        architecture=resolve(architecture),
        source=source_of(architecture),
        num_classes=setting.num_classes,
        size=setting.size,
    )


def count_all(
    swept: Iterable[Swept], ledger: Ledger, setting: Setting, report: Report
) -> dict[str, Row]:
    """The costs of architectures by key; those that the ledger has are not counted again.

    A row of an architecture that cannot be built has ``impossible``, the reason, and no figures.
    Rows are stored as they come, so that what was interrupted goes on where it was.
    """
    wanted = {each.key: each.candidate.architecture for each in swept}
    found = ledger.measurements(wanted)
    missing = {key: wanted[key] for key in wanted if key not in found}
    for rows in _counted(missing, setting):
        ledger.put_measurements(rows)
        found |= rows
        report(len(found), len(wanted))
    return found


def _counted(missing: Mapping[str, Architecture], setting: Setting) -> Iterator[dict[str, Row]]:
    """The rows of what is missing, chunk by chunk."""
    counter = ByPart(setting.num_classes, setting.size)
    keys = list(missing)
    for start in range(0, len(keys), CHUNK):
        yield {key: _count(missing[key], counter) for key in keys[start : start + CHUNK]}


def _count(architecture: Architecture, counter: ByPart) -> Row:
    try:
        return counter.count(architecture).record()
    except Exception as error:  # a part of a stranger's may raise anything
        return {"impossible": one_line(error)[:300]}


def time_all(
    swept: Iterable[Swept], ledger: Ledger, setting: Setting, timing: Timing, report: Report
) -> dict[str, Row]:
    """The latencies of architectures by the key of their cost, timed in groups.

    The first architecture is timed again with every group: ``latency_ratio`` is to its latency in
    the same group, and stays comparable where a drift of the machine makes milliseconds not so.
    Groups that the ledger has are not timed again.
    """
    every = {each.key: each.candidate.architecture for each in swept}
    device = timing_device(timing, setting.plugins)
    latency_keys = {
        key: key_of(
            what="static latency",
            protocol=LATENCY_PROTOCOL,
            timing=timing,
            device=device,
            cost=key,
            reference=next(iter(every)),
        )
        for key in every
    }
    stored = ledger.measurements(latency_keys.values())
    found = {key: stored[latency_keys[key]] for key in every if latency_keys[key] in stored}
    for group in _groups(every, found):
        timed = _timed(group, setting, timing)
        rows = {key: row for key, row in timed.items() if key not in found}
        sound = [key for key in rows if "latency_error" not in rows[key]]
        ledger.put_measurements({latency_keys[key]: rows[key] for key in sound})
        found |= rows
        report(len(found), len(every))
    return found


def _groups(
    every: Mapping[str, Architecture], found: Mapping[str, Row]
) -> Iterator[dict[str, Architecture]]:
    """What has no latency yet, in groups that fit in memory, the reference in each."""
    reference, *others = every
    missing = [key for key in others if key not in found]
    if not missing and reference not in found:
        yield {reference: every[reference]}
    for start in range(0, len(missing), MAX_TOGETHER - 1):
        yield {key: every[key] for key in (reference, *missing[start : start + MAX_TOGETHER - 1])}


def _timed(group: Mapping[str, Architecture], setting: Setting, timing: Timing) -> dict[str, Row]:
    order = Order(
        given=group,
        num_classes=setting.num_classes,
        timing=timing,
        size=setting.size,
        plugins=setting.plugins,
        command=setting.command,
    )
    timed = latencies_of(order)
    for receipt in timed.receipts:
        keep(setting.receipts, receipt)
    rows = timed.rows
    first = rows[next(iter(group))]
    for row in rows.values():
        found = ratio_of_rows(row, first, len(rows) - 1)
        if found:
            row |= {"latency_ratio": found.value, "latency_told": found.answer}
            row |= {"latency_ratio_low": found.low, "latency_ratio_high": found.high}
    return rows


def swept_rows(
    swept: Iterable[Swept], costs: Mapping[str, Row], latencies: Mapping[str, Row]
) -> list[Row]:
    """One flat row an architecture: its label, its factors, its parts and its figures."""
    return [
        {
            "candidate": each.candidate.label,
            "factors": each.candidate.factors,
            **{kind: str(part) for kind, part in each.candidate.architecture.parts().items()},
            **costs[each.key],
            **latencies.get(each.key, {}),
        }
        for each in swept
    ]
