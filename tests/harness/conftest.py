"""What the tests of the machine room share: built-in parts, and one that misbehaves."""

import sys
from pathlib import Path

import pytest

from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.plugins import load_file, load_plugins

HERE = Path(__file__).parent

load_plugins()


@pytest.fixture
def registered():
    """Loads a file as a plugin, and forgets after the test whatever that has brought."""
    known = (*REGISTRIES.values(), datasets)
    classes = [dict(registry._classes) for registry in known]
    modules = set(sys.modules)
    yield load_file
    for registry, before in zip(known, classes, strict=True):
        registry._classes.clear()
        registry._classes.update(before)
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).parent == HERE:
            del sys.modules[name]


@pytest.fixture
def odd(registered):
    """The path of the plugin with the odd head, which this process knows for one test."""
    registered(HERE / "odd_parts.py")
    return str(HERE / "odd_parts.py")
