"""How long a trial may make no progress: its steps and scored images are its heartbeat.

A limit on the whole time would have to know how long a sound trial takes. This one only has to
know how long a sound trial may be silent, which is the same for a small study and a large one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.trial import Event, Job, Row, failed_row, reason_of

LONGEST_TICK_S = 5.0


@dataclass
class Pulse:
    """For how long a job has been silent.

    A time in which nobody listened, since the driver itself stood still, counts only in part, and
    not at all where the job waits for the driver to listen.
    """

    job: Job
    silent_s: float = 0.0
    last: Event | None = None
    is_held_up: bool = False

    @property
    def tick_s(self) -> float:
        """How often it is to be listened to."""
        return min(self.job.patience_s / 8, LONGEST_TICK_S)

    def hear(self, event: Event) -> None:
        """Notes progress."""
        self.silent_s, self.last = 0.0, event

    def pass_by(self, seconds: float) -> None:
        """Notes a time in which nothing was heard."""
        if not self.is_held_up:
            self.silent_s += min(seconds, 2 * self.tick_s)

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """A time in which the job waits for its driver, which may itself wait for a database."""
        self.is_held_up = True
        try:
            yield
        finally:
            self.is_held_up = False

    @property
    def is_over(self) -> bool:
        """Whether it has been silent for too long."""
        return self.silent_s >= self.job.patience_s

    def error(self) -> TimeoutError:
        """Why it is ended."""
        where = "before its first step"
        if self.last:
            where = f"after step {self.last.step} of {self.last.steps}"
            where = "while it was scored" if self.last.state == "scoring" else where
        patience = f"{self.job.patience_s:g} s"
        return TimeoutError(f"no progress for {patience} {where}; see --trial-timeout")

    def row(self) -> Row:
        """The row of a job that was ended from outside."""
        return failed_row(self.job, reason_of(self.error()))


@contextmanager
def watched(job: Job, give_up: Callable[[Row], None]) -> Iterator[Pulse]:
    """Calls ``give_up`` with a row, from a thread, when a trial is silent for too long.

    Gives what is to hear its events, and is told when it waits for its driver. For workers that
    run a trial outside of their main thread and that nobody else ends: ``give_up`` hands the row
    over, and the process ends after it.
    """
    pulse, is_over = Pulse(job), threading.Event()

    def watch() -> None:
        while not is_over.wait(pulse.tick_s):
            pulse.pass_by(pulse.tick_s)
            if pulse.is_over:
                give_up(pulse.row())
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield pulse
    finally:
        is_over.set()


@contextmanager
def alarmed(job: Job) -> Iterator[Callable[[Event], None]]:
    """Raises TimeoutError in a trial of this process that is silent for too long.

    Gives what is to hear its events. It reaches whatever Python does or waits for, not a loop in
    native code; and nothing outside the main thread, which alone hears signals.
    """
    pulse = Pulse(job)
    if threading.current_thread() is not threading.main_thread():
        yield pulse.hear
        return

    def tick(number: int, frame: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, pulse.tick_s)
        pulse.pass_by(pulse.tick_s)
        if pulse.is_over:  # again and again, if the trial goes on all the same
            raise pulse.error()

    before = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, pulse.tick_s)
    try:
        yield pulse.hear
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
