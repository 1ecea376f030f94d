"""What worker processes of any kind do: leave with their parent, and tell how they ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess


def start(process: BaseProcess) -> None:
    """Starts a worker that is deaf to Ctrl-C, also while it still imports; its parent decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve_parent() -> None:
    """Ends this worker as soon as its parent is gone.

    A parent that was killed ends nobody, and a worker that outlived it would write into the
    folder of a trial that the next run takes up.
    """
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
