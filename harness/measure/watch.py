"""Watches a module run: every operator with its module path, and which results it was made from.

Nothing need be computed: on the ``meta`` device a pass takes a fraction of a second. The module is
copied first, without its weights, and the copy is watched.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

from harness.measure.cost import plain_attention
from harness.measure.memory import Live
from harness.measure.static import Pooled, Tally, Work, tallied
from harness.measure.traffic import is_view, tensors_in

Call = tuple[int, str]
"""A call of a module: its number and the module's path."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operator that ran.

    ``calls`` are the module calls that it ran in, outermost first; ``reads`` says whether it reads
    a tensor, ``made_from`` by which steps those were made; ``macs`` are the multiply-adds of a
    convolution or a product.
    ``inputs`` are its arguments by name, tensors as their shapes.
    """

    name: str
    calls: tuple[Call, ...]
    reads: bool
    made_from: frozenset[int]
    macs: int
    inputs: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The path of the innermost module; empty for the watched one itself."""
        return self.calls[-1][1] if self.calls else ""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A pass: its steps in order, the numbers of those that the output hangs on, the output.

    ``unread`` are the parameters, by path, that no operator read; ``peak_bytes`` is the most that
    tensors held at a time, weights and image included; ``work`` is what all steps add up to.
    """

    steps: tuple[Step, ...]
    reached: frozenset[int]
    outputs: tuple[Tensor, ...]
    unread: tuple[str, ...]
    peak_bytes: int
    work: Work


def bare(module: nn.Module) -> nn.Module:
    """A copy in eval mode whose parameters and buffers are on the meta device, without values."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        empty = torch.empty_like(tensor, device="meta", requires_grad=False)
        if isinstance(tensor, nn.Parameter):
            empty = nn.Parameter(empty, requires_grad=tensor.requires_grad)
        memo[id(tensor)] = empty
    return copy.deepcopy(module, memo).eval()


def watch(module: nn.Module, size: tuple[int, int], batch: int = 1) -> Watched:
    """A pass in eval mode over images (batch, 3, height, width), size in pixels.

    On the meta device; for a module that makes tensors of its own, and so cannot run there, on the
    CPU. The module is left as it was. Whatever it raises on the CPU comes through; TypeError if it
    gives no tensor.
    """
    shape = (batch, 3, *size)
    with plain_attention(), torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            return _watched(bare(module), torch.empty(shape, device="meta"))
        except Exception:
            return _watched(copy.deepcopy(module).cpu().eval(), torch.zeros(shape))


def _watched(module: nn.Module, image: Tensor) -> Watched:
    live = Live((*module.parameters(), *module.buffers(), image))
    tally, pooled = Tally(), Pooled()
    with live, tally, pooled, _Watcher(module) as watcher:
        given = module(image)
    outputs = tuple(tensors_in(given))
    if not outputs:
        raise TypeError(f"{type(module).__name__} gives {type(given).__name__}, not a tensor")
    return Watched(
        steps=tuple(watcher.steps),
        reached=watcher.reached(outputs),
        outputs=outputs,
        unread=tuple(watcher.unread.values()),
        peak_bytes=live.peak_bytes,
        work=tallied(module, tally, pooled),
    )


class _Watcher(TorchDispatchMode):
    """Notes every operator but views, for a module that it puts hooks on."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self.unread: dict[int, str] = {}
        self._kept: list[Any] = []  # parameters' storages, so that no other takes their id
        self._writer: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._roots: set[int] = set()
        self._calls: list[Call] = []
        self._num_calls = 0
        for path, each in module.named_modules():
            each.register_forward_pre_hook(self._entering(path), prepend=True)
            each.register_forward_hook(self._leaving)
        for name, parameter in module.named_parameters():
            storage = parameter.untyped_storage()
            self._kept.append(storage)
            self.unread[id(storage)] = name

    def _entering(self, path: str) -> Any:
        def enter(*_: Any) -> None:
            self._num_calls += 1
            self._calls.append((self._num_calls, path))

        return enter

    def _leaving(self, *_: Any) -> None:
        self._calls.pop()

    def __torch_dispatch__(
        self, operator: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        output = operator(*inputs, **options)
        read = [each.untyped_storage() for each in tensors_in((inputs, options))]
        for storage in read:
            self.unread.pop(id(storage), None)
        if not is_view(operator):
            self._note(operator, inputs, options, output, read)
        return output

    def _note(self, operator: Any, inputs: Any, options: Any, output: Any, read: list[Any]) -> None:
        number = len(self.steps)
        made_from = frozenset(self._writer[each] for each in read if each in self._writer)
        macs = _macs(operator, inputs, options, output)
        names = (each.name for each in operator._schema.arguments)
        given = {name: _shape(value) for name, value in zip(names, inputs, strict=False)}
        given |= {name: _shape(value) for name, value in options.items()}
        name = operator._schema.name
        self.steps.append(Step(name, tuple(self._calls), bool(read), made_from, macs, given))
        written = list(tensors_in(output))
        for tensor in written:
            self._writer[tensor.untyped_storage()] = number
        if not written:
            self._roots.add(number)  # Python itself reads the value

    def reached(self, outputs: tuple[Tensor, ...]) -> frozenset[int]:
        """The numbers of the steps that outputs, or what Python read, were made from."""
        storages = (each.untyped_storage() for each in outputs)
        waiting = [self._writer[each] for each in storages if each in self._writer]
        waiting += self._roots
        found: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self.steps[number].made_from
        return frozenset(found)


def _macs(operator: Any, inputs: Any, options: Any, output: Any) -> int:
    """Multiply-adds by torch's own formulas, which give two FLOPs for each."""
    formula = flop_registry.get(operator._overloadpacket)
    return int(formula(*inputs, **options, out_val=output)) // 2 if formula else 0


def _shape(value: Any) -> Any:
    """A value without its tensors, which would otherwise live on: their shapes."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_shape, value))
    return tuple(value.shape) if isinstance(value, Tensor) else value
