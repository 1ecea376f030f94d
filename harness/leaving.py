"""An interrupt of a trial that trains waits for the step it is at, and until that is saved."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SAID = b"\ntwopath: leaving once this step is saved; Ctrl-C again leaves at once\n"


@dataclass
class _Now:
    trains: bool = False
    is_asked: bool = False


_now = _Now()


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Lets a signal interrupt this process: at once, or a trial that trains here once it is saved.

    The second signal always interrupts at once. Only the main thread can hear signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, _hear)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)


@contextmanager
def training() -> Iterator[None]:
    """Says that a trial trains here, which asks after each step whether it is to leave."""
    _now.trains, _now.is_asked = True, False
    try:
        yield
    finally:
        _now.trains = False


def say() -> None:
    """Says that what trains is saved first; a signal may come while something else is printed."""
    os.write(2, SAID)


def is_asked() -> bool:
    """Whether a trial that trains here is to leave as soon as it is saved."""
    return _now.is_asked


def _hear(number: int, frame: Any) -> None:
    if _now.is_asked or not _now.trains:
        raise KeyboardInterrupt
    _now.is_asked = True
    if number == signal.SIGINT:
        say()
