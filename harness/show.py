"""Lists what is known by name, and describes one thing of it."""

from __future__ import annotations

import ast
import inspect
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import networks
from harness.architecture import KINDS, Architecture
from harness.backends.contract import Backend, backends
from harness.commands import load_named
from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.loading import builtin_studies, load_study
from harness.names import unknown
from harness.network import Network, assemble
from harness.plan import candidates, resolve
from harness.registry import Registry, source_file
from harness.space import holes
from harness.study import recipe_fields
from harness.terminal import Answer, on_one_line, table

NUM_CLASSES = 19
"""Cityscapes' classes, for which a network is described."""

ALL_REGISTRIES: dict[str, Registry[Any]] = {**REGISTRIES, "dataset": datasets, "backend": backends}


def known(options: Namespace) -> Answer:
    """Every known name by kind, with the first sentence of what it is."""
    load_named(options)
    found = {
        kind: {name: paragraphs(registry.get(name).__doc__)[0] for name in registry.names()}
        for kind, registry in ALL_REGISTRIES.items()
    }
    found["network"] = {name: _in_parts(networks.get(name)) for name in networks.names()}
    found["study"] = {name: _question(path) for name, path in builtin_studies().items()}
    return Answer(record=found, show=partial(show_known, found))


def show_known(found: dict[str, dict[str, str]], console: Console) -> None:
    """Prints every known name on a line of its own."""
    drawn = table("kind", "name", "what it is")
    for kind, names in found.items():
        for position, (name, about) in enumerate(names.items()):
            drawn.add_row("" if position else kind, name, on_one_line(about))
    console.print(drawn)


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a docstring, each on one line and without its marks."""
    blocks = inspect.cleandoc(text or "").replace("``", "").split("\n\n")
    return [" ".join(block.split()) for block in blocks]


def _in_parts(architecture: Architecture) -> str:
    return ", ".join(str(part) for part in architecture.parts().values())


def _question(path: Path) -> str:
    return paragraphs(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))[0]


def described(options: Namespace) -> Answer:
    """A network, a part, a data set or a study; KeyError for none of that name.

    ValueError for the name of several parts without a kind, as ``fusion.none`` has it.
    """
    load_named(options)
    name = options.name
    if name in networks.names():
        found = _network(name)
        return Answer(record=found, show=partial(show_network, found))
    if name in builtin_studies():
        found = _study(name)
        return Answer(record=found, show=partial(show_options, found))
    found = _part(*_matching(name))
    return Answer(record=found, show=partial(show_options, found))


def _matching(name: str) -> tuple[str, str]:
    """The kind and the bare name of a part or a data set."""
    matches = [(kind, bare) for kind, bare in _qualified() if name in (bare, f"{kind}.{bare}")]
    if not matches:
        parts = [f"{kind}.{bare}" if "." in name else bare for kind, bare in _qualified()]
        others = [*networks.names(), *builtin_studies()]
        known = dict.fromkeys([*others, *parts])
        raise KeyError(unknown("name", name, known, listed_by="twopath list"))
    if len(matches) > 1:
        which = ", ".join(f"{kind}.{bare}" for kind, bare in matches)
        raise ValueError(f"several parts are called {name!r}; say which: {which}")
    return matches[0]


def _qualified() -> list[tuple[str, str]]:
    return [(kind, name) for kind, registry in ALL_REGISTRIES.items() for name in registry.names()]


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
        "context": {**paths.context.taps, "out": paths.context.out} if paths.context else {},
        "fusion": {"out": paths.fusion.out},
    }
    said = {
        kind: ", ".join(f"{n} {f.channels} at 1/{f.stride}" for n, f in taps.items())
        for kind, taps in features.items()
    }
    heads = ", ".join(network.aux_taps) or "no heads"
    return {**said, "head": f"{NUM_CLASSES} classes", "aux_heads": heads}


def show_network(found: dict[str, Any], console: Console) -> None:
    """Prints a network part by part."""
    drawn = table(
        "part",
        "name",
        "options",
        "gives: channels at stride",
        title=f"{found['network']}, {found['num_classes']} classes",
    )
    for kind in KINDS:
        part = found["parts"][kind]
        lines = "\n".join(f"{key}={value}" for key, value in part["options"].items())
        drawn.add_row(kind, part["name"], lines, part["gives"].replace(", ", "\n"))
        drawn.add_section()
    console.print(drawn)


def _part(kind: str, name: str) -> dict[str, Any]:
    registry = ALL_REGISTRIES[kind]
    cls = registry.get(name)
    return {
        "kind": kind,
        "name": name,
        "about": "\n\n".join(paragraphs(cls.__doc__)),
        "options": registry.options(name),
        "file": source_file(cls),
        **(_needs(cls) if kind == "backend" else {}),
    }


def _needs(backend: type[Backend]) -> dict[str, Any]:
    """What a backend imports beside torch, by package whether it is here; None: any device."""
    return {
        "needs": {each: find_spec(each) is not None for each in backend.packages},
        "extra": backend.extra,
        "device": backend.device,
    }


def _needs_told(found: dict[str, Any]) -> Iterator[str]:
    """What a backend needs, and how to get what is missing."""
    if found.get("device"):
        yield f"Runs on {found['device']} alone."
    needs = found.get("needs")
    if needs:
        missing = [name for name, is_here in needs.items() if not is_here]
        how = f"pip install 'twopath[{found['extra']}]'" if found["extra"] else "install them"
        here = f"{', '.join(missing)} not installed here: {how}" if missing else "installed here"
        yield f"Needs {', '.join(needs)}: {here}."


MOST_LISTED = 24
"""The most candidates of a study that are listed one by one."""


def _study(name: str) -> dict[str, Any]:
    """A study; ``candidates`` are all of them, or for a search the space it looks in."""
    study, _ = load_study(name)
    labels = [each.label for each in candidates(study)] if not study.search else [str(study.space)]
    if len(labels) > MOST_LISTED:
        answers = {path: hole for path, hole in holes(study.space).items()}
        labels = [f"{len(labels)} combinations of"]
        labels += [f"{path}: {hole}" for path, hole in answers.items()]
    recipe = {f"recipe.{each}": _plainly(getattr(study.recipe, each)) for each in recipe_fields()}
    return {
        "kind": "study",
        "name": study.name,
        "about": study.question,
        "options": {"candidates": labels, "seeds": list(study.seeds), **recipe},
        "file": str(builtin_studies()[name]),
    }


def _plainly(value: Any) -> Any:
    return value if isinstance(value, (int, float, tuple)) else str(value)


def show_options(found: dict[str, Any], console: Console) -> None:
    """Prints what a part, a data set or a study is, with its options."""
    console.print(f"{found['kind']} {found['name']}\n\n{found['about']}\n")
    for key, value in found["options"].items():
        text = "; ".join(map(str, value)) if isinstance(value, list) else value
        console.print(f"  {key} = {text}")
    for line in _needs_told(found):
        console.print(line)
    console.print(f"\n{found['file']}")
