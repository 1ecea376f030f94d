"""The options of ``twopath confirm``, apart from those that it shares with ``twopath run``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add_confirm_options(each: Any, number: Callable[[str], int]) -> None:
    """Adds them to a parser; ``number`` reads a whole number of at least 1."""
    each.add_argument(
        "--seeds",
        type=number,
        default=5,
        metavar="N",
        help="how many seeds that the study never used; default: 5",
    )
    each.add_argument(
        "--candidate",
        action="append",
        default=[],
        metavar="NAME",
        help="confirm this one instead of the most accurate; may be given again",
    )
