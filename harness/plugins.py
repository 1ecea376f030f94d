"""Where parts, data sets and named networks come from: entry points, and files a user names."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

GROUP = "twopath.plugins"
"""The entry-point group. The built-in parts are in it, like a stranger's."""


class PluginError(ValueError):
    """A plugin that could not be loaded; the message names it and says why."""


def load_plugins(files: Iterable[str | Path] = ()) -> None:
    """Imports every installed plugin, then some files; doing it again does nothing.

    PluginError, naming the plugin, if its own code fails.
    """
    for entry in sorted(entry_points(group=GROUP)):
        try:
            entry.load()
        except Exception as error:
            name = f"plugin {entry.name!r} ({entry.value})"
            raise PluginError(f"{name} could not be loaded: {_said(error)}") from error
    for file in files:
        load_file(file)


def load_file(file: str | Path) -> ModuleType:
    """Imports a Python file under a name of its own, once.

    FileNotFoundError if it is not there; PluginError if its own code fails.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {file}")
    name = module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    return _execute(path, name)


def module_name(path: Path) -> str:
    """The name under which a file is imported, so that ``import`` and a path give one module.

    A file beside no ``__init__.py`` is found as Python finds what lies beside a script: its folder
    goes to the end of ``sys.path``. A file whose plain name belongs to another module gets a name
    that no other has.
    """
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    if str(root) not in sys.path:
        sys.path.append(str(root))
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    found = importlib.util.find_spec(name)
    if found and found.origin and Path(found.origin).resolve() == path:
        return name
    return f"twopath_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _execute(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise PluginError(f"{path} could not be loaded: {_said(error)}") from error
    return module


def _said(error: Exception) -> str:
    """What an exception said, with its kind and place, on one line."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f" ({Path(place.filename).name}, line {place.lineno})"
    return f"{type(error).__name__}: {' '.join(text.split())}{where}"
