"""Runs trials on this machine: in this process, or in worker processes side by side."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from harness.processes import end_of, serve_parent, start
from harness.runners.runner import WORKER_DIED, Runner, Source
from harness.trial import Event, Job, failed_row, run_trial


class InProcess(Runner):
    """Runs one trial after the other in this process."""

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        while (job := source.take()) is not None:
            source.started(job)
            source.finish(job, run_trial(job, source.event))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function here."""
        return function(*arguments)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None


class Processes(Runner):
    """Runs trials in some worker processes; one that dies costs its trial only."""

    def __init__(self, workers: int) -> None:
        self.num_workers = workers
        self._workers: list[_Worker] = []

    def run(self, source: Source) -> None:
        """Runs a source dry."""
        try:
            self._feed(source)
            while any(worker.job for worker in self._workers):
                for pipe in wait([worker.pipe for worker in self._workers if worker.job]):
                    self._hear(next(w for w in self._workers if w.pipe is pipe), source)
                self._feed(source)
        finally:
            self.close()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function in the parent, where no worker disturbs it between two runs."""
        return function(*arguments)

    def close(self) -> None:
        """Ends all workers."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers = []

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
                worker.pipe.send(job)
            except OSError:
                self._workers.remove(worker)
                continue
            worker.job = job
            return
        worker = self._spawn()
        worker.pipe.send(job)
        worker.job = job

    def _spawn(self) -> _Worker:
        # Forking a process that has run torch's threads can dead-lock.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # Not a daemon, which could not start the processes that train a trial together.
        process = context.Process(target=_serve, args=(theirs,))
        start(process)
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _hear(self, worker: _Worker, source: Source) -> None:
        assert worker.job is not None
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, source)
            return
        if isinstance(said, Event):
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


def _serve(pipe: Connection) -> None:
    """Runs the jobs that come through a pipe until it closes, in a worker process."""
    serve_parent()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            job = pipe.recv()
            pipe.send(run_trial(job, pipe.send))
