"""Does work in a copy of this process, where one can be made at once and without harm."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

T = TypeVar("T")

THREADED = ("torch", "ray")
"""Libraries that start threads which a copy would not have, and wait for them."""


def can_be_beside() -> bool:
    """Whether this process may be copied: on Linux, with two CPUs and no thread but this one."""
    return (
        sys.platform == "linux"
        and len(os.sched_getaffinity(0)) > 1
        and threading.active_count() == 1
        and not any(name in sys.modules for name in THREADED)
    )


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begins work in a copy of this process; what is returned waits for its result and gives it.

    The copy may use nothing that this process has open, such as a database. If there can be none,
    or it does not come to its end, the work is done here when its result is asked for, with the
    same result and the same errors. Each result can be asked for once.
    """
    copy = _copied(work) if can_be_beside() else None
    return work if copy is None else lambda: _result(*copy, work)


def _copied(work: Callable[[], Any]) -> tuple[int, BinaryIO] | None:
    """Process and pipe of a copy that works; None where the system makes none."""
    sys.stdout.flush()
    sys.stderr.flush()
    source, sink = os.pipe()
    try:
        with warnings.catch_warnings():
            # Python sees the idle threads of BLAS, which sees to itself in a copy.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
    except OSError:  # no memory, or no more processes
        os.close(source)
        os.close(sink)
        return None
    if process:
        os.close(sink)
        return process, os.fdopen(source, "rb")
    try:
        os.close(source)
        _work(work, sink)
        os._exit(0)
    finally:
        os._exit(1)  # whatever happened is found out anew by the process that asked


def _work(work: Callable[[], Any], sink: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # it would write to pages that are shared as long as they are only read
    with os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb") as nothing:
        for stream in (1, 2):  # what is to be said is said by the process that asked
            os.dup2(nothing.fileno(), stream)
    result = work()
    with os.fdopen(sink, "wb") as pipe:
        pickle.dump(result, pipe, protocol=pickle.HIGHEST_PROTOCOL)


def _result(process: int, pipe: BinaryIO, work: Callable[[], T]) -> T:
    try:
        with pipe:
            # From a copy of this very process, through a pipe that nobody else has.
            result: T = pickle.load(pipe)
    except (EOFError, pickle.UnpicklingError):
        result = work()
    os.waitpid(process, 0)
    return result
