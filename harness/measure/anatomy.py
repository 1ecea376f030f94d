"""What a network is made of and what of it works: for judging any ``nn.Module``, ours or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from harness.measure.watch import Step, Watched, watch

RESIZES = {
    "aten::upsample_nearest1d": "nearest",
    "aten::upsample_nearest2d": "nearest",
    "aten::upsample_nearest3d": "nearest",
    "aten::_upsample_nearest_exact1d": "nearest-exact",
    "aten::_upsample_nearest_exact2d": "nearest-exact",
    "aten::_upsample_nearest_exact3d": "nearest-exact",
    "aten::upsample_linear1d": "linear",
    "aten::upsample_bilinear2d": "bilinear",
    "aten::_upsample_bilinear2d_aa": "bilinear, antialias",
    "aten::upsample_bicubic2d": "bicubic",
    "aten::_upsample_bicubic2d_aa": "bicubic, antialias",
    "aten::upsample_trilinear3d": "trilinear",
}
"""Operators that resize, by the mode of ``torch.nn.functional.interpolate``."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What one pass in eval mode showed of a network.

    ``params_uncalled``: paths of modules none of whose own parameters an operator read, and of
    single parameters that were left out. ``dead``: paths of the outermost module calls whose
    results do not reach the output; ``dead_operators``: (module path, operator) of such work
    outside of them. ``resizes``: (module path, mode, align_corners, None where the mode has none)
    in order. ``batch_norms``: how often one ran. ``training``: paths of the modules that were
    handed in in train mode. ``macs_executed``: multiply-adds of convolutions and matrix products
    that were done; ``macs_reachable``: those that the output hangs on. ``output`` and
    ``output_dtype`` are the first output's, of ``num_outputs``. ``operators``: how often each ran,
    views left out. The path of the network itself is empty.
    """

    num_params: int
    params_uncalled: tuple[str, ...]
    dead: tuple[str, ...]
    dead_operators: tuple[tuple[str, str], ...]
    resizes: tuple[tuple[str, str, bool | None], ...]
    batch_norms: int
    training: tuple[str, ...]
    macs_executed: int
    macs_reachable: int
    output: tuple[int, ...]
    output_dtype: str
    num_outputs: int
    operators: Mapping[str, int]


def anatomy(module: nn.Module, size: tuple[int, int], batch: int = 1) -> Anatomy:
    """The anatomy of a network for images (batch, 3, height, width), size in pixels.

    It runs in eval mode, as a copy: the module is left as it was. What it raises comes through.
    """
    seen = watch(module, size, batch)
    dead, dead_operators = dead_work(seen)
    return Anatomy(
        num_params=sum(each.numel() for each in module.parameters()),
        params_uncalled=uncalled(module, seen),
        dead=dead,
        dead_operators=dead_operators,
        resizes=tuple(_resize(each) for each in seen.steps if each.name in RESIZES),
        batch_norms=sum("batch_norm" in each.name for each in seen.steps),
        training=tuple(path for path, each in module.named_modules() if each.training),
        macs_executed=sum(each.macs for each in seen.steps),
        macs_reachable=sum(seen.steps[number].macs for number in seen.reached),
        output=tuple(seen.outputs[0].shape),
        output_dtype=str(seen.outputs[0].dtype).removeprefix("torch."),
        num_outputs=len(seen.outputs),
        operators=dict(Counter(each.name for each in seen.steps)),
    )


def uncalled(module: nn.Module, seen: Watched) -> tuple[str, ...]:
    """Paths of the modules none of whose own parameters was read, and of other unread ones."""
    unread = set(seen.unread)
    found: list[str] = []
    for path, each in module.named_modules():
        own = [f"{path}.{name}".lstrip(".") for name, _ in each.named_parameters(recurse=False)]
        left = [name for name in own if name in unread]
        found += [path] if path and left and left == own else left
    return tuple(found)


def dead_work(seen: Watched) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Outermost module calls none of whose work reaches the output, and dead operators beside."""
    dead = [
        step for number, step in enumerate(seen.steps) if number not in seen.reached and step.reads
    ]
    alive = {call for number in seen.reached for call in seen.steps[number].calls}
    outermost = [next((c for c in step.calls if c not in alive), None) for step in dead]
    calls = dict.fromkeys(call[1] for call in outermost if call is not None)
    pairs = zip(dead, outermost, strict=True)
    loose = dict.fromkeys((step.path, step.name) for step, call in pairs if call is None)
    return tuple(calls), tuple(loose)


def _resize(step: Step) -> tuple[str, str, bool | None]:
    return step.path, RESIZES[step.name], step.inputs.get("align_corners")
