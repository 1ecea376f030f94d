"""Streams of chance: one number for each purpose and seed."""

import subprocess
import sys
from typing import get_args

from harness.training.streams import Purpose, stream


def test_no_two_streams_are_alike():
    numbers = [stream(seed, each) for seed in range(50) for each in get_args(Purpose)]
    assert len(set(numbers)) == len(numbers) == 200
    assert all(0 <= number < 2**63 for number in numbers)


def test_a_stream_is_the_same_in_every_process():
    script = "from harness.training.streams import stream; print(stream(3, 'order'))"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) == stream(3, "order")
