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


OTHER_VALUES = {"timm": {"model": "mobilenetv2_050"}}
"""Values of options for which the contract cannot guess one."""


@pytest.mark.parametrize(("kind", "name", "check"), PARTS)
def test_part_keeps_its_contract(kind, name, check):
    values = {"values": OTHER_VALUES.get(name)} if check is contracts.check_options else {}
    try:
        check(kind, name, **values)
    except NotInstalledError as error:
        pytest.skip(str(error))
