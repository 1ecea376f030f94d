"""A part is registered by lying in its folder, and shared blocks are shared."""

import ast
import inspect
from pathlib import Path

import pytest

import architectures
from harness.architecture import KINDS
from harness.components import REGISTRIES

FOLDER = Path(architectures.__file__).parent


def files(kind):
    return sorted(p for p in (FOLDER / kind).glob("*.py") if p.name != "__init__.py")


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_folder_registers_a_part_of_that_kind(kind):
    registry = REGISTRIES[kind]
    homes = {Path(inspect.getfile(registry.get(name))) for name in registry}
    assert set(files(kind)) == {home for home in homes if home.is_relative_to(FOLDER)}


def test_there_is_no_other_folder_of_parts():
    folders = {p.name for p in FOLDER.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == set(KINDS)


def test_layers_hold_only_what_three_parts_use():
    public = {
        node.name
        for node in ast.parse((FOLDER / "layers.py").read_text(encoding="utf-8")).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    }
    used = dict.fromkeys(public, 0)
    for file in (each for kind in KINDS for each in files(kind)):
        names = {n.id for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Name)}
        for name in public & names:
            used[name] += 1
    assert {name: count for name, count in used.items() if count < 3} == {}
