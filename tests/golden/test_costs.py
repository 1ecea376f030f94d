"""Parameters and multiply-adds of every named network, compared exactly.

A change of a part that is meant changes ``costs.json`` in the same commit; the failing test shows
the new figures. Classes: 19, size: 512x1024.
"""

import json
from pathlib import Path

import pytest
import torch
from counting import PAPER_SIZE, deployed, macs

import architectures  # noqa: F401 - registers the built-in parts
from harness import Architecture, networks
from harness.network import assemble
from studies import published

GOLDEN = json.loads((Path(__file__).parent / "costs.json").read_text(encoding="utf-8"))


def num_params(module):
    return sum(each.numel() for each in module.parameters())


def costs(name):
    architecture = networks.get(name)
    with torch.device("meta"):
        trained = num_params(assemble(architecture, 19))
    network = deployed(architecture)
    return {
        "params_trained": trained,
        "params_deployed": num_params(network),
        "macs": macs(network, (1, 3, *PAPER_SIZE)),
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_cost_of_a_named_network_is_what_it_was(name):
    assert costs(name) == GOLDEN[name]


def test_every_published_network_has_a_golden_cost():
    known = [each for each in vars(published).values() if isinstance(each, Architecture)]
    assert sorted(map(str, known)) == sorted(str(networks.get(name)) for name in GOLDEN)
