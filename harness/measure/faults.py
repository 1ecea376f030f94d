"""Looks for faults in what is to be timed, so that a figure is of the network that it names."""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from harness.measure.anatomy import Anatomy, anatomy
from harness.measure.finding import Finding
from harness.measure.graphs import deleted_norms, unmerged
from harness.measure.values import faulty_activations, faulty_weights, outputs_of
from harness.mistakes import one_line
from harness.names import unknown
from harness.study import BOUNDARIES

Size = tuple[int, int]
Found = Iterator[Finding]

AGREE = {torch.float32: 1e-3, torch.float64: 1e-3, torch.float16: 3e-2, torch.bfloat16: 1e-1}
"""By how much, of the largest, logits may differ from the trained network's, by type."""

AGREE_LABELS = 0.999
"""The share of pixels whose class must be the trained network's."""

MIND_MODE = (_NormBase, _DropoutNd, nn.RReLU, nn.MultiheadAttention, nn.TransformerEncoderLayer)
"""Torch's own layers that do something else in train mode."""

TOO_SOON = 0.8
"""A sample below this share of a synchronised one was taken before the device was done."""


def findings_of(
    module: nn.Module,
    size: Size,
    *,
    boundary: str,
    device: torch.device,
    reference: nn.Module | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with a network as it would be timed at (height, width) in pixels.

    ``reference`` is the network as it was trained, ending where ``module`` does; without it
    deleted batch norms and swapped resizing cannot be seen. Both are left as they are. An empty
    tuple means that nothing was found. ValueError for an unknown boundary.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(unknown("boundary", boundary, BOUNDARIES))
    found = [*faulty_weights(module), *tf32(module, device)]
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    ours = _like(module, image).to(device)
    try:
        seen = anatomy(module, size)
        found += faulty_activations(module, ours)
        outputs, again = (outputs_of(module, ours, seed=each) for each in (0, 1))
    except Exception as error:
        told = f"{type(error).__name__}: {one_line(error)}"
        return (*found, Finding(name="cannot_run", where="the network", told=told[:300]))
    found += [*of_graph(module, seen), *of_boundary(seen, size, boundary)]
    found += [*unmerged(module, size), *of_chance(outputs, again)]
    if reference is not None:
        found += against(module, seen, reference, image)
    return tuple(found)


def _like(module: nn.Module, image: Tensor) -> Tensor:
    """The image in the type of the network's weights."""
    floats = (each.dtype for each in module.parameters() if each.is_floating_point())
    return image.to(next(floats, image.dtype))


def of_graph(module: nn.Module, seen: Anatomy) -> Found:
    """A graph that is not the deployed one: train mode, several outputs, dead or unused layers."""
    modes = [path for path in seen.training if _minds_mode(module.get_submodule(path))]
    if modes:
        yield _at("training_mode", modes, "in training mode")
    if seen.num_outputs > 1:
        told = f"gives {seen.num_outputs} outputs where a deployed network gives one"
        yield Finding(name="aux_heads_on", where="the network", told=told)
    if seen.params_uncalled:
        yield _at("uncalled_modules", seen.params_uncalled, "never read")
    dead = (*seen.dead, *(f"{path} ({operator})" for path, operator in seen.dead_operators))
    if dead:
        lost = seen.macs_executed - seen.macs_reachable
        share = lost / seen.macs_executed if seen.macs_executed else 0.0
        yield _at("dead_head", dead, f"computed and thrown away: {share:.1%} of all multiply-adds")


def _minds_mode(layer: nn.Module) -> bool:
    """Whether a layer may do something else in train mode: some of torch's, and all others.

    A traced network keeps its layers in plain modules, which are in train mode and do nothing.
    """
    is_torchs = type(layer).__module__.startswith("torch.nn.modules")
    return isinstance(layer, MIND_MODE) or not is_torchs


def _at(name: str, paths: Sequence[str], told: str) -> Finding:
    """One finding for many places, the first of which are named."""
    named = ", ".join(each or "the network" for each in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return Finding(name=name, where=named + more, told=told)


def of_boundary(seen: Anatomy, size: Size, boundary: str) -> Found:
    """An output that is not what the boundary says: (N, H, W) classes, or (N, C, h, w) logits."""
    told = not_at(seen.output, seen.output_dtype, size, boundary)
    if told:
        yield Finding(name="wrong_output_boundary", where="the network", told=told)


def not_at(shape: tuple[int, ...], dtype: str, size: Size, boundary: str) -> str | None:
    """Why an output is not at a boundary, if it is not."""
    given = f"{boundary} was asked for; it gives {'x'.join(map(str, shape))} {dtype}"
    if boundary == "labels_full":
        is_right = "int" in dtype and shape[-2:] == size and math.prod(shape[1:-2]) == 1
    elif boundary == "logits_full":
        is_right = "float" in dtype and len(shape) == 4 and shape[-2:] == size
    else:
        is_right = "float" in dtype and len(shape) == 4
    return None if is_right else given


def of_chance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Found:
    """Outputs that are not the same for the same image."""
    if first and second and not agree(first[0], second[0]):
        told = "two runs over one image differ"
        yield Finding(name="random_outputs", where="the network", told=told)


def agree(given: Tensor, wanted: Tensor) -> bool:
    """Whether outputs are the same but for rounding; where neither is finite is not compared."""
    if given.shape != wanted.shape:
        return False
    if not given.is_floating_point():
        return float((given == wanted).float().mean()) >= AGREE_LABELS
    tolerance = AGREE.get(given.dtype, 1e-1)
    a, b = (torch.nan_to_num(each.float(), 0.0, 0.0, 0.0) for each in (given, wanted))
    return float((a - b).abs().max()) <= tolerance * float(b.abs().max())


def against(module: nn.Module, seen: Anatomy, reference: nn.Module, image: Tensor) -> Found:
    """What sets a network apart from the one that was trained."""
    size = (image.shape[-2], image.shape[-1])
    trained = anatomy(reference, size)
    same = same_outputs(module, reference, image) if seen.output == trained.output else None
    found = [*deleted_norms(module, reference, size, same), *swapped_resizes(seen, trained)]
    if same is False and not found:
        told = "other outputs for the same image"
        found.append(Finding(name="other_outputs", where="the network", told=told))
    yield from found


def same_outputs(module: nn.Module, reference: nn.Module, image: Tensor) -> bool:
    """Whether two networks in eval mode give the same for an image.

    Float32 networks are compared in float64: a network that picks the largest of near equals, as
    SegNet does to unpool, gives other classes here and there after any rounding.
    """
    ours, theirs = (copy.deepcopy(each).cpu().eval() for each in (module, reference))
    if _like(ours, image).dtype == torch.float32:
        ours, theirs = ours.double(), theirs.double()
    given, wanted = (outputs_of(each, _like(each, image))[0] for each in (ours, theirs))
    return agree(given, wanted)


def swapped_resizes(seen: Anatomy, trained: Anatomy) -> Found:
    """A kind of resizing that took another's place; one more, or one fewer, is none."""
    ours, theirs = (Counter(_kind(*each) for each in a.resizes) for a in (seen, trained))
    more, fewer = ours - theirs, theirs - ours
    if more and fewer:
        places = [each[0] for each in seen.resizes if _kind(*each) in more]
        told = f"resizes by {', '.join(more)} where the trained network does by {', '.join(fewer)}"
        yield _at("swapped_resize", places, told)


def _kind(path: str, mode: str, align_corners: bool | None) -> str:
    return f"{mode}, corners aligned" if align_corners else mode


def tf32(module: nn.Module, device: torch.device) -> Found:
    """Products of float32 weights that a GPU rounds to TF32, as torch does for convolutions."""
    has_float32 = any(each.dtype == torch.float32 for each in module.parameters())
    if device.type != "cuda" or not has_float32:
        return
    for where, is_on in rounds_to_tf32().items():
        if is_on:
            told = "float32 products are rounded to TF32; times are not those of float32"
            yield Finding(name="tf32_on", where=where, told=told)


def rounds_to_tf32() -> dict[str, bool]:
    """Where torch would round float32 products to TF32."""
    backends: Any = torch.backends
    return {
        "convolutions": backends.cudnn.conv.fp32_precision == "tf32",
        "matrix products": backends.cuda.matmul.fp32_precision == "tf32",
    }


def synchronised_ns(call: Callable[[], object], wait: Callable[[], None], times: int = 5) -> int:
    """What a call takes until the device is done, in ns: the least of some, after one more.

    ``wait`` returns when the device is done, as ``torch.cuda.synchronize`` does.
    """
    found = []
    for _ in range(times + 1):
        wait()
        start = time.perf_counter_ns()
        call()
        wait()
        found.append(time.perf_counter_ns() - start)
    return min(found[1:])


def unsynchronised(samples_ns: Sequence[int], witness_ns: int) -> Found:
    """Samples that are shorter than the device takes, by ``synchronised_ns``."""
    middle = sorted(samples_ns)[len(samples_ns) // 2] if samples_ns else witness_ns
    if middle < TOO_SOON * witness_ns:
        told = f"a sample is {middle / 1e6:.3f} ms, and the device takes {witness_ns / 1e6:.3f} ms"
        yield Finding(name="missing_synchronisation", where="the clock", told=told)
