"""Counts a network fast, checks the count by a second counter, and names work that is wasted."""

from __future__ import annotations

from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO

from torch import nn

from harness.measure.anatomy import dead_work, uncalled
from harness.measure.cost import Cost, count
from harness.measure.watch import Watched, watch

CHECKED_AT = (64, 96)
"""Height and width in pixels at which both counters count: there a real pass costs little."""

DISAGREE = "two counters disagree"
"""What stands among the unknown operators of a count that the second counter does not confirm."""


def count_checked(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network at (height, width) in pixels, for a batch of one.

    On the meta device, and by fvcore too, which also names the operators: at ``CHECKED_AT``, or
    at the size itself where the network cannot take an image of that other size. The
    traced graph that fvcore reads holds what the output hangs on, the other counter sees what is
    done: where they differ, the modules whose work nobody uses are named. Where that does not
    explain the difference to the integer the count is incomplete. Whatever the network raises on
    the CPU comes through.
    """
    traced, checked_at = _traced(deployed, size)
    small, full = watch(deployed, checked_at), watch(deployed, size)
    unknown = dict(traced.unknown_ops)
    if not _agree(traced, small):
        unknown[DISAGREE] = 1
    cost = full.work.cost(size)
    return replace(
        cost,
        inference_peak_bytes=full.peak_bytes,
        uncounted_ops=traced.uncounted_ops,
        unknown_ops=unknown,
        dead_modules=_dead(full),
        uncalled_modules=uncalled(deployed, full),
        unchecked=False,
        cost_tool=f"{cost.cost_tool}, checked by {traced.cost_tool} at {traced.cost_size}",
    )


def _traced(deployed: nn.Module, size: tuple[int, int]) -> tuple[Cost, tuple[int, int]]:
    """The second counter's count, and the size that it is at."""
    try:
        with redirect_stderr(StringIO()):  # torch.fx prints where a traced network stops
            return count(deployed, CHECKED_AT), CHECKED_AT
    except Exception:  # a network that is made for one size only
        return count(deployed, size), size


def _agree(traced: Cost, seen: Watched) -> bool:
    """Whether the graph holds the multiply-adds that the output hangs on, to the integer.

    Those of resizing and of batch norms are compared where nothing is dead.
    """
    if len(seen.reached) == len(seen.steps) and traced.gmacs != seen.work.cost((0, 0)).gmacs:
        return False
    return traced.gmacs_conv == sum(seen.steps[number].macs for number in seen.reached) / 1e9


def _dead(seen: Watched) -> tuple[str, ...]:
    """Modules whose work is dead, and operators with the module that wastes them."""
    modules, operators = dead_work(seen)
    loose = (f"{name} in {path}" if path else name for path, name in operators)
    return (*modules, *loose)
