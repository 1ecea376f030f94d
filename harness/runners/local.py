"""Runs trials on this machine: in this process, or in worker processes side by side."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from harness import leaving
from harness.processes import end_of, serve_parent, start
from harness.runners.patience import LONGEST_TICK_S, Pulse, alarmed
from harness.runners.runner import WORKER_DIED, Runner, Source
from harness.trial import Event, Job, Row, failed_row, run_trial


class InProcess(Runner):
    """Runs one trial after the other in this process."""

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        with leaving.heeded(signal.SIGINT):
            while (job := source.take()) is not None:
                source.started(job)
                source.finish(job, _run_alarmed(job, source))
                if leaving.is_asked():  # of a trial that failed before it could be saved
                    raise KeyboardInterrupt

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function here."""
        return function(*arguments)


def _run_alarmed(job: Job, source: Source) -> Row:
    with alarmed(job) as heard:

        def on_event(event: Event) -> None:
            heard(event)
            source.event(event)

        return run_trial(job, on_event)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    pulse: Pulse | None = None

    def take_on(self, job: Job) -> None:
        self.pipe.send(job)
        self.job, self.pulse = job, Pulse(job)


class Processes(Runner):
    """Runs trials in some worker processes; one that dies costs its trial only."""

    def __init__(self, workers: int) -> None:
        self.num_workers = workers
        self._workers: list[_Worker] = []

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        with leaving.once(self._kill):
            try:
                self._feed(source)
                while any(worker.job for worker in self._workers):
                    self._listen(source)
                    self._feed(source)
            except KeyboardInterrupt:
                leaving.say()
                raise
            finally:
                self.close()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function in the parent, where no worker disturbs it between two runs."""
        return function(*arguments)

    def close(self) -> None:
        """Ends all workers, once they have saved the trials that they train."""
        started = [worker for worker in self._workers if worker.process.pid]
        try:
            for worker in started:
                worker.process.terminate()
            _hear_out([worker.pipe for worker in started])
        finally:  # they took too long, or a second Ctrl-C came
            self._kill()
            for worker in started:
                worker.process.join()
            self._workers = []

    def _kill(self) -> None:
        """Ends all workers at once."""
        for worker in self._workers:
            if worker.process.pid:
                worker.process.kill()

    def _listen(self, source: Source) -> None:
        """Hears what busy workers say; ends one that has said nothing for too long."""
        busy = [worker for worker in self._workers if worker.job]
        began = time.monotonic()
        ready = wait([worker.pipe for worker in busy], _tick_s(busy))
        for worker in busy:
            if worker.pipe in ready:
                self._hear(worker, source)
            elif worker.pulse:
                worker.pulse.pass_by(time.monotonic() - began)
                if worker.pulse.is_over:
                    self._give_up(worker, worker.pulse, source)

    def _feed(self, source: Source) -> None:
        """Gives every worker that is free, or may yet be made, a job while there are jobs."""
        while sum(1 for worker in self._workers if worker.job) < self.num_workers:
            job = source.take()
            if job is None:
                return
            self._hand(job)
            source.started(job)

    def _hand(self, job: Job) -> None:
        """Hands a job to a free worker, or to a new one if there is none or it died meanwhile."""
        for worker in [each for each in self._workers if not each.job]:
            try:
                worker.take_on(job)
            except OSError:
                self._workers.remove(worker)
                continue
            return
        self._spawn().take_on(job)

    def _spawn(self) -> _Worker:
        # Forking a process that has run torch's threads can dead-lock.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # Not a daemon, which could not start the processes that train a trial together.
        process = context.Process(target=_serve, args=(theirs,))
        worker = _Worker(process, ours)
        self._workers.append(worker)  # first, or a Ctrl-C now would leave it behind
        start(process)
        theirs.close()
        return worker

    def _hear(self, worker: _Worker, source: Source) -> None:
        assert worker.job is not None
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, source)
            return
        if isinstance(said, Event):
            if worker.pulse:
                worker.pulse.hear(said)
            source.event(said)
        else:
            job, worker.job = worker.job, None
            source.finish(job, said)

    def _bury(self, worker: _Worker, source: Source) -> None:
        worker.process.join()
        self._workers.remove(worker)
        job, worker.job = worker.job, None
        assert job is not None
        source.finish(job, failed_row(job, WORKER_DIED.format(how=end_of(worker.process))))

    def _give_up(self, worker: _Worker, pulse: Pulse, source: Source) -> None:
        worker.process.kill()  # one that was stopped would not hear anything else
        worker.process.join()
        self._workers.remove(worker)
        source.finish(pulse.job, pulse.row())


def _hear_out(pipes: list[Connection]) -> None:
    """Lets workers that leave say what they still have to say; it would hold them up."""
    until = time.monotonic() + leaving.LEAVES_S
    while pipes and (left := until - time.monotonic()) > 0:
        ready = wait(pipes, left)
        for pipe in [each for each in pipes if each in ready]:
            try:
                pipe.recv()
            except (EOFError, OSError):
                pipes = [each for each in pipes if each is not pipe]


def _tick_s(busy: list[_Worker]) -> float:
    return min((each.pulse.tick_s for each in busy if each.pulse), default=LONGEST_TICK_S)


def _serve(pipe: Connection) -> None:
    """Runs the jobs that come through a pipe until it closes, in a worker process."""
    serve_parent()
    with (
        contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt),
        leaving.heeded(signal.SIGTERM),
    ):
        while True:
            job = pipe.recv()
            pipe.send(run_trial(job, pipe.send))
            if leaving.is_asked():
                return
