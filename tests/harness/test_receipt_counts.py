"""Counts in a receipt must fit one another and what else it says of their networks."""

import pytest
from made_up_receipts import content

from harness.measure.receipt import write
from harness.measure.recheck import verify


def written(tmp_path, made):
    return tmp_path / f"{write(tmp_path, made)}.json"


COUNTS = {
    "params": 8,
    "gmacs": 1.6,
    "gmacs_conv": 1.5,
    "elementwise_flops": 10**9,
    "gflops": 4.0,
    "unfused_bytes": 3,
    "unfused_by_class": {"conv": 1, "add": 2},
    "unknown_ops": {},
    "count": "complete",
}


@pytest.mark.parametrize(
    "change",
    [
        {"params": 9},
        {"gmacs": 1.4},
        {"gflops": 4.1},
        {"unfused_bytes": 4},
        {"unknown_ops": {"a": 1}},
    ],
)
def test_counts_that_do_not_fit_are_seen(tmp_path, change):
    models = {"fast": {"findings": [], "params": 8, "transforms": ["folded"]}}
    models["slow"] = {"findings": []}
    sound = content(models=models, counts={"fast": COUNTS})
    assert verify(written(tmp_path, sound)) == []
    (told,) = verify(written(tmp_path, content(models=models, counts={"fast": COUNTS | change})))
    assert told.startswith("counts.fast.") and "the rest of the receipt gives" in told
