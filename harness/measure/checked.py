"""Counts a network fast, and checks the count by a second counter at a small size."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import nn

from harness.measure.cost import Cost, count
from harness.measure.static import count_static

CHECKED_AT = (64, 96)
"""Height and width in pixels at which both counters count: there a real pass costs little."""

DISAGREE = "two counters disagree"
"""What stands among the unknown operators of a count that the second counter does not confirm."""


def count_checked(deployed: nn.Module, size: tuple[int, int]) -> Cost:
    """Counts a deployed network at (height, width) in pixels, for a batch of one.

    On the meta device, and at ``CHECKED_AT`` by fvcore too, which also names the operators. Where
    the two do not agree to the integer the count is incomplete. A network that cannot run on the
    meta device is counted by fvcore alone, at full size.
    """
    traced = count(deployed, CHECKED_AT)
    try:
        bare = copy.deepcopy(deployed).to("meta")
        small, full = (count_static(bare, each) for each in (CHECKED_AT, size))
    except Exception:  # a stranger's part may make tensors of its own, on another device
        return count(deployed, size)
    unknown = dict(traced.unknown_ops)
    if (small.gmacs, small.gmacs_conv) != (traced.gmacs, traced.gmacs_conv):
        unknown[DISAGREE] = 1
    return replace(
        full,
        uncounted_ops=traced.uncounted_ops,
        unknown_ops=unknown,
        cost_tool=f"{full.cost_tool}, checked by {traced.cost_tool} at {traced.cost_size}",
    )
