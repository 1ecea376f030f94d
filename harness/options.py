"""The options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
from typing import Any


def add_data(each: Any) -> None:
    """Where data sets lie."""
    each.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="where a data set lies, as camvid=/data/CamVid; may be given again; "
        "TWOPATH_DATA may name a folder that holds them all",
    )


def add_plugins(each: Any) -> None:
    """Files with parts and data sets of one's own."""
    each.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file with parts or data sets of your own; may be given again",
    )


def add_runs(each: Any, about: str) -> None:
    """The folder of results; ``about`` says what of it is used."""
    each.add_argument("--runs", default="runs", metavar="FOLDER", help=f"{about}; default: runs")


def add_places(each: Any) -> None:
    """Where results and the ledger are."""
    add_runs(each, "where results are kept")
    each.add_argument("--ledger", metavar="URL", help="an SQLAlchemy URL; default FOLDER/ledger.db")


def add_measured(each: Any) -> None:
    """Networks, and at what input they are measured."""
    each.add_argument(
        "networks",
        nargs="+",
        metavar="NETWORK",
        help="names from twopath list, or networks of your own as path/to/file.py:Model",
    )
    add_input(each)
    add_plugins(each)


def add_input(each: Any) -> None:
    """The size of an image and the number of classes."""
    each.add_argument(
        "--size",
        type=size,
        default=(512, 1024),
        metavar="HxW",
        help="height x width in pixels; default: 512x1024",
    )
    each.add_argument(
        "--classes", type=positive, default=19, metavar="N", help="number of classes; default: 19"
    )


def size(text: str) -> tuple[int, int]:
    """A height and a width; ArgumentTypeError for what is none or too small."""
    from harness.network import SMALLEST_SIDE

    height, by, width = text.lower().partition("x")
    if not (by and height.isdecimal() and width.isdecimal()):
        raise argparse.ArgumentTypeError(f"a size is HEIGHTxWIDTH, as 512x1024, not {text!r}")
    if min(int(height), int(width)) < SMALLEST_SIDE:
        raise argparse.ArgumentTypeError(f"sides are at least {SMALLEST_SIDE} pixels, not {text}")
    return int(height), int(width)


def positive(text: str) -> int:
    """A whole number of at least 1; ArgumentTypeError for anything else."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return int(text)
