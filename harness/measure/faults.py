"""Looks for faults in what is to be timed, so that a figure is of the network that it names."""

from __future__ import annotations

import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from harness.foreign import Ended
from harness.measure.anatomy import RESIZES, Anatomy, anatomy
from harness.measure.finding import Finding
from harness.measure.graphs import batch_statistics, deleted_norms, unmerged
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

DEAD = 0.001
"""The share of multiply-adds from which dead work is told. Dead layers with parameters and dead
resizing are told at any: the ones take memory too, and the multiply-adds of the others are none."""

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
    deleted batch norms and swapped resizing cannot be seen, nor what folding took away: layers
    that no image reaches, dead work, further outputs. Both are left as they are. An empty tuple
    means that nothing was found. ValueError for an unknown boundary.
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
    found += [*of_graph(module, seen, size), *of_boundary(seen, size, boundary)]
    chance = [*of_chance(outputs, again)]
    found += [*unmerged(module, size), *chance]
    if reference is not None:
        found += of_handed_in(reference, size, {each.name for each in found})
        found += against(module, seen, reference, image, is_random=bool(chance))
    return tuple(found)


def of_handed_in(reference: nn.Module, size: Size, known: Container[str]) -> Found:
    """What is wrong with a network before it was folded, and not known of the folded one.

    That it is in training mode, or gives more than it does once deployed, is no fault here.
    """
    seen = replace(anatomy(reference, size), training=(), num_outputs=1)
    for each in (*faulty_weights(reference), *of_graph(reference, seen, size)):
        if each.name not in known:
            yield replace(each, told=f"{each.told}, in the network as it was handed in")


def _like(module: nn.Module, image: Tensor) -> Tensor:
    """The image in the type of the network's weights."""
    floats = (each.dtype for each in module.parameters() if each.is_floating_point())
    return image.to(next(floats, image.dtype))


def of_graph(module: nn.Module, seen: Anatomy, size: Size) -> Found:
    """A graph that is not the deployed one: train mode, several outputs, dead or unused layers."""
    modes = [path for path in seen.training if _minds_mode(module.get_submodule(path))]
    if modes:
        yield _at("training_mode", modes, "in training mode")
    mixing = batch_statistics(module, size)
    if mixing:
        told = "batch norm by the statistics of the batch, as in training: images change each other"
        yield _at("training_mode", mixing, told)
    yield from of_outputs(module, seen, size)
    if seen.params_uncalled:
        yield _at("uncalled_modules", seen.params_uncalled, "never read")
    yield from of_dead_work(module, seen)


def of_outputs(module: nn.Module, seen: Anatomy, size: Size) -> Found:
    """More outputs than one, also where only one of a stranger's network is used."""
    number, used = seen.num_outputs, ""
    if isinstance(module, Ended) and number == 1:
        number = anatomy(module.network, size).num_outputs
        first = next((each for each in module.way or () if each), "the first")
        used = f"; only {first if first == 'the first' else repr(first)} is used"
    if number > 1:
        told = f"gives {number} outputs where a deployed network gives one{used}"
        yield Finding(name="aux_heads_on", where="the network", told=told)


def of_dead_work(module: nn.Module, seen: Anatomy) -> Found:
    """Work that is thrown away: of ``DEAD`` of all or more, by layers with weights, or resizing."""
    lost = seen.macs_executed - seen.macs_reachable
    share = lost / seen.macs_executed if seen.macs_executed else 0.0
    dead = [path for path in seen.dead if share >= DEAD or _has_weights(module, path)]
    dead += [
        f"{path or 'the network'} ({operator})"
        for path, operator in seen.dead_operators
        if share >= DEAD or operator in RESIZES
    ]
    if dead:
        yield _at("dead_head", dead, f"computed and thrown away: {share:.1%} of all multiply-adds")


def _has_weights(module: nn.Module, path: str) -> bool:
    return any(True for _ in module.get_submodule(path).parameters())


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


def against(
    module: nn.Module,
    seen: Anatomy,
    reference: nn.Module,
    image: Tensor,
    *,
    is_random: bool = False,
) -> Found:
    """What sets a network apart from the one that was trained; random outputs do not."""
    size = (image.shape[-2], image.shape[-1])
    trained = anatomy(reference, size)
    is_comparable = seen.output == trained.output and not is_random
    same = same_outputs(module, reference, image) if is_comparable else None
    if same is False:
        theirs = copy.deepcopy(reference).cpu().eval()
        given = _like(theirs, image)
        chance = [*of_chance(*(outputs_of(theirs, given, seed=each) for each in (0, 1)))]
        if chance:
            told = f"{chance[0].told}, in the network as it was handed in"
            yield replace(chance[0], told=told)
            same = None
    found = [*deleted_norms(module, reference, size, same), *swapped_resizes(seen, trained)]
    if same is False and not found:
        told = "other outputs for the same image"
        found.append(Finding(name="other_outputs", where="the network", told=told))
    yield from found


def same_outputs(module: nn.Module, reference: nn.Module, image: Tensor) -> bool:
    """Whether two networks in eval mode give the same for an image.

    Float32 networks are compared in float64: a network that picks the largest of near equals, as
    SegNet does to unpool, gives other classes here and there after any rounding. One that makes
    float32 tensors of its own cannot run so, and is compared as it is.
    """
    ours, theirs = (copy.deepcopy(each).cpu().eval() for each in (module, reference))
    if _like(ours, image).dtype == torch.float32:
        try:
            return _same(copy.deepcopy(ours).double(), copy.deepcopy(theirs).double(), image)
        except Exception:  # whatever the network does with float64
            pass
    return _same(ours, theirs, image)


def _same(ours: nn.Module, theirs: nn.Module, image: Tensor) -> bool:
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
