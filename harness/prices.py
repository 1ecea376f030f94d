"""What candidates that may be proposed would cost: counted part by part, kept in memory."""

from __future__ import annotations

from typing import Any

from harness.architecture import Architecture
from harness.figures import Place
from harness.measure.by_part import ByPart


class Prices:
    """Counts hundreds of architectures in seconds, of which a search will train a few."""

    def __init__(self) -> None:
        self._counters: dict[Place, ByPart] = {}
        self._known: dict[tuple[Architecture, Place], dict[str, Any] | None] = {}

    def of(self, architecture: Architecture, place: Place) -> dict[str, Any] | None:
        """The figures of an architecture; None for one that cannot be built."""
        key = architecture, place
        if key not in self._known:
            self._known[key] = self._count(architecture, place)
        return self._known[key]

    def _count(self, architecture: Architecture, place: Place) -> dict[str, Any] | None:
        counter = self._counters.setdefault(place, ByPart(*place))
        try:
            return counter.count(architecture).record()
        except Exception:  # a part of a stranger's may raise anything
            return None
