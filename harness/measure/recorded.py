"""Makes the receipt of a session, and puts its id and its judgement into every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from harness.measure.faults import findings_of
from harness.measure.headline import of_processes
from harness.measure.latency import Session
from harness.measure.provenance import identity, model_facts, now, receipt_of
from harness.measure.receipt import Receipt, sealed
from harness.study import Timing

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What is timed how, at (height, width) and on what; by which command, and since when (UTC).

    Made before the clock starts.
    """

    command: str
    timing: Timing
    size: tuple[int, int]
    device: torch.device
    started: str = field(default_factory=now)


def recorded(
    session: Session,
    networks: Mapping[str, nn.Module],
    occasion: Occasion,
    *,
    abouts: Mapping[str, Row] | None = None,
    trained: Mapping[str, nn.Module] | None = None,
) -> tuple[Session, Receipt | None]:
    """The session whose rows carry their receipt's id, and the sealed receipt, for ``keep``.

    It is sealed where it was measured and kept where the ledger is, which on a cluster are two
    machines. ``networks`` are those that were timed; by their names, ``trained`` are the networks
    that they were made from, ending at the same boundary, and ``abouts`` what else a receipt
    should say of each: ``architecture``, ``weights``, ``counts``, ``backend``, ``transforms``. A
    session in which nothing was timed leaves none.
    """
    timed = [name for name, row in session.rows.items() if "latency_ms" in row]
    if not timed:
        return session, None
    models = {
        name: _model(
            networks[name], occasion, (abouts or {}).get(name, {}), (trained or {}).get(name)
        )
        for name in timed
    }
    content = receipt_of(
        session,
        figures=occasion.timing.figures,
        device=occasion.device,
        models=models,
        counts={
            name: about["counts"] for name, about in (abouts or {}).items() if "counts" in about
        },
        about=identity(occasion.command, occasion.started),
    )
    receipt = sealed(content)
    more = {name: _judgement(content, name, receipt["id"]) for name in timed}
    rows = {name: {**row, **more.get(name, {})} for name, row in session.rows.items()}
    return replace(session, rows=rows), receipt


def _judgement(content: Row, name: str, number: str) -> dict[str, Any]:
    """What a row says of its receipt: its id, and whether and why not it may be a headline."""
    judged = content["headlines"][name]
    found = content["models"][name]["findings"]
    reasons = [*judged["reasons"], *of_processes(1)]
    return {
        "latency_receipt": number,
        "latency_headline_ok": not reasons,
        "latency_headline_reasons": reasons,
        "latency_findings": [
            f"{each['name']} at {each['where']}: {each['told']}" for each in found
        ],
    }


def _model(
    network: nn.Module, occasion: Occasion, about: Row, trained: nn.Module | None
) -> dict[str, Any]:
    timing, size, device = occasion.timing, occasion.size, occasion.device
    found = findings_of(network, size, boundary=timing.boundary, device=device, reference=trained)
    others = {name: value for name, value in about.items() if name not in OWN}
    return model_facts(
        network,
        source=trained,
        architecture=about.get("architecture"),
        weights=about.get("weights", "random(seed=0)"),
        findings=found,
        input=[timing.batch, 3, *size],
        boundary_in=timing.boundary_in,
        boundary=timing.boundary,
        **others,
    )


OWN = ("architecture", "weights", "counts", "input", "boundary_in", "boundary", "findings")
"""What is not taken over as it is from what a caller says of a network."""
