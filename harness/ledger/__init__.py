"""Rows kept for ever and looked up by key: SQLite by default, PostgreSQL for teams."""

from harness.ledger.claims import Claim
from harness.ledger.database import shown
from harness.ledger.entries import Entry, Row, Rows
from harness.ledger.ledger import Ledger
from harness.ledger.places import absent, open_ledger
from harness.ledger.standing import Progress, heard, progress

__all__ = [
    "Claim",
    "Entry",
    "Ledger",
    "Progress",
    "Row",
    "Rows",
    "absent",
    "heard",
    "open_ledger",
    "progress",
    "shown",
]
