"""An interrupt of trials that train waits for the step they are at, and until that is saved."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SAID = b"\ntwopath: leaving once this step is saved; Ctrl-C again leaves at once\n"

LEAVES_S = 20.0
"""How long workers may take to save their trials before they are ended."""


@dataclass
class _Now:
    trains: bool = False
    is_asked: bool = False


_now = _Now()


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Lets a signal interrupt this process: at once, or a trial that trains here once it is saved.

    The second signal always interrupts at once.
    """
    _now.is_asked = False

    def hear() -> None:
        if _now.is_asked or not _now.trains:
            raise KeyboardInterrupt
        ask()
        if number == signal.SIGINT:
            say()

    try:
        with _handled(number, hear):
            yield
    finally:
        _now.is_asked = False


@contextmanager
def once(then: Callable[[], None]) -> Iterator[None]:
    """Lets the first Ctrl-C interrupt this process; each one after it only calls ``then``.

    So nothing breaks into the leaving that the first one began, and leaves workers behind.
    """
    heard = False

    def hear() -> None:
        nonlocal heard
        if heard:
            then()
            return
        heard = True
        raise KeyboardInterrupt

    with _handled(signal.SIGINT, hear):
        yield


@contextmanager
def _handled(number: signal.Signals, hear: Callable[[], None]) -> Iterator[None]:
    """Calls ``hear`` at a signal; only the main thread can, and not what a shell shields from it.

    A job in the background of a script is: the Ctrl-C is meant for what is in front.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(number) == signal.SIG_IGN:
        yield
        return

    def handle(number: int, frame: Any) -> None:
        hear()

    before = signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, before or signal.SIG_DFL)


@contextmanager
def training() -> Iterator[None]:
    """Says that trials train, which are saved before this process leaves.

    They ask after each step whether to leave; KeyboardInterrupt if that came after the last.
    """
    _now.trains = True
    try:
        yield
    finally:
        _now.trains = False
    if _now.is_asked:
        raise KeyboardInterrupt


def ask() -> None:
    """Asks what trains here to leave as soon as it is saved."""
    _now.is_asked = True


def say() -> None:
    """Says that what trains is saved first; a signal may come while something else is printed."""
    os.write(2, SAID)


def is_asked() -> bool:
    """Whether what trains is to leave as soon as it is saved."""
    return _now.is_asked
