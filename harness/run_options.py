"""The options of ``twopath run`` that say where and how wide trials run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add_running(each: Any, number: Callable[[str], int]) -> None:
    """Adds them to a parser; ``number`` reads a whole number of at least 1."""
    each.add_argument(
        "--on", choices=("local", "ray"), default="local", help="where trials run; default: local"
    )
    each.add_argument("--address", help="a running Ray cluster's address, with --on ray")
    each.add_argument("--workers", type=number, default=1, metavar="N", help="trials at a time")
    each.add_argument(
        "--threads",
        type=number,
        default=1,
        metavar="N",
        help="CPU threads a process; default: 1",
    )
    each.add_argument(
        "--processes-per-trial",
        type=number,
        default=1,
        metavar="N",
        help="processes that share each batch of a trial, one a GPU; default: 1",
    )
    each.add_argument(
        "--track",
        action="append",
        default=[],
        choices=("tensorboard", "mlflow", "wandb"),
        help="show trials in one of these while they run; may be given again",
    )
    each.add_argument(
        "--trial-timeout",
        type=number,
        default=3600,
        metavar="SECONDS",
        help="end a trial that makes no progress for so long; default: 3600",
    )
    each.add_argument("--retry-failed", action="store_true", help="run failed trials again")
    each.add_argument(
        "--keep-going", action="store_true", help="go on when the first trials all fail alike"
    )
