"""Counts the networks of a space part by part: a part that many of them share is counted once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from harness.architecture import Architecture, Part
from harness.components import described
from harness.fold import fold_batch_norms
from harness.measure.cost import Cost
from harness.measure.static import Work, count_static, work_of
from harness.network import Network, assemble, build_anew, deploy, enlarged
from harness.promises import check_output, check_traceable, failing

Given = Tensor | dict[str, Tensor] | None
"""What a part may get or give; on the meta device it has a shape and no values."""


class ByPart:
    """Counts deployed networks for some number of classes, at (height, width) in pixels.

    The figures are those of ``count_static``, to the integer. A batch norm at the start of a part
    may fold into the part before it: such a network is counted as a whole.
    """

    def __init__(self, num_classes: int, size: tuple[int, int]) -> None:
        self.num_classes = num_classes
        self.size = size
        self._parts: dict[Any, Any] = {}
        self._results: dict[Any, tuple[Work | None, Given]] = {}

    def count(self, architecture: Architecture) -> Cost:
        """The cost of an architecture.

        Whatever assembling raises comes through; BrokenPromise for a part that fails, or that
        gives something else than it declares.
        """
        with torch.device("meta"), torch.no_grad():
            network = assemble(architecture, self.num_classes, self._build).eval()
            try:
                works = self._works(network, architecture.parts())
            except Exception:
                check_traceable(network, architecture)
                raise
            total = Work()
            for work in works:
                if work is None:
                    return count_static(deploy(network), self.size)
                total = total + work
        return total.cost(self.size)

    def _build(self, kind: str, part: Part, *inputs: Any) -> Any:
        key = kind, part, repr(inputs)
        if key not in self._parts:
            self._parts[key] = build_anew(kind, part, *inputs)
        return self._parts[key]

    def _works(self, network: Network, parts: Mapping[str, Part]) -> list[Work | None]:
        """The work of each part of a network, in the order in which an image meets them."""
        works: list[Work | None] = []

        def run(kind: str, module: nn.Module, *inputs: Given) -> Any:
            work, output = self._result(described(kind, parts[kind]), module, inputs)
            works.append(work)
            return output

        paths, image = network.paths, torch.empty(1, 3, *self.size)
        detail = run("detail", paths.detail, image) if paths.detail.taps else {}
        pyramid = run("semantic", paths.semantic, image) if paths.semantic.taps else {}
        given = run("context", paths.context, pyramid) if paths.context is not None else None
        semantic = given["out"] if isinstance(given, dict) else given
        last = next(reversed(detail.values())) if detail else None
        logits = run("head", network.head, run("fusion", paths.fusion, last, semantic))
        return [*works, work_of(_Enlarged(network.head), logits, image)]

    def _result(
        self, where: str, module: nn.Module, inputs: tuple[Given, ...]
    ) -> tuple[Work | None, Given]:
        key = module, repr([_shape(each) for each in inputs])
        if key not in self._results:
            try:
                output = module(*inputs)
            except Exception as error:
                raise failing(where, error, self.size) from error
            check_output(where, module, inputs, output, self.size)
            self._results[key] = self._work(module, inputs), output
        return self._results[key]

    def _work(self, module: nn.Module, inputs: tuple[Given, ...]) -> Work | None:
        """What a part does once it is deployed; None if that hangs on the part before it."""
        tensors: list[Tensor] = []
        form = [_flattened(each, tensors) for each in inputs]
        folded = fold_batch_norms(_Alone(module, form).eval())
        return None if _begins_with_a_norm(folded) else work_of(folded, tensors)


class _Alone(nn.Module):
    """A part that takes its tensors in one list, so that whatever it is given it can be traced."""

    def __init__(self, part: nn.Module, form: list[Callable[[Any], Any]]) -> None:
        super().__init__()
        self.part = part
        self.form = form

    def forward(self, tensors: list[Tensor]) -> Any:
        """Gives the part its inputs in the form that it takes."""
        return self.part(*(restore(tensors) for restore in self.form))


def _flattened(given: Given, tensors: list[Tensor]) -> Callable[[Any], Any]:
    """Adds an input's tensors to a list; gives what makes the input of that list again."""
    if given is None:
        return lambda _: None
    start = len(tensors)
    if isinstance(given, dict):
        tensors += given.values()
        return lambda all_: {name: all_[start + i] for i, name in enumerate(given)}
    tensors.append(given)
    return lambda all_: all_[start]


def _shape(given: Given) -> Any:
    if isinstance(given, dict):
        return {name: tuple(each.shape) for name, each in given.items()}
    return None if given is None else tuple(given.shape)


def _begins_with_a_norm(folded: fx.GraphModule) -> bool:
    """Whether a batch norm reads an input: that lies in a list, as ``_Alone`` has it."""
    for node in folded.graph.nodes:
        if node.op == "call_module" and isinstance(
            folded.get_submodule(str(node.target)), nn.BatchNorm2d
        ):
            source = node.args[0]
            if isinstance(source, fx.Node) and source.target is operator.getitem:
                return True
    return False


class _Enlarged(nn.Module):
    """The step from a head's logits to image size; the head's weights are counted with the head."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self._head = [head]  # in a list, so that it is no submodule

    def forward(self, logits: Tensor, image: Tensor) -> Tensor:
        """Gives the logits at image size."""
        return enlarged(self._head[0], logits, image)
