"""What an operator moves and computes beside matrix products, by the tables that stand here.

Unfused: as if each operator read all its inputs from memory and wrote all its outputs, which is
what eager execution does but for what a cache still holds. Views move nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from torch import Tensor

SAME_DATA = frozenset({"aten::_unsafe_view", "aten::lift_fresh"})
"""Operators that only look at their input otherwise, beside those whose schema says so."""

UNWRITTEN = frozenset({"aten::empty", "aten::empty_strided", "aten::empty_like"})
"""Operators that reserve memory and touch none of it."""

OVERWRITES = frozenset({"aten::copy_", "aten::fill_", "aten::zero_"})
"""Operators that write their first input without reading it."""

_NAMES = {
    "conv": "convolution",
    "matmul": "mm addmm bmm baddbmm dot linear",
    "norm": "native_batch_norm native_layer_norm native_group_norm cudnn_batch_norm "
    "native_batch_norm_legit native_batch_norm_legit_no_training batch_norm_with_update",
    "activation": "relu clamp clamp_min clamp_max hardtanh sigmoid tanh silu gelu elu celu "
    "leaky_relu prelu prelu_kernel hardswish hardsigmoid softplus softmax safe_softmax "
    "log_softmax mish exp",
    "elementwise": "add sub rsub mul div neg abs pow sqrt rsqrt maximum minimum where lerp "
    "addcmul square reciprocal log",
    "resize": "upsample_nearest2d upsample_nearest_exact2d upsample_bilinear2d upsample_bicubic2d "
    "upsample_bilinear2d_aa upsample_bicubic2d_aa grid_sampler_2d",
    "pool": "avg_pool2d max_pool2d max_pool2d_with_indices adaptive_avg_pool2d "
    "adaptive_max_pool2d max_unpool2d mean sum amax amin max",
    "concat": "cat stack",
}
CLASSES = (*_NAMES, "other")
"""Classes of operators; "other" moves data, as padding does, or is none of those above."""

_CLASS_OF = {name: kind for kind, names in _NAMES.items() for name in names.split()}

FLOPS_PER_OUTPUT = {
    "norm": 2,
    "activation": 1,
    "elementwise": 1,
    "native_layer_norm": 5,
    "native_group_norm": 5,
    "sigmoid": 4,
    "tanh": 4,
    "silu": 4,
    "gelu": 4,
    "elu": 4,
    "exp": 4,
    "softmax": 5,
    "safe_softmax": 5,
    "log_softmax": 5,
    "hardswish": 4,
    "hardsigmoid": 3,
    "upsample_bilinear2d": 7,
    "upsample_bilinear2d_aa": 7,
    "upsample_bicubic2d": 31,
    "upsample_bicubic2d_aa": 31,
    "grid_sampler_2d": 7,
}
"""Multiplications, additions and comparisons for each output element, by operator or class: a
batch norm in eval mode scales and shifts; an exponential counts 4, bilinear resizing 4 products
and 3 sums, bicubic 16 and 15. Pooling counts one for each element that it reads for an output.
What stands nowhere, such as padding, concatenation or nearest resizing, counts nothing."""


def plain_name(name: str) -> str:
    """An operator's name without namespace, leading underscore and the mark of in-place."""
    return name.partition("::")[2].strip("_")


@cache
def class_of(name: str) -> str:
    """The class of a dispatched operator, such as "aten::relu_"."""
    plain = plain_name(name)
    if "scaled_dot_product" in plain:
        return "matmul"
    return _CLASS_OF.get(plain, "other")


@cache
def is_view(operator: Any) -> bool:
    """Whether an operator moves nothing: it looks at its input otherwise, or reserves memory."""
    if operator._schema.name in SAME_DATA | UNWRITTEN:
        return True
    aliases = [each.alias_info for each in operator._schema.returns]
    return bool(aliases) and all(a is not None and not a.is_write for a in aliases)


def meant_first(outputs: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """What a network gives by name, ``out`` first: torchvision's networks call their answer so."""
    return sorted(outputs.items(), key=lambda item: item[0] != "out")


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists, mappings and plain objects."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, Mapping):
        for _, each in meant_first(value):
            yield from tensors_in(each)
    elif hasattr(value, "__dict__") and not callable(value):
        yield from tensors_in(vars(value))


def moved(name: str, inputs: Any, output: Any) -> int:
    """Bytes that an operator other than a view reads and writes."""
    read = inputs[1:] if name in OVERWRITES else inputs
    return sum(each.numel() * each.itemsize for each in (*tensors_in(read), *tensors_in(output)))


def elementwise(name: str, inputs: Any, output: Any) -> int:
    """Multiplications, additions and comparisons of an operator that is no matrix product."""
    kind, plain = class_of(name), plain_name(name)
    given = next(tensors_in(output), None)
    if given is None:
        return 0
    if kind == "pool" or plain == "argmax":
        return _read_to_reduce(plain, inputs, given)
    each = FLOPS_PER_OUTPUT.get(plain, FLOPS_PER_OUTPUT.get(kind, 0))
    return each * given.numel()


def _read_to_reduce(plain: str, inputs: Any, given: Tensor) -> int:
    """How many elements a pooling or reduction looks at, for all of its outputs together."""
    if plain == "max_unpool2d":
        return 0
    if plain.startswith(("avg_pool", "max_pool")):
        kernel = inputs[1]
        area: int = math.prod(kernel) if len(kernel) > 1 else kernel[0] ** 2
        return given.numel() * area
    read: int = inputs[0].numel()
    return read
