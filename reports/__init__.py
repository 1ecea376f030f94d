"""The answers: rows become one sentence, tables, charts and a page.

Importing this module costs nothing; pandas, scipy and matplotlib come with the first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.loading import load
    from reports.report import Report, write, write_sweep
    from reports.rows import frame

__all__ = ["Report", "frame", "load", "write", "write_sweep"]

_HOMES = {
    "Report": "reports.report",
    "write": "reports.report",
    "write_sweep": "reports.report",
    "frame": "reports.rows",
    "load": "reports.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
