"""Looks for work in a network's graph that a deployed one does otherwise: norms, merged blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from harness.measure.finding import Finding
from harness.measure.watch import Step, watch

Size = tuple[int, int]

IMAGE = -1
"""Stands for the image among the numbers of steps."""

SUMS = ("aten::add", "aten::add_")


def deleted_norms(
    module: nn.Module, reference: nn.Module, size: Size, same: bool | None
) -> Iterator[Finding]:
    """Batch norms that the reference runs, and that are neither run nor folded.

    A norm that is folded into a convolution without a bias leaves one behind, and the outputs as
    they were. ``same`` says whether they are, None if that cannot be told.
    """
    ours, theirs = watch(module, size).steps, watch(reference, size).steps
    gone = sum(map(_is_norm, theirs)) - sum(map(_is_norm, ours))
    gained = sum(map(_has_bias, ours)) - sum(map(_has_bias, theirs))
    unfolded = gone - gained - _into_biases(theirs)
    if gone > 0 and (unfolded > 0 or same is False):
        told = f"{gone} batch norms fewer than in the trained network"
        why = f", {unfolded} of them without a trace" if unfolded > 0 else ", and other outputs"
        yield Finding(name="deleted_batch_norm", where="the network", told=told + why)


def _is_norm(step: Step) -> bool:
    return "batch_norm" in step.name


def _is_conv(step: Step) -> bool:
    return step.name == "aten::convolution"


def _has_bias(step: Step) -> bool:
    return _is_conv(step) and step.inputs.get("bias") is not None


def _into_biases(steps: Sequence[Step]) -> int:
    """Batch norms right after a convolution that has a bias, which stays one when they fold."""
    norms = (step for step in steps if _is_norm(step))
    return sum(any(_has_bias(steps[n]) for n in norm.made_from) for norm in norms)


def batch_statistics(module: nn.Module, size: Size) -> tuple[str, ...]:
    """Where a batch norm takes its statistics from the images at hand in eval mode too; by path.

    Torch does instance norm by the same operator, as one image with all the images' channels,
    which two images tell apart; a network that takes one image only cannot mix any.
    """
    if not any(map(_is_training_norm, watch(module, size).steps)):
        return ()
    try:
        steps = watch(module, size, batch=2).steps
    except Exception:  # whatever the network does with two images
        return ()
    norms = [each for each in steps if _is_training_norm(each)]
    return tuple(dict.fromkeys(each.path for each in norms if each.inputs["input"][0] == 2))


def _is_training_norm(step: Step) -> bool:
    return _is_norm(step) and step.inputs.get("training") is True


def unmerged(module: nn.Module, size: Size) -> Iterator[Finding]:
    """Sums of parallel convolutions of one input, with nothing but batch norms in between.

    Such blocks, as RepVGG's, are one convolution once they are merged for deployment.
    """
    steps = watch(module, size).steps
    sums = [step for step in steps if step.name in SUMS and _is_mergeable(step, steps)]
    paths = list(dict.fromkeys(step.path or "the network" for step in sums))
    if paths:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        told = "parallel convolutions of one input are added, which one convolution can do"
        yield Finding(name="unmerged_blocks", where=named, told=told)


def _is_mergeable(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a sum adds at least two convolutions of one and the same result."""
    sources = [source for number in step.made_from for source in _sources(number, steps)]
    return len(sources) >= 2 and len(set(sources)) == 1


def _sources(number: int, steps: Sequence[Step]) -> list[int]:
    """What the convolutions of a sum's branch read; the branch is norms, sums and convolutions."""
    step = steps[number]
    if _is_conv(step):
        return sorted(step.made_from) or [IMAGE]
    if _is_norm(step) or step.name in SUMS:
        return [source for each in step.made_from for source in _sources(each, steps)]
    return []
