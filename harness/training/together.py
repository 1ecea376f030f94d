"""Starts the processes that train one trial together, and hears what each has to say."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist

from harness import leaving
from harness.processes import end_of, serve_parent, start
from harness.training.ranks import Ranks

PATIENCE = timedelta(hours=2)
"""How long processes wait for one that is busy with something that the others need not do."""

LOOK_S = 0.5
"""How often it is looked whether to leave while no process says anything."""

GRACE_S = 2.0
"""How long a first failure may stay unheard behind those that it brought about in others."""

Result = TypeVar("Result", covariant=True)
Given = TypeVar("Given", contravariant=True)


class Work(Protocol[Given, Result]):
    """What each process does with what it is given; it may ``say`` things meanwhile."""

    def __call__(self, given: Given, ranks: Ranks, say: Callable[[Any], None], /) -> Result:
        """Works on one share; called in a process of its own, where a process group is."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The error that ended a process, and when by the machine's steady clock."""

    error: BaseException
    at_ns: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a process worked out."""

    value: Any


def together(
    work: Work[Given, Result], given: Given, world: int, hear: Callable[[Any], None]
) -> list[Result]:
    """What ``work`` gives in each of ``world`` processes; ``hear`` is told what they say.

    The first error of any of them ends all and is raised here; RuntimeError for one that died;
    KeyboardInterrupt once all have left, after an interrupt of this process.
    """
    context = multiprocessing.get_context("spawn")  # forking torch's threads can dead-lock
    processes: list[BaseProcess] = []
    pipes: list[Connection] = []
    with tempfile.TemporaryDirectory(prefix="twopath-") as folder:
        try:
            for rank in range(world):
                ours, theirs = context.Pipe(duplex=False)
                arguments = (
                    theirs,
                    work,
                    given,
                    Ranks(rank=rank, world=world, device=rank),
                    folder,
                )
                process: BaseProcess = context.Process(target=_serve, args=arguments)
                processes.append(process)  # first, or a Ctrl-C now would leave it behind
                start(process)
                theirs.close()
                pipes.append(ours)
            with leaving.training():
                return _gathered(processes, pipes, hear)
        finally:
            for process in processes:
                if process.pid is not None:
                    process.kill()
                    process.join()


def _gathered(
    processes: list[BaseProcess], pipes: list[Connection], hear: Callable[[Any], None]
) -> list[Any]:
    results: dict[int, Any] = {}
    is_told = False
    while len(results) < len(pipes):
        if leaving.is_asked() and not is_told:
            processes[0].terminate()  # which tells the others, or leaves at once if it trains not
            is_told = True
        for pipe in wait([each for rank, each in enumerate(pipes) if rank not in results], LOOK_S):
            rank = pipes.index(pipe)  # type: ignore[arg-type]
            said = _said(processes[rank], pipes[rank], rank, len(pipes))
            if isinstance(said, Failure) and is_told:
                raise KeyboardInterrupt
            if isinstance(said, Failure):
                raise _first(said, processes, pipes, {rank, *results})
            if isinstance(said, Done):
                results[rank] = said.value
            else:
                hear(said)
    return [results[rank] for rank in range(len(pipes))]


def _said(process: BaseProcess, pipe: Connection, rank: int, world: int) -> Any:
    try:
        return pipe.recv()
    except (EOFError, OSError):
        process.join()
        # Before any failure that its death brought about.
        return Failure(error=died(rank, world, end_of(process)), at_ns=0)


def died(rank: int, world: int, how: str) -> RuntimeError:
    """The error of a trial of which a process died."""
    return RuntimeError(
        f"process {rank} of {world} died ({how}); the system may have run out of memory"
    )


def _first(
    failure: Failure,
    processes: list[BaseProcess],
    pipes: list[Connection],
    heard: set[int],
) -> BaseException:
    """The earliest failure: the others may only have lost their connection to that process."""
    until = time.monotonic() + GRACE_S
    silent = {rank: pipe for rank, pipe in enumerate(pipes) if rank not in heard}
    while silent and (left := until - time.monotonic()) > 0:
        for pipe in wait(list(silent.values()), left):
            rank = pipes.index(pipe)  # type: ignore[arg-type]
            said = _said(processes[rank], pipes[rank], rank, len(pipes))
            if isinstance(said, (Failure, Done)):
                del silent[rank]
            if isinstance(said, Failure) and said.at_ns < failure.at_ns:
                failure = said
    return failure.error


def _serve(pipe: Connection, work: Any, given: Any, ranks: Ranks, folder: str) -> None:
    """Works in a process of its own until there is a result or an error."""
    serve_parent()

    def share(given: Any, ranks: Ranks, say: Callable[[Any], None]) -> Any:
        _stay_here()
        meet(ranks, init_method=f"file://{Path(folder) / 'store'}")
        return work(given, ranks, say)

    with leaving.heeded(signal.SIGTERM):
        ended = tried(share, given, ranks, pipe.send)
    with suppress(OSError):  # nobody listens any more
        pipe.send(ended)
    with suppress(RuntimeError):  # of one that failed, which says so itself
        if isinstance(ended, Done):
            ranks.wait()  # who leaves first would break the connections of the others
            dist.destroy_process_group()


def tried(
    work: Work[Given, Result], given: Given, ranks: Ranks, say: Callable[[Any], None]
) -> Done | Failure:
    """What a process's work comes to, whether well or not."""
    try:
        return Done(value=work(given, ranks, say))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        error.add_note(f"In process {ranks.rank} of {ranks.world}:\n{traceback.format_exc()}")
        return Failure(error=_sendable(error), at_ns=time.monotonic_ns())


def _stay_here() -> None:
    """Lets processes of one machine talk over its loopback: no port is taken or guessed.

    Where a host's name resolves to an address that is not its own, neither library finds another.
    """
    loopback = "lo0" if platform.system() == "Darwin" else "lo"
    os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    os.environ.setdefault("NCCL_SOCKET_IFNAME", loopback)


def meet(ranks: Ranks, **place: Any) -> None:
    """Joins the process group of a trial, at a place as torch's ``init_process_group`` takes it."""
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(ranks.device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo",
        rank=ranks.rank,
        world_size=ranks.world,
        timeout=PATIENCE,
        **place,
    )


def _sendable(error: BaseException) -> BaseException:
    """An error that survives the way to the parent; some cannot be made again from their text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
