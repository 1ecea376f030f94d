"""Every part that is registered keeps the contract of its kind."""

import pytest

import architectures  # noqa: F401 - registers the built-in parts
from harness import contracts
from harness.components import REGISTRIES
from harness.mistakes import NotInstalledError

PARTS = [
    pytest.param(kind, name, check, id=f"{kind}-{name}-{check.__name__}")
    for kind, registry in REGISTRIES.items()
    for name in registry
    for check in contracts.CHECKS[kind]
]


@pytest.mark.parametrize(("kind", "name", "check"), PARTS)
def test_part_keeps_its_contract(kind, name, check):
    try:
        check(kind, name)
    except NotInstalledError as error:
        pytest.skip(str(error))
