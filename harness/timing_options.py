"""The options of ``twopath time``, apart from those that every measuring command has."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from harness.options import positive
from harness.study import BOUNDARIES, BOUNDARIES_IN, TIMES


def add_timing(each: Any, number: Callable[[str], int]) -> None:
    """Adds them to a parser; ``number`` reads a whole number of at least 1."""
    _add_extent(each, number)
    each.add_argument(
        "--threads", type=threads, default=1, metavar="N", help="CPU threads; default: 1"
    )
    each.add_argument(
        "--batch",
        type=number,
        default=1,
        metavar="N",
        help="images that are run at a time; milliseconds are of all of them together; default: 1",
    )
    each.add_argument(
        "--figure",
        action="append",
        choices=tuple(TIMES),
        help="what is timed, t_e2e unless said; given again, the first is the headline; "
        + "; ".join(f"{name}: {about}" for name, about in TIMES.items()),
    )
    each.add_argument(
        "--boundary-in",
        choices=BOUNDARIES_IN,
        default="dev",
        help="where the clock starts: a normalised image on the device, or bytes on the host; "
        "default: dev",
    )
    each.add_argument(
        "--backend",
        action="append",
        type=lambda name: "".join(name.split()),
        metavar="NAME",
        help="how networks are run, as folded+channels_last (the default) or onnxruntime; given "
        "again, each network is timed on all of them, if it agrees with fp32 eager; see twopath "
        "list",
    )
    each.add_argument(
        "--tf32",
        action="store_true",
        help="let a GPU round products of float32 to TF32, which is off otherwise",
    )
    each.add_argument(
        "--boundary",
        choices=BOUNDARIES,
        default="labels_full",
        help="where the clock stops; default: labels_full, the class of every pixel",
    )


def threads(text: str) -> int:
    """A number of CPU threads; ArgumentTypeError for more than there are cores."""
    number, cores = positive(text), os.cpu_count() or 1
    if number > cores:
        raise ArgumentTypeError(f"{text!r} is more than the {cores} cores of this machine")
    return number


def _add_extent(each: Any, number: Callable[[str], int]) -> None:
    """How long is timed."""
    each.add_argument(
        "--rounds",
        type=number,
        metavar="N",
        help="just so many rounds; default: 12 to 60, until each ratio is known within 1 %%",
    )
    each.add_argument(
        "--seconds",
        type=number,
        default=60,
        metavar="S",
        help="after which no round is added to the first 12; default: 60",
    )
    each.add_argument(
        "--processes",
        type=number,
        default=1,
        metavar="N",
        help="all again in so many fresh processes, of which intervals are then made; 5 for "
        "figures to publish; default: 1, in this process",
    )
