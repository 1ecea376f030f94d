"""What the tests of the machine room share: a part that misbehaves."""

from pathlib import Path

import pytest
from raylets import address as address
from raylets import own_ray as own_ray

from harness.plugins import load_file

HERE = Path(__file__).parent


@pytest.fixture
def odd():
    """The path of the plugin with the odd head, which this process knows for one test."""
    load_file(HERE / "odd_parts.py")
    return str(HERE / "odd_parts.py")
