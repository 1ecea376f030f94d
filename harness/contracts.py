"""The contract of each kind of part as plain checks, for the built-in parts and for a plugin's.

A plugin's author tests a part that is registered with a few lines::

    @pytest.mark.parametrize("check", contracts.CHECKS["fusion"])
    def test_weighted_sum_keeps_the_contract(check):
        check("fusion", "weighted_sum")

or all at once with ``contracts.check_part("fusion", "weighted_sum")``. A check that fails raises
AssertionError, naming the part and what was seen. Parts are built with their defaults, at sizes
that do not divide by their strides.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, fx

from harness.architecture import KINDS, Part
from harness.components import REGISTRIES, AuxHeads, Feature
from harness.specimens import NUM_CLASSES, SIZES, Bound, specimens, told

Check = Callable[[str, str], None]


def _demand(true: bool, kind: str, name: str, seen: str) -> None:
    if not true:
        raise AssertionError(f"{kind} {name!r}: {seen}")


def check_output(kind: str, name: str) -> None:
    """Outputs have the declared names, order, channels, and sizes within a pixel of the stride's.

    A part that gives the stride of one of its inputs gives that input's exact size.
    """
    for bound in specimens(kind, Part(name)):
        for size in SIZES:
            tensors = bound.tensors(size)
            with torch.no_grad():
                outputs = bound.eval()(tensors)
            given = list(outputs)
            _demand(given == list(bound.declared), kind, name, f"gives {given}, not as declared")
            exact = {tuple(tensor.shape[-2:]) for tensor in tensors}
            for tap, feature in bound.declared.items():
                seen = f"{tap} is {tuple(outputs[tap].shape)} for a {size} image, not {feature}"
                _demand(_has_shape(outputs[tap], feature, size, exact), kind, name, seen)


def _has_shape(output: Tensor, feature: Feature, size: tuple[int, int], exact: set[Any]) -> bool:
    sides = tuple(output.shape[-2:])
    ceil = tuple(math.ceil(side / feature.stride) for side in size)
    near = all(abs(got - side / feature.stride) < 1 for got, side in zip(sides, size, strict=True))
    return output.shape[:2] == (2, feature.channels) and (sides == ceil if ceil in exact else near)


def check_gradients(kind: str, name: str) -> None:
    """Every weight gets a finite gradient that is not zero when the part is trained."""
    for bound in specimens(kind, Part(name)):
        outputs = bound.train()(bound.tensors(SIZES[-1], batch=4))
        # Of a plain sum behind a batch norm the gradient is zero: each place needs its own weight.
        generator = torch.Generator().manual_seed(1)
        trained = [each for each in outputs.values() if each.requires_grad]
        weighed = [(each * torch.randn(each.shape, generator=generator)).sum() for each in trained]
        if weighed:
            torch.autograd.backward(weighed)
        for key, weight in bound.part.named_parameters():
            alive = weight.grad is not None and bool(weight.grad.isfinite().all())
            alive = alive and bool((weight.grad != 0).any())
            _demand(alive, kind, name, f"no gradient reaches {key}")


def check_traceable(kind: str, name: str) -> None:
    """``torch.fx`` traces the part once for all sizes, as deployment needs."""
    for bound in specimens(kind, Part(name)):
        traced = fx.symbolic_trace(bound.eval())
        for size in SIZES[1:]:
            with torch.no_grad():
                want, got = bound(bound.tensors(size)), traced(bound.tensors(size))
            same = all(torch.equal(want[tap], got[tap]) for tap in want)
            _demand(same, kind, name, f"the traced part gives something else for a {size} image")


def check_pure(kind: str, name: str) -> None:
    """In eval mode the same inputs give the same outputs, and are left as they were.

    An input that is changed in place would spoil the tap that another part reads.
    """
    for bound in specimens(kind, Part(name)):
        tensors = bound.tensors(SIZES[1])
        before = [tensor.clone() for tensor in tensors]
        with torch.no_grad():
            first = {tap: output.clone() for tap, output in bound.eval()(tensors).items()}
            again = bound(tensors)
        kept = all(map(torch.equal, before, tensors))
        _demand(kept, kind, name, "changes its input in place")
        same = all(torch.equal(first[tap], again[tap]) for tap in first)
        _demand(same, kind, name, "gives something else the second time")


def check_options(kind: str, name: str, values: Mapping[str, Any] | None = None) -> None:
    """Every option changes something: weights' shapes, the traced graph, an output, the taps.

    Another value is derived from each option's default; give ``values`` where that cannot be
    done, as for free text.
    """
    inputs = told(kind, name)[0]
    plain = _fingerprint(kind, Part(name), inputs)
    for option, default in REGISTRIES[kind].options(name).items():
        others = [values[option]] if values and option in values else _others(kind, name, option)
        _demand(bool(others), kind, name, f"give check_options a value for {option!r}")
        alive = any(
            _differs(plain, kind, Part(name, **{option: other}), inputs) for other in others
        )
        seen = f"option {option!r} changes nothing from {default!r} to any of {others}"
        _demand(alive, kind, name, seen)


def _others(kind: str, name: str, option: str) -> list[Any]:
    """Other values that an option may take, judged by its default and its annotation."""
    default = REGISTRIES[kind].options(name)[option]
    hint = get_type_hints(REGISTRIES[kind].get(name).__init__).get(option)
    if get_origin(hint) is Literal:
        return [value for value in get_args(hint) if value != default]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [default // 2 if default > 1 else default + 1, default + 2]
    if isinstance(default, float):
        return [default / 2 if default else 0.5]
    if isinstance(default, tuple):
        return [default[:-1]] if default else []
    numbers = {int: 10, float: 0.5}
    return [numbers[each] for each in get_args(hint) if each in numbers] if default is None else []


def _differs(plain: Any, kind: str, part: Part, inputs: tuple[Any, ...]) -> bool:
    """Whether a part differs from the plain one; a value that it refuses shows nothing."""
    try:
        other = _fingerprint(kind, part, inputs)
    except ValueError:
        return False
    return bool(other != plain)


def _fingerprint(kind: str, part: Part, inputs: tuple[Any, ...]) -> Any:
    if kind == "aux_heads":
        placement = REGISTRIES[kind].build(part, *inputs)
        return placement.chosen, placement.head
    bound = Bound(kind, part, inputs)
    shapes = {key: tuple(each.shape) for key, each in bound.state_dict().items()}
    outputs = []
    for training in (True, False):
        with torch.random.fork_rng(devices=()), torch.no_grad():
            torch.manual_seed(0)
            outputs += list(bound.train(training)(bound.tensors(SIZES[-1])).values())
    graph = fx.symbolic_trace(bound.eval())
    return shapes, graph.code, repr(graph), [output.tolist() for output in outputs]


def check_documented(kind: str, name: str) -> None:
    """The class and its file each open with a docstring."""
    cls = REGISTRIES[kind].get(name)
    module = inspect.getmodule(cls)
    _demand(bool(cls.__dict__.get("__doc__")), kind, name, "the class has no docstring")
    _demand(bool(module and module.__doc__), kind, name, "its file has no docstring")


def check_placement(kind: str, name: str) -> None:
    """A placement chooses taps that are there, each once, and a head that can be built."""
    for inputs in told(kind, name):
        placement: AuxHeads = REGISTRIES[kind].build(Part(name), *inputs)
        (taps,) = inputs
        strange = [tap for tap in placement.chosen if tap not in taps]
        _demand(not strange, kind, name, f"chooses {strange}, but the taps are {list(taps)}")
        once = len(set(placement.chosen)) == len(placement.chosen)
        _demand(once, kind, name, f"chooses a tap twice: {placement.chosen}")
        for tap in placement.chosen:
            REGISTRIES["head"].build(placement.head, taps[tap], NUM_CLASSES)


_MODULE: tuple[Check, ...] = (
    check_output,
    check_gradients,
    check_traceable,
    check_pure,
    check_options,
    check_documented,
)
CHECKS: Mapping[str, tuple[Check, ...]] = {
    **{kind: _MODULE for kind in KINDS},
    "aux_heads": (check_placement, check_options, check_documented),
}
"""The checks that a part of each kind must pass."""


def check_part(kind: str, name: str) -> None:
    """Runs all checks of a kind of part; AssertionError for the first that fails."""
    for check in CHECKS[kind]:
        check(kind, name)
