"""What worker processes of any kind do: leave with their parent, and tell how they ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess


def serve_parent() -> None:
    """Makes this worker deaf to Ctrl-C, and ends it as soon as its parent is gone.

    A parent that was killed ends nobody, and a worker that outlived it would write into the
    folder of a trial that the next run takes up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def end_of(process: BaseProcess) -> str:
    """How a process that has ended did so: the name of its signal, or its exit code."""
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
