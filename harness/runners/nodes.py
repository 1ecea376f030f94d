"""The nodes of a Ray cluster: asked one by one, and which of them was lost."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import ray
from ray.exceptions import GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import harness.versions
from harness.mistakes import one_line
from harness.versions import differing, versions

NODE_DIED = ("its node has died", "the actor's node was")
"""What Ray 2.60 says of an actor whose node is gone, killed, cut off or taken away."""


class MachineLost(BaseException):
    """A trial's machine is gone, which says nothing of the trial.

    No ``Exception``: whoever makes a failed row of an error must not make one of this.
    """


def is_machine_lost(said: str) -> bool:
    """Whether what Ray says of an error is that a node is gone, and not only a process on it."""
    return any(each in said for each in NODE_DIED)


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
    ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        return on_every_node(function, *arguments)
    finally:
        with redirect_stdout(sys.stderr):
            ray.shutdown()
