"""Lists what is known by name, and describes one thing of it."""

from __future__ import annotations

import inspect
from typing import Any

from rich.console import Console
from rich.table import Table

from harness import networks
from harness.architecture import KINDS, Architecture
from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.loading import builtin_studies
from harness.names import unknown
from harness.network import Network, assemble
from harness.plan import resolve
from harness.plugins import load_plugins
from harness.registry import Registry, source_file

NUM_CLASSES = 19
"""Cityscapes' classes, for which a network is described."""

ALL_REGISTRIES: dict[str, Registry[Any]] = {**REGISTRIES, "dataset": datasets}


def known(plugins: list[str]) -> dict[str, dict[str, str]]:
    """Every known name by kind, with the first sentence of what it is."""
    load_plugins(plugins)
    found = {
        kind: {name: summary(registry.get(name)) for name in registry.names()}
        for kind, registry in ALL_REGISTRIES.items()
    }
    found["network"] = {name: _in_parts(networks.get(name)) for name in networks.names()}
    found["study"] = {name: str(path) for name, path in builtin_studies().items()}
    return found


def show_known(found: dict[str, dict[str, str]]) -> int:
    """Prints every known name, a table a kind."""
    table = Table(box=None, pad_edge=False)
    for name in ("kind", "name", "what it is"):
        table.add_column(name)
    for kind, names in found.items():
        for position, (name, about) in enumerate(names.items()):
            table.add_row("" if position else kind, name, about)
        table.add_section()
    Console().print(table)
    return 0


def summary(cls: type) -> str:
    """The first sentence of a class's docstring."""
    text = inspect.getdoc(cls) or ""
    return " ".join(text.split("\n\n")[0].split())


def _in_parts(architecture: Architecture) -> str:
    return ", ".join(str(part) for part in architecture.parts().values())


def described(name: str, plugins: list[str]) -> dict[str, Any]:
    """A network, a part or a data set as a dictionary; KeyError for none of that name."""
    load_plugins(plugins)
    if name in networks.names():
        return _network(name)
    kind, _, bare = name.rpartition(".")
    matches = [each for each, reg in ALL_REGISTRIES.items() if bare in reg and kind in ("", each)]
    if len(matches) > 1:
        options = ", ".join(f"{each}.{bare}" for each in matches)
        raise ValueError(f"several parts are called {bare!r}; say which: {options}")
    if not matches:
        names = [*networks.names(), *(each for reg in ALL_REGISTRIES.values() for each in reg)]
        raise KeyError(unknown("name", name, dict.fromkeys(names)))
    return _part(matches[0], bare)


def _network(name: str) -> dict[str, Any]:
    architecture = resolve(networks.get(name))
    network = assemble(architecture, NUM_CLASSES)
    gives = _gives(network)
    return {
        "network": name,
        "num_classes": NUM_CLASSES,
        "parts": {
            kind: {"name": part.name, "options": dict(part.options), "gives": gives[kind]}
            for kind, part in architecture.parts().items()
        },
    }


def _gives(network: Network) -> dict[str, str]:
    """What each part gives: channels and stride of each feature, in order."""
    paths = network.paths
    features = {
        "detail": paths.detail.taps,
        "semantic": paths.semantic.taps,
        "context": {"out": paths.context.out} if paths.context else {},
        "fusion": {"out": paths.fusion.out},
    }
    said = {
        kind: ", ".join(f"{n} {f.channels} at 1/{f.stride}" for n, f in taps.items())
        for kind, taps in features.items()
    }
    heads = ", ".join(network.aux_taps) or "no heads"
    return {**said, "head": f"{NUM_CLASSES} classes", "aux_heads": heads}


def _part(kind: str, name: str) -> dict[str, Any]:
    registry = ALL_REGISTRIES[kind]
    cls = registry.get(name)
    return {
        "kind": kind,
        "name": name,
        "about": inspect.getdoc(cls) or "",
        "options": registry.options(name),
        "file": source_file(cls),
    }


def show_described(found: dict[str, Any]) -> int:
    """Prints what ``described`` found."""
    console = Console()
    if "network" in found:
        table = Table(title=f"{found['network']}, {found['num_classes']} classes")
        for column in ("part", "name", "options", "gives (channels at stride)"):
            table.add_column(column)
        for kind in KINDS:
            part = found["parts"][kind]
            options = ", ".join(f"{key}={value}" for key, value in part["options"].items())
            table.add_row(kind, part["name"], options, part["gives"])
        console.print(table)
        return 0
    print(f"{found['kind']} {found['name']}\n\n{found['about']}\n")
    for key, value in found["options"].items():
        print(f"  {key} = {value!r}")
    print(f"\n{found['file']}")
    return 0
