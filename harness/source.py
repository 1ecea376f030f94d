"""A hash of the code a class depends on, blind to comments, docstrings and layout."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Hashable
from functools import cache
from pathlib import Path

Symbol = tuple[str, str]
"""A module's name and a name that it defines; ``*`` stands for the whole module."""


def source_digest(*classes: type) -> str:
    """A sha256 over the source of some classes and of everything they use beside the harness.

    Followed are the names that a class's body mentions, through the imports of its module.
    Libraries and the harness are left out: a change there is a change of version or of protocol.
    """
    seen: dict[Symbol, str] = {}
    for cls in classes:
        seen |= _used_by(cls)
    # Not by module: the name of a file's module differs from machine to machine.
    text = "\n".join(sorted(f"{name}:{code}" for (_, name), code in seen.items()))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _used_by(cls: Hashable) -> dict[Symbol, str]:
    """The code of every symbol that a class depends on, its own included."""
    assert isinstance(cls, type)
    module, seen = cls.__module__, dict[Symbol, str]()
    _collect((module, _statement_name(cls)), module.split(".")[0], seen)
    return seen


def _statement_name(cls: type) -> str:
    """The name that a class's module gives it; all of the module for a class that code made."""
    name, _, inner = cls.__qualname__.partition(".")
    if "<locals>" in inner or not _file(cls.__module__):
        return "*"
    return name if name in _definitions(cls.__module__) else "*"


def _collect(symbol: Symbol, root: str, seen: dict[Symbol, str]) -> None:
    module, name = symbol
    if symbol in seen or not _is_followed(module, root):
        return
    nodes = _statements(module, name)
    if not nodes:
        return
    found = [node for node in nodes if not isinstance(node, _IMPORTS)]
    seen[symbol] = "\n".join(ast.unparse(_bare(node)) for node in found)
    for node in nodes:
        wanted = "*" if isinstance(node, _BLOCKS) else name
        for each in ast.walk(node):
            if isinstance(each, _IMPORTS):
                _collect_import((module, wanted), each, root, seen)
    for used in sorted({used for node in found for used in _names(node)} - {name}):
        _collect((module, used), root, seen)


_IMPORTS = (ast.Import, ast.ImportFrom)
_BLOCKS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _collect_import(
    symbol: Symbol, node: ast.Import | ast.ImportFrom, root: str, seen: dict[Symbol, str]
) -> None:
    module, name = symbol
    for alias in node.names:
        if name not in ("*", _given_name(alias)) and alias.name != "*":
            continue
        origin = _origin(module, node) if isinstance(node, ast.ImportFrom) else ""
        inner = f"{origin}.{alias.name}".lstrip(".")
        if _is_followed(inner, root):
            _collect((inner, "*"), root, seen)
        elif _is_followed(origin, root):
            _collect((origin, name if alias.name == "*" else alias.name), root, seen)
        elif alias.name != "*":
            # What a library gives under this name; where in the harness it lies may change.
            source = alias.name if inner.startswith("harness.") else inner
            seen[module, f"import {source} as {_given_name(alias)}"] = ""


def _given_name(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _origin(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module that ``from ... import`` reads."""
    if not node.level:
        return node.module or ""
    file = _file(module)
    is_package = file is not None and file.name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    return importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def _is_followed(name: str, root: str) -> bool:
    """Whether a module's code counts: not the harness's, the standard library's or a library's.

    A plugin may itself be an installed package, so its own root is followed wherever it lies.
    """
    top = name.split(".")[0]
    if top == "harness" or top in sys.stdlib_module_names:
        return False
    file = _file(name)
    if file is None:
        return False
    return top in (root, "architectures") or not _INSTALLED & set(file.parts)


_INSTALLED = {"site-packages", "dist-packages"}


@cache
def _file(name: str) -> Path | None:
    """The Python file of a module, whether it has been imported yet or not."""
    if name in sys.modules:
        file = getattr(sys.modules[name], "__file__", None)
    else:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        file = spec.origin if spec else None
    return Path(file).resolve() if file and file.endswith(".py") else None


def _statements(module: str, name: str) -> list[ast.stmt]:
    """The statements that make a name; those that may bring it, for one that none defines."""
    statements = _definitions(module)
    if name == "*":
        return [node for nodes in statements.values() for node in nodes]
    return statements.get(name) or statements.get("*", [])


@cache
def _definitions(module: str) -> dict[str, list[ast.stmt]]:
    """The top-level statements of a module, by each name they define or change."""
    file = _file(module)
    assert file is not None, module
    found: dict[str, list[ast.stmt]] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        for name in sorted(_defined(node)):
            found.setdefault(name, []).append(node)
    return found


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a statement sets or changes, be it under an ``if``, a loop or a ``try``."""
    if isinstance(statement, _BLOCKS):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, _BLOCKS):
            found.add(node.name)
        elif isinstance(node, _IMPORTS):
            found |= {_given_name(alias) for alias in node.names}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found |= _owner(node.value.func)  # such as TABLE.update(...)
        elif isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            found |= _owner(node)
    return found


def _owner(node: ast.AST) -> set[str]:
    """The name at the root of ``name``, ``name.attribute`` or ``name[index]``, if there is one."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bare(node: ast.stmt) -> ast.AST:
    """The node without docstrings."""
    copy = ast.parse(ast.unparse(node)).body[0]
    for each in ast.walk(copy):
        if isinstance(each, _BLOCKS) and _is_text(each.body[0]):
            each.body = each.body[1:] or [ast.Pass()]
    return copy


def _is_text(node: ast.stmt) -> bool:
    constant = node.value if isinstance(node, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)
