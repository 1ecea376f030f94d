"""The gated sum keeps the contract of a fusion."""

import twopath_gated_sum  # noqa: F401 - registers the fusion

from harness import contracts

test_gated_sum = contracts.suite("fusion", "gated_sum")
