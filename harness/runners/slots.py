"""What a trial asks of a cluster's nodes, and whether they have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]
"""A node as ``ray.nodes()`` tells of it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a trial asks of its nodes: cores, and GPUs where the cluster has any.

    ``gpus`` below 1 lets trials share a GPU; None means one for each of ``processes``.
    """

    cpus: int
    processes: int = 1
    gpus: float | None = None


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What each process of a trial is given on its node, and how many processes there are."""

    cpus: float
    gpus: float = 0
    processes: int = 1

    def bundles(self) -> list[dict[str, float]]:
        """The bundles of a placement group: one a process, which may lie on other nodes.

        Of several processes none is the trial itself, which only waits for them: its bundle comes
        first and is empty.
        """
        each = {"CPU": self.cpus, "GPU": self.gpus}
        return [each] if self.processes == 1 else [{}, *[each] * self.processes]

    def room_on(self, node: Node) -> int:
        """How many processes a node has room for while nothing else runs there."""
        has = node["Resources"] if node["Alive"] else {}
        rooms = [has.get("CPU", 0) // self.cpus]
        if self.gpus:
            rooms.append(has.get("GPU", 0) // self.gpus)
        return int(min(rooms))

    def told(self) -> str:
        """What a trial wants, as messages call it."""
        if self.processes == 1:
            return f"{amount(self.cpus, self.gpus)} on one node"
        return f"{self.processes} times {amount(self.cpus, self.gpus)}, each on one node"


def slot_of(wanted: Wanted, *, has_gpus: bool) -> Slot:
    """What each process of a trial is given.

    ValueError for GPUs that a cluster does not have, and for cores that processes cannot share.
    """
    if wanted.gpus and not has_gpus:
        raise ValueError(
            f"--gpus-per-trial {wanted.gpus:g}, but no node that is up has a GPU; twopath doctor "
            "--address HOST:PORT shows what each has"
        )
    cpus, left = divmod(wanted.cpus, wanted.processes)
    if left:
        raise ValueError(
            f"--cpus-per-trial {wanted.cpus} cannot be shared equally by {wanted.processes} "
            "processes"
        )
    gpus = wanted.processes if wanted.gpus is None else wanted.gpus
    return Slot(
        cpus=cpus, gpus=gpus / wanted.processes if has_gpus else 0, processes=wanted.processes
    )


def check_room(slot: Slot, nodes: Sequence[Node]) -> None:
    """ValueError if no trial could ever run on some nodes; Tune would wait in silence."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    most = max((node.get("CPU", 0) for node in alive), default=0)
    if not most:  # an autoscaler may yet bring some
        return
    if most < slot.cpus:
        raise ValueError(
            f"a trial wants {slot.cpus:g} CPU cores on one node, and no node of the cluster has "
            f"more than {most:g}; a smaller --cpus-per-trial, or fewer --threads, would do"
        )
    if room(slot, nodes) < slot.processes:
        raise ValueError(
            f"a trial wants {slot.told()}, and the nodes have "
            f"{'; '.join(amount(node.get('CPU', 0), node.get('GPU', 0)) for node in alive)}"
        )


def room(slot: Slot, nodes: Iterable[Node]) -> int:
    """How many processes of trials the nodes have room for."""
    return sum(map(slot.room_on, nodes))


def why_waiting(slot: Slot, nodes: list[Node], free: dict[str, float]) -> str:
    """Why a trial waits: no nodes are large enough, or something else holds what it wants."""
    alive = [node for node in nodes if node["Alive"]]
    if room(slot, alive) < slot.processes:
        if slot.processes > 1:
            return f"{len(alive)} nodes have no room for {slot.told()}; one must join the cluster"
        wanted = amount(slot.cpus, slot.gpus)
        return f"none of {len(alive)} nodes has {wanted}; one must join the cluster"
    large = sum(slot.room_on(node) > 0 for node in alive)
    left = amount(free.get("CPU", 0), free.get("GPU", 0))
    return (
        f"each wants {slot.told()}; {large} of {len(alive)} nodes have that much, but "
        f"in the whole cluster {left} are free: something else runs there, or a worker is still "
        "starting (ray status shows what)"
    )


def amount(cpus: float, gpus: float) -> str:
    """Cores and GPUs in words; no GPUs are not mentioned."""
    return f"{cpus:g} CPU" + f" and {gpus:g} GPU" * bool(gpus)
