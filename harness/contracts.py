"""The contract of each kind of part as plain checks, for the built-in parts and for a plugin's.

A plugin's author tests a part that is registered with one line::

    test_weighted_sum = contracts.suite("fusion", "weighted_sum")

or, without pytest, with ``contracts.check_part("fusion", "weighted_sum")``. A check that fails
raises AssertionError, naming the part and what was seen. Parts are built with their defaults, at
sizes that do not divide by their strides.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, fx, nn

from harness.architecture import KINDS, SCRATCH, Part
from harness.components import REGISTRIES, AuxHeads, Feature
from harness.fold import fold_batch_norms
from harness.measure import cost, static
from harness.names import unknown
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
                # A head sees no image: of a pixel that it is given too much, it makes several.
                step = bound.inputs[0].stride / feature.stride if kind == "head" else 1
                good = _has_shape(outputs[tap], feature, size, exact, step)
                _demand(good, kind, name, seen)


def _has_shape(
    output: Tensor, feature: Feature, size: tuple[int, int], exact: set[Any], step: float
) -> bool:
    sides = tuple(output.shape[-2:])
    ceil = tuple(math.ceil(side / feature.stride) for side in size)
    near = all(
        abs(got - side / feature.stride) < step for got, side in zip(sides, size, strict=True)
    )
    return output.shape[:2] == (2, feature.channels) and (sides == ceil if ceil in exact else near)


def check_gradients(kind: str, name: str) -> None:
    """Every weight and input gets a finite gradient that is not zero when the part is trained.

    Of a context module's pyramid one tap is enough: it may leave the others alone.
    """
    for bound in specimens(kind, Part(name)):
        tensors = [each.requires_grad_() for each in bound.tensors(SIZES[-1], batch=4)]
        outputs = bound.train()(tensors)
        # Of a plain sum behind a batch norm the gradient is zero: each place needs its own weight.
        generator = torch.Generator().manual_seed(1)
        trained = [each for each in outputs.values() if each.requires_grad]
        weighed = [(each * torch.randn(each.shape, generator=generator)).sum() for each in trained]
        if weighed:
            torch.autograd.backward(weighed)
        for key, weight in bound.part.named_parameters():
            _demand(_learns(weight), kind, name, f"no gradient reaches {key}")
        if outputs:
            reached = [_learns(each) for each in tensors]
            enough = any(reached) if kind == "context" else all(reached)
            seen = f"no gradient reaches input {reached.index(False)}" if not enough else ""
            _demand(enough, kind, name, seen)


def _learns(tensor: Tensor) -> bool:
    """Whether a finite gradient has come, and not all of it is zero."""
    grad = tensor.grad
    return grad is not None and bool(grad.isfinite().all()) and bool((grad != 0).any())


def check_traceable(kind: str, name: str) -> None:
    """``torch.fx`` traces the part once for all sizes, as deployment needs."""
    for bound in specimens(kind, Part(name)):
        traced = fx.symbolic_trace(bound.eval())
        for size in SIZES[1:]:
            with torch.no_grad():
                want, got = bound(bound.tensors(size)), traced(bound.tensors(size))
            same = all(torch.equal(want[tap], got[tap]) for tap in want)
            _demand(same, kind, name, f"the traced part gives something else for a {size} image")


def check_exportable(kind: str, name: str) -> None:
    """``torch.export`` takes the part, and what it exports gives the same."""
    bound = specimens(kind, Part(name))[0].eval()
    tensors = bound.tensors(SIZES[1])
    with torch.no_grad():
        exported = torch.export.export(bound, (tensors,)).module()
        want, got = bound(tensors), exported(tensors)
    same = all(torch.allclose(want[tap], got[tap], atol=1e-5) for tap in want)
    _demand(same, kind, name, "the exported part gives something else")


def check_folded(kind: str, name: str) -> None:
    """Folding the batch norms, as deployment does, changes outputs by rounding only."""
    for bound in specimens(kind, Part(name)):
        _train_norms(bound)
        tensors = bound.eval().tensors(SIZES[1])
        with torch.no_grad():
            want, got = bound(tensors), fold_batch_norms(bound)(tensors)
        same = all(torch.allclose(want[t], got[t], rtol=1e-3, atol=_loose(want[t])) for t in want)
        _demand(same, kind, name, "gives something else when its batch norms are folded")


def _train_norms(module: nn.Module) -> None:
    """Takes batch norms away from the identity, as training would."""
    generator = torch.Generator().manual_seed(0)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d) and each.running_mean is not None:
            assert each.running_var is not None
            each.running_mean.normal_(0, 0.1, generator=generator)
            each.running_var.uniform_(0.5, 2, generator=generator)


def _loose(tensor: Tensor) -> float:
    """What rounding may change, for values of that size."""
    return 1e-4 * max(1.0, float(tensor.abs().max()))


def check_single(kind: str, name: str) -> None:
    """In eval mode a batch of one image is enough, and gives what the image gives in company."""
    for bound in specimens(kind, Part(name)):
        tensors = bound.eval().tensors(SIZES[1])
        with torch.no_grad():
            both, alone = bound(tensors), bound([each[:1] for each in tensors])
        same = all(
            torch.allclose(both[t][:1], alone[t], rtol=1e-3, atol=_loose(both[t])) for t in both
        )
        _demand(same, kind, name, "an image's output depends on the others of its batch")


def check_counted(kind: str, name: str) -> None:
    """Two counters agree on the multiply-adds to the integer, and every operator is known.

    One reads a traced graph, the other what is dispatched: work whose result nobody uses is seen
    by the second only.
    """
    for bound in specimens(kind, Part(name)):
        tensors = bound.eval().tensors(SIZES[1], batch=1)
        by_operator, uncounted = cost.multiply_adds(bound, tensors)
        strange = sorted(uncounted.keys() - cost.WITHOUT_MACS)
        _demand(not strange, kind, name, f"uses operators that cannot be counted: {strange}")
        bare = copy.deepcopy(bound).to("meta")
        dispatched = static.matrix_macs(bare, [each.to("meta") for each in tensors])
        traced = cost.matrix_macs(by_operator)
        seen = f"{traced} multiply-adds are in the graph, {dispatched} are done"
        _demand(traced == dispatched, kind, name, seen)


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
    plain, known = _fingerprint(kind, Part(name), inputs), dict(values or {})
    for option, default in REGISTRIES[kind].options(name).items():
        others = [known[option]] if option in known else other_values(kind, name, option)
        _demand(bool(others), kind, name, f"give check_options a value for {option!r}")
        alive = any(
            _differs(plain, kind, Part(name, **{option: other}), inputs) for other in others
        )
        seen = f"option {option!r} changes nothing from {default!r} to any of {others}"
        _demand(alive, kind, name, seen)


def other_values(kind: str, name: str, option: str) -> list[Any]:
    """Other values that an option may take, judged by its default and its annotation."""
    default = REGISTRIES[kind].options(name)[option]
    if default == SCRATCH:
        return ["another-0123abcd.pth"]  # it is looked for when it is loaded, not when it is named
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
    weights = getattr(bound.part, "weights", None)
    given = [output.tolist() for output in outputs]
    return shapes, graph.code, repr(graph), given, weights and weights.name


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
    check_exportable,
    check_folded,
    check_single,
    check_counted,
    check_pure,
    check_options,
    check_documented,
)
CHECKS: Mapping[str, tuple[Check, ...]] = {
    **{kind: _MODULE for kind in KINDS},
    "aux_heads": (check_placement, check_options, check_documented),
}
"""The checks that a part of each kind must pass."""


def check_part(kind: str, name: str, values: Mapping[str, Any] | None = None) -> None:
    """Runs all checks of a kind of part; AssertionError for the first that fails.

    ``values`` are for the options of which ``check_options`` cannot guess another value.
    """
    for check in CHECKS[kind]:
        _run(check, kind, name, values)


def suite(kind: str, name: str, values: Mapping[str, Any] | None = None) -> Callable[[Check], None]:
    """All checks of a part as a test for pytest, which runs it once for each check.

    Assign it to a name that pytest collects. ``values`` are for the options of which
    ``check_options`` cannot guess another value. KeyError for an unknown kind.
    """
    import pytest  # for authors of plugins alone

    if kind not in CHECKS:
        raise KeyError(unknown("kind of part", kind, CHECKS))

    @pytest.mark.parametrize("check", CHECKS[kind], ids=lambda check: check.__name__)
    def test(check: Check) -> None:
        _run(check, kind, name, values)

    return test


def _run(check: Check, kind: str, name: str, values: Mapping[str, Any] | None) -> None:
    if check is check_options:
        check_options(kind, name, values)
    else:
        check(kind, name)
