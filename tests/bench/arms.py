"""What is compared: the bare step, our loop, a plain loop, and our parts switched off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import plain
import torch
from interleave import Arm, Burst
from torch import Tensor, nn

from harness.architecture import Architecture
from harness.data.dataset import Dataset
from harness.data.frames import Frames
from harness.study import Recipe
from harness.training import loop, losses
from harness.training.batches import batch
from harness.training.checkpoint import remove
from harness.training.learner import Learner, make_learner, take_step

STEP, LOOP, PLAIN, CONSTANT = "bare step", "our loop", "plain loop", "our loop, constant batch"
CONTIGUOUS, COMPILED = "bare step, not channels_last", "bare step, compiled"
OHEM, SORTED = "bare step, OHEM", "bare step, OHEM by sort and index"
UNCACHED = "our loop, no frame cache"


class Clock(NamedTuple):
    """Seconds on the wall, and those this process had a core."""

    wall: float
    cpu: float

    def since(self, began: Clock) -> Clock:
        """The seconds from one reading to this."""
        return Clock(self.wall - began.wall, self.cpu - began.cpu)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all arms share; ``folder`` is for the frame cache and checkpoints.

    A burst of an arm is ``recipe.steps`` steps, of which the first warms up and is not timed.
    """

    architecture: Architecture
    dataset: Dataset
    recipe: Recipe
    device: torch.device
    folder: Path
    learners: dict[str, Learner] = field(default_factory=dict)

    @property
    def cache(self) -> Path:
        """The folder of decoded frames."""
        return self.folder / "cache"

    def network(self) -> nn.Module:
        """A network as a trial begins with it, on the device."""
        classes = self.dataset.label_map.classes
        return loop.initialise(self.architecture, len(classes), 0).to(self.device)

    def frames(self) -> Frames:
        """The train split, decoded."""
        return Frames(self.dataset, "train", folder=self.cache)

    def constant(self) -> tuple[Tensor, Tensor]:
        """The first batch of a trial."""
        return batch(self.frames(), self.recipe, seed=0, step=0)

    def now(self) -> Clock:
        """The clocks, once the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return Clock(time.perf_counter(), time.process_time())


def arms(bench: Bench) -> dict[str, Arm]:
    """All arms by name; what they keep between bursts is made when one is first run."""
    constant = bench.constant()
    hard = replace(bench, recipe=replace(bench.recipe, loss="ohem"))
    compiled = replace(bench, recipe=replace(bench.recipe, compile=True))

    def sorted_ohem() -> Burst:
        with patch.dict(losses.LOSSES, ohem=lambda logits, labels, *_: plain.ohem(logits, labels)):
            return steps_alone(hard, SORTED, constant)

    return {
        STEP: lambda: steps_alone(bench, STEP, constant),
        LOOP: lambda: our_loop(bench),
        PLAIN: lambda: plain_loop(bench),
        CONSTANT: lambda: our_loop(bench, feed=constant),
        CONTIGUOUS: lambda: steps_alone(bench, CONTIGUOUS, constant),
        COMPILED: lambda: steps_alone(compiled, COMPILED, constant),
        OHEM: lambda: steps_alone(hard, OHEM, constant),
        SORTED: sorted_ohem,
        UNCACHED: lambda: our_loop(bench, cached=False),
    }


def steps_alone(bench: Bench, name: str, constant: tuple[Tensor, Tensor]) -> Burst:
    """``take_step`` on one batch, with a network of its own that is kept between bursts."""
    if name not in bench.learners:
        bench.learners[name] = _learner(bench, channels_last=name != CONTIGUOUS)
    learner = bench.learners[name]
    take_step(learner, *constant, 0)
    began = bench.now()
    for number in range(1, bench.recipe.steps):
        take_step(learner, *constant, number)
    took = bench.now().since(began)
    return Burst(steps=bench.recipe.steps - 1, seconds=took.wall, cpu_s=took.cpu)


def _learner(bench: Bench, *, channels_last: bool) -> Learner:
    network = bench.network().train()
    if channels_last:
        network.to(memory_format=torch.channels_last)
        return make_learner(network, bench.recipe, bench.device)
    learner = make_learner(network, bench.recipe, bench.device)
    # Images lie in memory by pixel; torch would take the hint.
    return replace(learner, forward=lambda images: network(images.contiguous()))


def our_loop(
    bench: Bench, *, feed: tuple[Tensor, Tensor] | None = None, cached: bool = True
) -> Burst:
    """``fit`` as a trial runs it, from the end of its first step to that of its last.

    The checkpoint at its end counts by its share: as often as ``fit`` saves in a long run.
    """
    network, checkpoint = bench.network(), bench.folder / "checkpoint.pt"
    remove(checkpoint)  # or a burst would take up the one before
    stamps, waits, steps = Stamps(bench), [], []
    batches = (lambda *_, **__: repeat(feed)) if feed else loop.batches
    with (
        patch.object(loop, "batches", lambda *a, **k: _timed_each(batches(*a, **k), waits)),
        patch.object(loop, "take_step", _timed(loop.take_step, steps)),
    ):
        loop.fit(
            network,
            bench.dataset,
            bench.recipe,
            seed=0,
            device=bench.device,
            checkpoint=checkpoint,
            cache=bench.cache if cached else None,
            on_step=lambda step: stamps(step.step),
        )
    save, took = bench.now().since(stamps.last), stamps.took
    # Where a burst is longer, saves fell between its steps. CPU time is as on an idle machine.
    often = min(1 / loop.SAVE_EVERY_S, loop.SAVE_SHARE / max(save.wall, 1e-9))
    share = often if took.wall < loop.SAVE_EVERY_S else 0.0
    return Burst(
        steps=bench.recipe.steps - 1,
        seconds=took.wall * (1 + share * save.wall),
        cpu_s=took.cpu * (1 + share * save.cpu / torch.get_num_threads()),
        wait_s=sum(waits[1:]),
        step_s=sum(steps[1:]),
        save_s=save.wall,
    )


def plain_loop(bench: Bench) -> Burst:
    """The loop of plain.py, over the same frames, from the end of its first step to its last."""
    stamps, waits = Stamps(bench), []
    endless = plain.endless
    with patch.object(plain, "endless", lambda batches: _timed_each(endless(batches), waits)):
        plain.train(bench.network(), bench.frames(), bench.recipe, bench.device, stamps)
    wall, cpu = stamps.took
    return Burst(steps=bench.recipe.steps - 1, seconds=wall, cpu_s=cpu, wait_s=sum(waits[1:]))


class Stamps:
    """Reads the clocks after the first step and after the last, and leaves the others alone."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.first, self.last = bench, None, None

    def __call__(self, step: int) -> None:
        if step == 1:
            self.first = self.bench.now()
        if step == self.bench.recipe.steps:
            self.last = self.bench.now()

    @property
    def took(self) -> Clock:
        """The time of all steps but the first."""
        return self.last.since(self.first)


def _timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        given = function(*args, **options)
        seconds.append(time.perf_counter() - began)
        return given

    return call


def _timed_each(iterator: Iterator[Any], seconds: list[float]) -> Iterator[Any]:
    draw = _timed(next, seconds)
    while True:
        try:
            yield draw(iterator)
        except StopIteration:
            return
