"""Writes costs.json anew: ``make golden``. The test beside it compares with what this would write.

Parameters and multiply-adds of convolutions, at 512x1024 for 19 classes, of every named network,
and of BiSeNet V2 with one part changed: to every other part of its kind, and to every other value
of each option that can be derived from the default.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from harness import Part, networks
from harness.components import REGISTRIES
from harness.contracts import other_values
from harness.measure.by_part import ByPart
from harness.network import assemble
from harness.plugins import load_plugins
from studies.published import BISENETV2

FILE = Path(__file__).parent / "costs.json"
CLASSES, SIZE = 19, (512, 1024)


def variants():
    """BiSeNet V2 with one part changed, by what was changed."""
    for kind, registry in REGISTRIES.items():
        usual = BISENETV2.parts()[kind].name
        for name in sorted(set(registry) - {"timm"}):  # which need not be installed
            part = BISENETV2.parts()[kind] if name == usual else Part(name)
            for changed in (part, *_options(kind, part)):
                yield f"{kind}={changed}", replace(BISENETV2, **{kind: changed})


def _options(kind, part):
    for option in REGISTRIES[kind].options(part.name):
        for value in other_values(kind, part.name, option):
            yield part.replace(**{option: value})


def figures():
    """Every figure by network, or by change; what does not fit together is left out."""
    counter = ByPart(CLASSES, SIZE)
    return {
        "networks": {name: _costs(networks.get(name), counter) for name in networks.names()},
        "variants": {
            name: costs
            for name, each in variants()
            if (costs := _costs_if_it_fits(each, counter)) is not None
        },
    }


def _costs_if_it_fits(architecture, counter):
    try:
        return _costs(architecture, counter)
    except ValueError:
        return None


def _costs(architecture, counter):
    cost = counter.count(architecture)
    with torch.device("meta"):
        trained = assemble(architecture, CLASSES)
    return {
        "params_trained": sum(each.numel() for each in trained.parameters()),
        "params_deployed": cost.params,
        "macs_conv": round(cost.gmacs_conv * 1e9),
        "activations": cost.activations,
    }


if __name__ == "__main__":
    load_plugins()
    FILE.write_text(json.dumps(figures(), indent=1) + "\n", encoding="utf-8")
    sys.exit()
