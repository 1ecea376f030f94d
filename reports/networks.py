"""What each candidate is made of, by the parts in which candidates differ."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from itertools import chain

from reports.columns import plain
from reports.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What each candidate is made of: the kinds of part that differ, and what all have alike."""

    kinds: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    shared: str


def networks(verdict: Verdict, only: Container[str] | None = None) -> Networks:
    """The parts of every candidate, or of some alone, as the study writes them."""
    columns = (verdict.trials.column(key) for key in ("candidate", "parts"))
    pairs = dict(zip(*columns, strict=True))  # seeds of one candidate have the same parts
    found = {plain(name): parts or {} for name, parts in pairs.items()}
    kinds = list(dict.fromkeys(chain.from_iterable(found.values())))
    first = next(iter(found.values()), {})
    alike = [k for k in kinds if all(p.get(k, "") == first.get(k, "") for p in found.values())]
    differ = [kind for kind in kinds if kind not in alike]
    return Networks(
        kinds=tuple(differ),
        lines=tuple(
            (name, tuple(plain(parts.get(kind, "")) for kind in differ))
            for name, parts in found.items()
            if only is None or name in only
        ),
        shared=plain(", ".join(f"{kind} {first.get(kind, '')}" for kind in alike)),
    )
