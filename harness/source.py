"""A hash of the code a class depends on, blind to comments, docstrings and layout."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

Symbol = tuple[str, str]
"""A module's name and a name that it defines; ``*`` stands for the whole module."""


def source_digest(*classes: type) -> str:
    """A sha256 over the source of some classes and of everything they use beside the harness.

    Followed are the names that a class's body mentions, through the imports of its module.
    Libraries and the harness are left out: a change there is a change of version or of protocol.
    """
    seen: dict[Symbol, str] = {}
    for cls in classes:
        root = cls.__module__.split(".")[0]
        _collect((cls.__module__, cls.__qualname__.split(".")[0]), root, seen)
    text = "\n".join(f"{symbol[1]}:{seen[symbol]}" for symbol in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()


def _collect(symbol: Symbol, root: str, seen: dict[Symbol, str]) -> None:
    module, name = symbol
    if symbol in seen or not _is_followed(module, root):
        return
    statements = _definitions(module)
    nodes = list(statements.values()) if name == "*" else [statements.get(name)]
    found = [node for node in nodes if node is not None and not isinstance(node, _IMPORTS)]
    seen[symbol] = "".join(ast.dump(_bare(node)) for node in found)
    for node in nodes:
        if isinstance(node, _IMPORTS):
            _collect_import(symbol, node, root, seen)
    for used in sorted({used for node in found for used in _names(node)} - {name}):
        if used in statements:
            _collect((module, used), root, seen)


_IMPORTS = (ast.Import, ast.ImportFrom)


def _collect_import(
    symbol: Symbol, node: ast.Import | ast.ImportFrom, root: str, seen: dict[Symbol, str]
) -> None:
    module, name = symbol
    for alias in node.names:
        if name not in ("*", alias.asname, alias.name, alias.name.split(".")[0]):
            continue
        if isinstance(node, ast.Import):
            _collect((alias.name, "*"), root, seen)
            continue
        origin = _origin(module, node)
        inner = f"{origin}.{alias.name}"
        _collect((inner, "*") if inner in sys.modules else (origin, alias.name), root, seen)


def _origin(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module that ``from ... import`` reads."""
    if not node.level:
        return node.module or ""
    package = sys.modules[module].__package__ or ""
    return importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def _is_followed(name: str, root: str) -> bool:
    """Whether a module's code counts: not the harness's, the standard library's or a library's.

    A plugin may itself be an installed package, so its own root is followed wherever it lies.
    """
    module, top = sys.modules.get(name), name.split(".")[0]
    file = _file(module) if module else None
    if file is None or top == "harness" or top in sys.stdlib_module_names:
        return False
    return top in (root, "architectures") or "site-packages" not in file.parts


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and file.endswith(".py") else None


@cache
def _definitions(module: str) -> dict[str, ast.stmt]:
    """The top-level statements of a module, by each name they define."""
    file = _file(sys.modules[module])
    assert file is not None, module
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        for name in _defined(node):
            found[name] = node
    return found


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, _IMPORTS):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    # A constant may be set under an ``if`` or in a loop: each name that is stored anywhere counts.
    stored = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return [each.id for each in stored if isinstance(each.ctx, ast.Store)]


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bare(node: ast.stmt) -> ast.AST:
    """The node without docstrings."""
    copy = ast.parse(ast.unparse(node)).body[0]
    for each in ast.walk(copy):
        body = getattr(each, "body", None)
        if isinstance(each, (ast.ClassDef, ast.FunctionDef)) and isinstance(body, list):
            first = body[0]
            is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if is_text and isinstance(first.value.value, str):  # type: ignore[attr-defined]
                each.body = body[1:] or [ast.Pass()]
    return copy
