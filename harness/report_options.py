"""The options of ``twopath report`` and ``twopath board``."""

from __future__ import annotations

import argparse
from typing import Any

FORMATS = ("html", "md", "csv", "latex", "png", "svg", "pdf")

REPORT_ABOUT = """Write the reports of studies from the rows in the ledger, one each.

--compare A B says what changes from A to B, B less A. With one STUDY, A and B
are two of its candidates: accuracy is paired by seed, latency by round. Without
a STUDY they are two studies: each candidate that both have is paired with
itself, seed by seed.

--out FOLDER says where reports go, as those of runs that cannot be written:
twopath report fusion --runs /mnt/runs --out reports"""


def add_report_options(each: Any) -> None:
    """Adds those of ``twopath report`` to a parser."""
    each.add_argument("study", nargs="*", metavar="STUDY", help="the name of a study that was run")
    each.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="two candidates of the one STUDY, or without a STUDY two studies",
    )
    each.add_argument(
        "--format",
        type=formats,
        action="extend",
        metavar="NAME[,NAME]",
        help=f"write only these files, of {', '.join(FORMATS)}; may be given again; default: all",
    )
    each.add_argument("--open", action="store_true", help="show the page in a browser")
    each.add_argument(
        "--still",
        action="store_true",
        help="a page of 0.2 MB instead of 5, whose chart is a drawing and no more",
    )
    each.add_argument(
        "--watch",
        action="store_true",
        help="write again whenever trials end, until the studies are complete or Ctrl-C; "
        "may be begun before the run",
    )
    _add_out(each)


def add_board_options(each: Any) -> None:
    """Adds those of ``twopath board`` to a parser."""
    each.add_argument("--open", action="store_true", help="show the board in a browser")
    _add_out(each)


def _add_out(each: Any) -> None:
    each.add_argument(
        "--out",
        metavar="FOLDER",
        help="where reports and the board lie, as ~/reports; default: reports in that of --runs",
    )


def formats(text: str) -> list[str]:
    """The formats of a list with commas; ArgumentTypeError for one that is not known."""
    found = [name.strip().lower() for name in text.split(",") if name.strip()]
    odd = [name for name in found if name not in FORMATS]
    if odd or not found:
        given = odd[0] if odd else text
        raise argparse.ArgumentTypeError(
            f"no format is called {given!r}; known: {', '.join(FORMATS)}"
        )
    return found
