"""Engines that come with torch: its compiler, and CUDA graphs."""

from __future__ import annotations

import os
import shutil

import torch
from torch import Tensor, fx, nn

from harness.backends.contract import REPLAYS, RUNS, Backend, Running, backends, still_a_network

WARM_CALLS = 3
"""Calls before a graph is captured, as torch's documentation asks for."""


@backends.register("compile")
class Compile(Backend):
    """torch.compile for one input size; on a CUDA device it tries the kernels out."""

    stage = RUNS

    def apply(self, running: Running, example: Tensor) -> Running:
        """The compiled network, after the first call, which is what compiles it."""
        network = still_a_network(running, "compile")
        _check_compiler()
        mode = "max-autotune" if running.device.type == "cuda" else "default"
        counters = torch._dynamo.utils.counters
        breaks, graphs = _breaks(counters), counters["stats"]["unique_graphs"]
        compiled = torch.compile(own_code(network), dynamic=False, mode=mode)
        with torch.inference_mode():  # as it is called later; else it would compile again
            compiled(running.place(example))
        return running.taken(
            compiled,
            compile_mode=mode,
            graph_breaks=_breaks(counters) - breaks,
            graphs=counters["stats"]["unique_graphs"] - graphs,
        )


def own_code(network: nn.Module) -> nn.Module:
    """The network with a forward function of its own, where torch.fx can give it one.

    The compiler keeps what it made by function, and after eight versions of one it runs the rest
    as they are without a word; networks of one class all share theirs.
    """
    try:
        return fx.symbolic_trace(network)
    except Exception:  # whatever the network's own code does when it is traced
        return network


def _breaks(counters: object) -> int:
    return sum(counters["graph_break"].values())  # type: ignore[index]


def _check_compiler() -> None:
    names = [each for each in (os.environ.get("CXX"), "g++", "clang++", "cl") if each]
    if not any(map(shutil.which, names)):
        raise ValueError(
            f"torch.compile needs a C++ compiler, and there is none of {', '.join(names)} on the "
            "PATH; install g++, or name one by the environment variable CXX"
        )


@backends.register("cuda_graph")
class CudaGraph(Backend):
    """One captured CUDA graph, replayed: no launch costs. What it gives is overwritten by the next.

    It may follow ``compile``.
    """

    stage = REPLAYS
    device = "cuda"

    def apply(self, running: Running, example: Tensor) -> Running:
        """The captured network; its input is copied to where the graph reads it."""
        static = running.place(example).clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_CALLS):
                running(static)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = running(static)

        def replay(image: Tensor) -> Tensor:
            static.copy_(image)
            graph.replay()
            return output

        return running.taken(replay)
