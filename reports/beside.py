"""Does work in a copy of this process, where one can be made at once and without harm."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO, TypeVar

T = TypeVar("T")

THREADED = ("torch", "ray")
"""Libraries that start threads which a copy would not have, and wait for them."""


LESS_URGENT = 5
"""How much nicer a copy is: where there are more of them than CPUs, this process goes first."""


def can_be_beside() -> bool:
    """Whether this process may be copied: on Linux, with two CPUs and no thread but this one."""
    return (
        sys.platform == "linux"
        and len(os.sched_getaffinity(0)) > 1
        and threading.active_count() == 1
        and not any(name in sys.modules for name in THREADED)
    )


def beside(work: Callable[[], T], shared: Sequence[object] = ()) -> Callable[[], T]:
    """Begins work in a copy of this process; what is returned waits for its result and gives it.

    The copy may use nothing that this process has open, such as a database. If there can be none,
    or it does not come to its end, the work is done here when its result is asked for, with the
    same result and the same errors. Each result can be asked for once. Of the ``shared`` objects
    those that are in the result are not sent: this process has them.
    """
    copy = _copied(work, shared) if can_be_beside() else None
    return work if copy is None else partial(_result, *copy, work, shared)


def _copied(work: Callable[[], Any], shared: Sequence[object]) -> tuple[int, BinaryIO] | None:
    """A copy that works and the file for its result; None where the system makes none."""
    _give_back()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        # Not a pipe: a copy would wait until it is read, and keep its memory as long.
        file = tempfile.TemporaryFile()  # noqa: SIM115 - who reads the result closes it
    except OSError:
        return None
    try:
        with warnings.catch_warnings():
            # Python sees the idle threads of BLAS, which sees to itself in a copy.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
    except OSError:  # no memory, or no more processes
        file.close()
        return None
    if process:
        return process, file
    try:
        _work(work, file, shared)
        os._exit(0)
    finally:
        os._exit(1)  # whatever happened is found out anew by the process that asked


def _give_back() -> None:
    """Gives memory that was freed back to the system, where its C library keeps it (glibc does).

    After the rows of a large study are read this is a fifth of all that the process has.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _work(work: Callable[[], Any], file: BinaryIO, shared: Sequence[object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.nice(LESS_URGENT)
    gc.disable()  # it would write to pages that are shared as long as they are only read
    with os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb") as nothing:
        for stream in (1, 2):  # what is to be said is said by the process that asked
            os.dup2(nothing.fileno(), stream)
    # Only where there are some, since to look for them takes as long as all else of writing.
    pickler = _Pickler(file, shared) if shared else pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dump(work())
    file.flush()


def _result(process: int, file: BinaryIO, work: Callable[[], T], shared: Sequence[object]) -> T:
    _, status = os.waitpid(process, 0)
    with file:
        if status:
            return work()
        file.seek(0)
        # From a copy of this very process, by a file without a name.
        result: T = _Unpickler(file, shared).load()
        return result


class _Pickler(pickle.Pickler):
    """Writes the places of objects that both processes have."""

    def __init__(self, file: BinaryIO, shared: Sequence[object]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._places = {id(each): place for place, each in enumerate(shared)}

    def persistent_id(self, value: Any) -> int | None:
        return self._places.get(id(value))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, shared: Sequence[object]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, place: int) -> object:
        return self._shared[place]
