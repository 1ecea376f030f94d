"""The nodes of a Ray cluster: asked one by one, and which of them was lost."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import ray
import ray._private.state
from ray.exceptions import AuthenticationError, GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import harness.versions
from harness.mistakes import one_line
from harness.versions import differing, versions

NODE_DIED = ("its node has died", "the actor's node was")
"""What Ray 2.60 says of an actor whose node it already knows to be gone."""

AWAY = re.compile(r"actor(?:_id:)? ([0-9a-f]{32})\b")
"""Where Ray names the actor that died or cannot be reached."""

GRACE_S = 3.0
"""A machine that is shut down ends its processes first, and seconds later is itself gone."""

PATIENCE_S = 120.0
"""For how long Ray may make up its mind about a node that is silent; by itself it takes 66 s."""

TOKEN = (
    "where ray start found or was told to use a token, export RAY_AUTH_MODE=token here too, with "
    "the nodes' own ~/.ray/auth_token or RAY_AUTH_TOKEN (docs/cluster.md, Who can reach it)"
)
"""What most often keeps a cluster that answers from letting anybody in."""


class MachineLost(BaseException):
    """A trial's machine is gone, which says nothing of the trial.

    No ``Exception``: whoever makes a failed row of an error must not make one of this.
    """


@dataclass(frozen=True, kw_only=True)
class Inquest:
    """Finds out whether an actor that Ray cannot reach was lost alone, or with its machine.

    ``said`` is Ray's error, which comes before Ray itself knows what happened.
    """

    said: str
    began: float = field(default_factory=time.monotonic)

    def is_machine_lost(self) -> bool | None:
        """Whether a machine was lost; None while that is open."""
        if any(each in self.said for each in NODE_DIED):
            return True
        named = AWAY.search(self.said)
        if named is None:
            return False
        waited = time.monotonic() - self.began
        if waited < GRACE_S:
            return None
        about = ray._private.state.actors(named.group(1))
        if about.get("State") == "DEAD":
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            return about["Address"]["NodeID"] not in alive
        return True if waited > PATIENCE_S else None

    def wait(self) -> bool:
        """Waits until it is known whether a machine was lost."""
        while (found := self.is_machine_lost()) is None:
            time.sleep(0.2)
        return found


def join(address: str, **options: Any) -> None:
    """Joins a cluster, or with "local" starts one; its log is what rows say.

    ConnectionError where it does not let us in, with the remedy: Ray itself says nothing of it.
    """
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except (ConnectionError, AuthenticationError) as error:
        said = one_line(error).partition(". ")[0]
        raise ConnectionError(f"{said}; {TOKEN}") from error


def check_versions() -> None:
    """ValueError that names each node with another twopath, torch or Ray than this process."""
    ours, wrong = versions(), []
    for name, theirs in on_every_node(versions).items():
        said = [theirs] if isinstance(theirs, str) else differing(ours, theirs)
        if said:
            wrong.append(f"node {name}: {', '.join(said)}")
    if wrong:
        raise ValueError(f"{'; '.join(wrong)}; install the same versions on every node")


def on_every_node(
    function: Callable[..., Any], *arguments: Any, patience_s: float = 180.0
) -> dict[str, Any]:
    """What a function gives on each node by the node's name; a string for why it gave nothing.

    A function of ``harness.versions`` is sent as it is, to nodes that may not have it.
    """
    ray.cloudpickle.register_pickle_by_value(harness.versions)
    tasks = {}
    for node in ray.nodes():
        if node["Alive"]:
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(function).options(
                num_cpus=0, max_retries=0, scheduling_strategy=where
            )
            name = f"{node['NodeManagerAddress']} ({node['NodeID'][:6]})"
            tasks[name] = task.remote(*arguments)
    ray.wait(list(tasks.values()), num_returns=len(tasks), timeout=patience_s)
    return {name: _given(task, patience_s) for name, task in tasks.items()}


def _given(task: Any, patience_s: float) -> Any:
    try:
        return ray.get(task, timeout=0.1)
    except GetTimeoutError:
        return f"no answer within {patience_s:g} s"
    except Exception as error:
        return one_line(getattr(error, "cause", None) or error)[:300]


def nodes_of(address: str, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Joins a cluster, calls a function on every node, and leaves."""
    join(address)
    try:
        return on_every_node(function, *arguments)
    finally:
        with redirect_stdout(sys.stderr):
            ray.shutdown()
