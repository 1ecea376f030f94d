"""The processes that train one trial together, as Ray actors in the trial's own placement group.

So they may lie on several nodes, and the trial starts only when all of them have room.
"""

from __future__ import annotations

import fcntl
import os
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import ray
import ray._private.state
import torch.distributed as dist
from ray.exceptions import RayError
from ray.util.placement_group import get_current_placement_group
from ray.util.scheduling_strategies import (
    NodeAffinitySchedulingStrategy,
    PlacementGroupSchedulingStrategy,
)

from harness import leaving
from harness.runners.nodes import Inquest, MachineLost, join
from harness.runners.sign import is_to_leave
from harness.shipment import Shipment, at_hand, unpacked
from harness.training.ranks import Ranks
from harness.training.together import Done, Failure, Work, died, meet, tried
from harness.trial import Job

GRACE_S = 5.0
"""How long a death may stay unheard behind the errors that it brought about in others."""

LOOK_S = 5.0
"""How long nothing is heard before it is looked at whether all processes still live: of one whose
node was killed Ray does not always tell those that listen to it."""

TELLS_EVERY_S = 0.2
"""How often a process passes on what it has to say."""

LEAVE_LOOK_S = 1.0
"""How often it is looked whether to leave while nothing is said."""

MEETING = timedelta(minutes=5)
"""How long processes wait for the place where they meet; all of them have started by then."""

SIOCGIFADDR = 0x8915
"""Linux's question for the address of a network interface."""


@dataclass(frozen=True, kw_only=True)
class Gang:
    """Does what ``harness.training.together.together`` does, with actors for processes.

    ``plugins`` and ``shipment`` are the job's plugin files as the driver names them, and with
    what is in them; ``sign`` is where the driver says that they are to save and leave.
    """

    plugins: tuple[str, ...] = ()
    shipment: Shipment | None = None
    sign: str = ""

    def __call__(
        self, work: Work[Job, Any], given: Job, world: int, hear: Callable[[Any], None]
    ) -> list[Any]:
        """What ``work`` gives in each process; the first error of any ends all and is raised.

        RuntimeError for a process that died, MachineLost for one whose node is gone.
        """
        actors = [_actor(rank, world) for rank in range(world)]
        given = replace(given, plugins=self.plugins)
        try:
            place = _told(actors[0].host.remote(), 0, world)
            more = (place, self.shipment, self.sign)
            streams = [each.work.remote(work, given, *more) for each in actors]
            return _gathered(streams, actors, hear)
        finally:
            for actor in actors:
                ray.kill(actor)


def _actor(rank: int, world: int) -> Any:
    group = get_current_placement_group()
    assert group is not None
    bundle = group.bundle_specs[rank]
    where = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
    how = {"num_cpus": bundle.get("CPU", 0), "num_gpus": bundle.get("GPU", 0)}
    made = ray.remote(_Process).options(scheduling_strategy=where, max_restarts=0, **how)
    return made.remote(Ranks(rank=rank, world=world))  # each sees its own GPU as the first


def meeting_at(
    address: str, work: Work[Any, Any], given: Any, *, patience_s: float = 120.0
) -> list[Any]:
    """Joins a cluster, lets a process on each node that trains work with the others, and leaves.

    TimeoutError where they do not find each other.
    """
    join(address)
    try:
        nodes = [each for each in ray.nodes() if each["Alive"] and each["Resources"].get("CPU")]
        actors: list[Any] = []
        for rank, node in enumerate(nodes):
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            made = ray.remote(_Process).options(scheduling_strategy=where, num_cpus=0)
            actors.append(made.remote(Ranks(rank=rank, world=len(nodes))))
        place = ray.get(actors[0].host.remote(), timeout=patience_s)
        streams = [each.work.remote(work, given, place, None) for each in actors]
        late = ray.wait(streams, num_returns=len(streams), timeout=patience_s)[1]
        if late:
            raise TimeoutError(
                f"{len(late)} of {len(nodes)} nodes did not meet the others within {patience_s:g} s"
            )
        return _gathered(streams, actors, lambda said: None)
    finally:
        with redirect_stdout(sys.stderr):
            ray.shutdown()


class _Process:
    """One process of a trial."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._store: Any = None

    def host(self) -> tuple[str, int]:
        """Opens the place where all processes meet; gives its address and its port."""
        address = ray.util.get_node_ip_address()
        self._store = _store(address, 0, is_master=True, wait_for_workers=False)
        return address, self._store.port

    @ray.method(num_returns="streaming")
    def work(
        self,
        work: Any,
        given: Job,
        place: tuple[str, int],
        shipment: Shipment | None,
        sign: str = "",
    ) -> Iterator[list[Any]]:
        """Works in a thread; passes on in lists what it says and, at last, how it ended."""
        said: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def share(given: Job, ranks: Ranks, say: Callable[[Any], None]) -> Any:
            here = at_hand(given, unpacked(shipment)) if shipment else given
            self._join(place)
            return work(here, ranks, say)

        def run() -> None:
            said.put(tried(share, given, self._ranks, said.put))

        threading.Thread(target=run, daemon=True).start()
        while True:
            # The first of them tells the others, or they would leave after unlike steps.
            if sign and self._ranks.rank == 0 and is_to_leave(sign):
                leaving.ask()
            told = _heard(said)
            if not told:
                continue
            yield told
            if isinstance(told[-1], (Done, Failure)):
                return
            time.sleep(TELLS_EVERY_S)

    def _join(self, place: tuple[str, int]) -> None:
        """Meets the other processes over the network that this node's own address is in.

        Left to themselves gloo and NCCL take the address that the host's name resolves to, which
        on many systems is a loopback address that no other node can reach.
        """
        name = interface_of(ray.util.get_node_ip_address())
        if name:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
            os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={name}")  # this, and none that it begins
        host, port = place
        store = self._store or _store(host, port, is_master=False)
        meet(self._ranks, store=store)


def _heard(said: queue.SimpleQueue[Any]) -> list[Any]:
    """What was said since, at least one thing if it comes soon."""
    told = []
    with suppress(queue.Empty):
        told.append(said.get(timeout=LEAVE_LOOK_S))
        while True:
            told.append(said.get_nowait())
    return told


def _store(host: str, port: int, **how: bool) -> Any:
    return dist.TCPStore(host, port, timeout=MEETING, **how)  # type: ignore[attr-defined]


def interface_of(address: str) -> str | None:
    """The name of the network interface that has an IPv4 address; None where that is not known."""
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            try:
                told = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # it has no such address
                continue
            if socket.inet_ntoa(told[20:24]) == address:
                return name
    return None


def _gathered(streams: list[Any], actors: list[Any], hear: Callable[[Any], None]) -> list[Any]:
    left = dict(zip(streams, range(len(streams)), strict=True))
    results: dict[int, Any] = {}
    while left:
        ready: list[Any] = ray.wait(list(left), num_returns=1, timeout=LOOK_S)[0]
        for rank in [] if ready else left.values():
            _look_at(actors[rank], rank, len(streams))
        for stream in ready:
            for said in _told(next(stream), left[stream], len(streams)):
                if isinstance(said, Failure):
                    _look_for_deaths({each: rank for each, rank in left.items() if each != stream})
                    raise said.error
                if isinstance(said, Done):
                    results[left.pop(stream)] = said.value
                else:
                    hear(said)
    return [results[rank] for rank in range(len(streams))]


def _told(reference: Any, rank: int, world: int) -> Any:
    """What a process answers; the error of one that cannot any more."""
    try:
        return ray.get(reference)
    except RayError as error:
        raise _death(str(error), rank, world) from error


def _death(said: str, rank: int, world: int) -> BaseException:
    """What to raise of a process that is no more."""
    if Inquest(said=said).wait():
        return MachineLost(f"the machine of process {rank} of {world} was lost")
    return died(rank, world, "lost by Ray")


def _look_at(actor: Any, rank: int, world: int) -> None:
    """Raises the death of a process, if Ray knows of one."""
    name = actor._actor_id.hex()
    if ray._private.state.actors(name).get("State") == "DEAD":
        raise _death(f"actor {name}", rank, world)


def _look_for_deaths(streams: Mapping[Any, int]) -> None:
    """Raises the death that a failure may only have followed from, if there is one."""
    until, waiting = time.monotonic() + GRACE_S, dict(streams)
    while waiting and (patience := until - time.monotonic()) > 0:
        ready: list[Any] = ray.wait(list(waiting), num_returns=1, timeout=patience)[0]
        for stream in ready:
            rank = waiting[stream]
            said = _told(next(stream), rank, len(streams) + 1)
            if isinstance(said[-1], (Done, Failure)):
                del waiting[stream]
