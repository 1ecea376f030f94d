"""Costs of every named network and of every single change, compared exactly with costs.json.

A change of a part that is meant is written there by ``make golden``, in the same commit.
"""

import json

from regenerate import FILE, figures

from harness import Architecture, networks
from harness.components import REGISTRIES
from studies import published

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_costs_are_what_they_were():
    found = figures()
    for group in ("networks", "variants"):
        assert found[group].keys() == GOLDEN[group].keys()
        changed = {
            name: (GOLDEN[group][name], costs)
            for name, costs in found[group].items()
            if costs != GOLDEN[group][name]
        }
        assert not changed


def test_every_published_network_has_a_golden_cost():
    known = [each for each in vars(published).values() if isinstance(each, Architecture)]
    named = [str(networks.get(name)) for name in GOLDEN["networks"]]
    assert {str(each) for each in known} - {str(published._architecture)} <= set(named)


def test_every_part_that_can_stand_in_bisenetv2_has_a_golden_cost():
    missing = [
        (kind, name)
        for kind, registry in REGISTRIES.items()
        for name in registry
        if not any(each.startswith(f"{kind}={name}") for each in GOLDEN["variants"])
    ]
    # One path alone leaves nothing to fuse, and timm need not be installed.
    alone = [("detail", "none"), ("semantic", "none"), ("fusion", "none")]
    assert sorted(missing) == sorted([*alone, ("semantic", "timm")])
