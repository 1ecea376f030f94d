"""Makes networks ready to be timed on backends, each held against fp32 eager before it may be.

Whoever calls this holds torch to the number of threads that are to be timed, and flushes denormal
numbers, first: engines keep what they find when they are built. What is prepared is called under
``torch.inference_mode``, and built outside of it: weights that are copied or moved in there are
dispatched faster than others, so one backend would seem better than another that left them alone.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.backends.agreement import MIN_IMAGES, Equivalence, check_together
from harness.backends.contract import Running, backends, check_available, steps_of, why_unavailable
from harness.backends.steps import said
from harness.data.augment import normalise
from harness.data.dataset import Dataset
from harness.data.streets import Streets

BETWEEN = " on "
"""What stands between network and backend in the name of an arm."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A network on a backend. ``call`` is None if it must not be timed: ``why`` says why.

    ``call`` takes an image (N, 3, H, W) of the shape it was prepared for and gives what the
    network gives, at the same output boundary. ``place`` puts an image where and as the backend
    wants it; a call on an image that is placed moves and converts nothing. ``facts`` are columns
    of a row.
    """

    name: str
    call: Running | None
    equivalence: Equivalence | None = None
    why: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def place(self, image: Tensor) -> Tensor:
        """An image as the backend wants it."""
        assert self.call is not None, self.why
        return self.call.place(image)


def arms(
    networks: Mapping[str, nn.Module],
    names: Iterable[str],
    images: Tensor,
    device: torch.device,
    *,
    batch: int = 1,
) -> dict[str, Prepared]:
    """Every network on every backend, as ``<network> on <backend>``, in that order.

    ``networks`` are in fp32 and eval mode and not folded, as ``deploy(..., fold=False)`` gives
    them; they are left as they were. ``images`` are as ``sample_images`` gives them. A backend
    that this machine cannot run, that fails on a network or disagrees with it is an arm with its
    reason; what ``steps_of`` raises comes through before anything is built.
    """
    names = list(names)
    for name in names:
        steps_of(name)
    found: dict[str, Prepared] = {}
    for label, network in networks.items():
        ready = _on_each(network, names, images, device, batch)
        found |= {f"{label}{BETWEEN}{name}": each for name, each in ready.items()}
    return found


def prepared(
    name: str, network: nn.Module, images: Tensor, device: torch.device, *, batch: int = 1
) -> Prepared:
    """One network on one backend; see ``arms``."""
    check_available(name, device)
    return _on_each(network, [name], images, device, batch)[name]


def _on_each(
    network: nn.Module, names: list[str], images: Tensor, device: torch.device, batch: int
) -> dict[str, Prepared]:
    """One network on some backends."""
    reference = copy.deepcopy(network).to(device)
    images = images.to(device)
    built = {name: _built(name, reference, images[:batch], device) for name in names}
    sound = {n: (e.call, e.call.dtype) for n, e in built.items() if e.call is not None}
    agreed = check_together(sound, reference, images, batch=batch) if sound else {}
    return {name: _judged(each, agreed.get(name)) for name, each in built.items()}


def _built(name: str, network: nn.Module, example: Tensor, device: torch.device) -> Prepared:
    """A network on a backend before it is judged."""
    why = why_unavailable(name, device)
    if why:
        return Prepared(name=name, call=None, why=why, facts=_facts(name, None, 0.0))
    start = time.perf_counter()
    try:
        running = build(name, network, example, device)
        with torch.inference_mode():
            running(example)  # what is left to the first call belongs to building
    except Exception as error:  # libraries raise whatever they like
        return Prepared(name=name, call=None, why=said(error), facts=_facts(name, None, 0.0))
    seconds = time.perf_counter() - start
    return Prepared(name=name, call=running, facts=_facts(name, running, seconds))


def build(name: str, network: nn.Module, example: Tensor, device: torch.device) -> Running:
    """A copy of a network on its way through the steps of a backend."""
    with torch.no_grad():
        running = Running(network=copy.deepcopy(network), device=device)
        for step in steps_of(name):
            running = backends.get(step)().apply(running, example)
    return running


def _facts(name: str, running: Running | None, seconds: float) -> dict[str, Any]:
    facts: dict[str, Any] = {"backend": name}
    if running is not None:
        facts["backend_dtype"] = str(running.dtype)[6:]
        facts["backend_build_s"] = seconds
        facts |= {f"backend_{key}": value for key, value in running.facts.items()}
    return facts


def _judged(built: Prepared, agreed: Equivalence | None) -> Prepared:
    """What was built with what was found: a backend that does not hold has no call."""
    why = built.why or (agreed.why if agreed else None)
    facts = dict(built.facts)
    if agreed is not None:
        facts["backend_agreement"] = agreed.agreement
        facts["backend_agreement_strict"] = agreed.agreement_strict
        facts["backend_max_abs_error"] = agreed.max_abs_error
        facts["backend_num_images"] = agreed.num_images
    if why:
        facts["backend_error"] = why
    call = None if why else built.call
    return Prepared(name=built.name, call=call, equivalence=agreed, why=why, facts=facts)


def sample_images(size: tuple[int, int], batch: int = 1, dataset: Dataset | None = None) -> Tensor:
    """Normalised images (M, 3, height, width) to check backends on, M the least multiple of
    ``batch`` that is 8 or more: frames of a data set's val split, or streets drawn at that size.
    """
    source = dataset or Streets(None, size=size)
    number = math.ceil(MIN_IMAGES / batch) * batch
    frames = [source.load("val", at % source.count("val"))[0] for at in range(number)]
    images = normalise(torch.from_numpy(np.stack(frames)))
    if tuple(images.shape[2:]) != tuple(size):
        images = functional.interpolate(images, size=size, mode="bilinear", antialias=True)
    return images.contiguous()
