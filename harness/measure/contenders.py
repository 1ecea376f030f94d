"""Makes what is to be timed ready: built-in networks and strangers' files, each on its backend."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.architecture import Architecture
from harness.backends.agreement import network_of_logits
from harness.backends.contract import Running, steps_of
from harness.backends.prepare import BETWEEN, Prepared, arms, build, sample_images
from harness.backends.steps import said
from harness.foreign import ended, load_module
from harness.keys import plain
from harness.measure.values import denormals_kept, faulty_activations, faulty_weights
from harness.network import deploy
from harness.plan import resolve
from harness.study import Timing
from harness.training.loop import initialise

Row = dict[str, Any]
Size = tuple[int, int]

MECHANICAL = ("eager", "folded", "channels_last")
"""Steps that change no weight but by folding: the fault detector holds them against the network
as it was trained, in float64. A backend with any other step is held against fp32 eager first."""

UNTRACED = "channels_last"
"""How a stranger's network is run that ``torch.fx`` cannot trace, and so cannot be folded."""

IMAGES_TO_CALIBRATE = 2


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A network on a backend. ``running`` is None if it must not be timed: ``why`` says why.

    ``trained`` is the network as it was trained or handed in, ending where it is to end, and
    ``network`` what is left of it to look at. ``facts`` are columns of its row, ``about`` is what
    a receipt says of it.
    """

    running: Running | None
    network: nn.Module | None = None
    trained: nn.Module | None = None
    why: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def contenders(
    given: Mapping[str, Architecture | str],
    num_classes: int,
    timing: Timing,
    size: Size,
    device: torch.device,
    names: Iterable[str] = (),
) -> dict[str, Contender]:
    """What is to be timed, by name: architectures, and files' networks as ``FILE.py:NAME``.

    Without ``names`` each is on the backend of the timing; with some of them each is on all, as
    ``<network> on <backend>``. Called under ``held`` of ``harness.measure.latency``. What loading
    a file raises comes through, and so does what ``check_available`` says of a backend.
    """
    names = list(names)
    found: dict[str, Contender] = {}
    for label, each in given.items():
        trained = _trained(each, num_classes, timing.boundary, size)
        why = trained if isinstance(trained, str) else why_not(trained, size)
        if why or isinstance(trained, str):
            wanted = [f"{label}{BETWEEN}{name}" for name in names] or [label]
            found |= dict.fromkeys(wanted, Contender(running=None, why=why))
            continue
        about = _about(each)
        is_mechanical = not set(steps_of(timing.backend)) - set(MECHANICAL)
        if not names and is_mechanical:
            found[label] = _plainly(trained, timing, size, device, about)
            continue
        on = _on_backends(trained, names or [timing.backend], timing, size, device, about)
        found |= {f"{label}{BETWEEN}{n}" if names else label: one for n, one in on.items()}
    return found


def _trained(
    given: Architecture | str, num_classes: int, boundary: str, size: Size
) -> nn.Module | str:
    """A network as it was trained or handed in, on the CPU; or why there is none."""
    if isinstance(given, Architecture):
        network = initialise(given, num_classes, seed=0)
        return deploy(network, boundary=boundary, fold=False).requires_grad_(False)
    with denormals_kept():  # or weights that are would be made zeros, and nobody would know
        module = load_module(given, num_classes)
    try:
        return ended(module, boundary, size)
    except (Exception, SystemExit) as error:  # whatever the stranger's network does
        return said(error)


def _about(given: Architecture | str) -> Row:
    if isinstance(given, Architecture):
        return {"architecture": plain(resolve(given)), "weights": "random(seed=0)"}
    return {"architecture": None, "weights": "as handed in"}


def why_not(network: nn.Module, size: Size) -> str | None:
    """Why a network's time would mean nothing, if so."""
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            finite = bool(torch.isfinite(network_of_logits(network)(image)).all())
    except (Exception, SystemExit) as error:
        return said(error)
    if finite:
        return None
    found = (*faulty_weights(network), *faulty_activations(network, image))
    first = next((f": {each}" for each in found if each.name.startswith("non_finite")), "")
    return f"FloatingPointError: NaN or infinity for an image of random numbers{first}"


def _plainly(
    trained: nn.Module, timing: Timing, size: Size, device: torch.device, about: Row
) -> Contender:
    """A network on a backend that changes nothing but how it is run."""
    is_strange = about["architecture"] is None
    names = (timing.backend, UNTRACED) if is_strange else (timing.backend,)
    found = _first_built(names, trained, timing.batch, size, device)
    if isinstance(found, str):
        return Contender(running=None, why=found)
    name, running = found
    return Contender(
        running=running,
        network=running.network,
        trained=trained,
        facts={"latency_backend": name, **_prefixed(running.facts)},
        about={**about, "backend": name, "transforms": list(steps_of(name))},
    )


def _first_built(
    names: Iterable[str], trained: nn.Module, batch: int, size: Size, device: torch.device
) -> tuple[str, Running] | str:
    """A network on the first of some backends that takes it; or why the last does not."""
    why = ""
    for name in names:
        try:
            example = torch.zeros(batch, 3, *size, device=device)
            return name, build(name, copy.deepcopy(trained).to(device), example, device)
        except (Exception, SystemExit) as error:  # so many images may not fit, for one
            why = said(error)
    return why


def _prefixed(facts: Mapping[str, Any]) -> Row:
    return {f"backend_{key}": value for key, value in facts.items()}


def _on_backends(
    trained: nn.Module,
    names: list[str],
    timing: Timing,
    size: Size,
    device: torch.device,
    about: Row,
) -> dict[str, Contender]:
    """A network on backends, each held against fp32 eager before it may be timed."""
    images = sample_images(size, timing.batch)
    if about["architecture"] is not None:  # a stranger's weights are their own affair
        calibrate(trained, images[:IMAGES_TO_CALIBRATE])
        about = {**about, "weights": f"{about['weights']}, batch norms calibrated"}
    ready = arms({"": trained}, names, images, device, batch=timing.batch)
    return {
        name: _judged(ready[f"{BETWEEN}{name}"], trained, {**about, "backend": name})
        for name in names
    }


def _judged(ready: Prepared, trained: nn.Module, about: Row) -> Contender:
    """A backend as it was judged; once an engine has it, what is looked at is the network."""
    facts = {name: value for name, value in ready.facts.items() if name != "backend"}
    return Contender(
        running=ready.call,
        network=trained,
        trained=trained,
        why=ready.why,
        facts={"latency_backend": ready.name, **facts},
        about={**about, "transforms": list(steps_of(ready.name)), "equivalence": facts},
    )


def calibrate(network: nn.Module, images: Tensor) -> None:
    """Gives the batch norms of an untrained network the statistics of some images, in place.

    Without them the numbers of a raw network grow from layer to layer, and ENet's leave fp16.
    """
    with learning_statistics(network), torch.no_grad():
        network(images)


@contextmanager
def learning_statistics(network: nn.Module) -> Iterator[None]:
    """Meanwhile batch norms, and nothing else, are in training mode and average what they see."""
    norms = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    before = [each.momentum for each in norms]
    for each in norms:
        each.reset_running_stats()
        each.momentum = None
        each.train()
    try:
        yield
    finally:
        for each, momentum in zip(norms, before, strict=True):
            each.momentum = momentum
            each.eval()
