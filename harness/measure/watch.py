"""Watches a module run: every operator with its module path, and which results it was made from.

Nothing need be computed: on the ``meta`` device a pass takes a fraction of a second. The module is
copied first, without its weights, and the copy is watched.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

Call = tuple[int, str]
"""A call of a module: its number and the module's path."""

SAME_DATA = frozenset({"aten::_unsafe_view", "aten::lift_fresh"})
"""Operators that only look at their input otherwise, beside those whose schema says so."""

UNWRITTEN = frozenset({"aten::empty", "aten::empty_strided", "aten::empty_like"})
"""Operators that reserve memory and touch none of it."""


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

    ``unread`` are the parameters, by path, that no operator read.
    """

    steps: tuple[Step, ...]
    reached: frozenset[int]
    outputs: tuple[Tensor, ...]
    unread: tuple[str, ...]


@cache
def is_view(operator: Any) -> bool:
    """Whether an operator only looks at its input otherwise: no element is read or written."""
    if operator._schema.name in SAME_DATA:
        return True
    returns = operator._schema.returns
    aliases = [each.alias_info for each in returns]
    return bool(aliases) and all(a is not None and not a.is_write for a in aliases)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists, mappings and plain objects."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, (list, tuple, set)):
        for each in value:
            yield from tensors_in(each)
    elif hasattr(value, "__dict__") and not isinstance(value, (type, nn.Module)):
        yield from tensors_in(vars(value))


def bare(module: nn.Module) -> nn.Module:
    """A copy in eval mode whose parameters and buffers are on the meta device, without values."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        empty = torch.empty_like(tensor, device="meta", requires_grad=False)
        if isinstance(tensor, nn.Parameter):
            empty = nn.Parameter(empty, requires_grad=tensor.requires_grad)
        memo[id(tensor)] = empty
    return copy.deepcopy(module, memo).eval()


@contextmanager
def unchanged() -> Iterator[None]:
    """Without gradients or MHA's fast path, which hides its operators; leaves the dice alone."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def watch(module: nn.Module, size: tuple[int, int], batch: int = 1) -> Watched:
    """A pass in eval mode over images (batch, 3, height, width), size in pixels.

    On the meta device; for a module that makes tensors of its own, and so cannot run there, on the
    CPU. The module is left as it was. Whatever it raises on the CPU comes through; TypeError if it
    gives no tensor.
    """
    shape = (batch, 3, *size)
    with unchanged():
        try:
            return _watched(bare(module), torch.empty(shape, device="meta"))
        except Exception:
            return _watched(copy.deepcopy(module).cpu().eval(), torch.zeros(shape))


def _watched(module: nn.Module, image: Tensor) -> Watched:
    with _Watcher(module) as watcher:
        given = module(image)
    outputs = tuple(tensors_in(given))
    if not outputs:
        raise TypeError(f"{type(module).__name__} gives {type(given).__name__}, not a tensor")
    return Watched(
        steps=tuple(watcher.steps),
        reached=watcher.reached(outputs),
        outputs=outputs,
        unread=tuple(watcher.unread.values()),
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
        if not is_view(operator) and operator._schema.name not in UNWRITTEN:
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
    return tuple(value.shape) if isinstance(value, Tensor) else value
