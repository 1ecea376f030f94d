"""Where parts, data sets and named networks come from: entry points, and files a user names."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from harness.mistakes import one_line, trust

GROUP = "twopath.plugins"
"""The entry-point group. The built-in parts are in it, like a stranger's."""


class PluginError(ValueError):
    """A plugin that could not be loaded; the message names it and says why."""


BUILT_IN = ("architectures", "harness", "studies")


def load_plugins(files: Iterable[str | Path] = ()) -> tuple[str, ...]:
    """Imports every installed plugin, then some files; doing it again does nothing.

    An installed plugin whose own code fails is left out, and gives a line that names it and says
    why; the others keep working. PluginError for such a file, since the user asked for it.
    """
    left_out = []
    for entry in _installed():
        package = entry.module.partition(".")[0]
        trust(package)
        try:
            entry.load()
        except (Exception, SystemExit) as error:
            if package in BUILT_IN:  # a mistake of ours
                raise
            name = f"plugin {entry.name!r} ({entry.value})"
            left_out.append(f"{name} is left out, it could not be loaded: {_said(error)}")
    for file in files:
        load_file(file)
    return tuple(left_out)


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """What is installed under our name: asked for once, since all packages are looked through."""
    return tuple(sorted(entry_points(group=GROUP)))


def load_file(file: str | Path) -> ModuleType:
    """Imports a Python file under a name of its own, once.

    FileNotFoundError if it is not there; PluginError if its own code fails.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    name = module_name(path)
    trust(str(path.parent))
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
    if _found(name) == path:
        return name
    return f"twopath_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _found(name: str) -> Path | None:
    """The file that ``import`` would take for a name."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a dot in a file's name, or a name like __main__
        return None
    return Path(spec.origin).resolve() if spec and spec.origin else None


def _execute(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"{path} could not be loaded: {_said(error, path)}") from error
    return module


def _said(error: BaseException, path: Path | None = None) -> str:
    """What an exception said, with its kind and place, on one line.

    The place is the last one in the file that was loaded, or in one beside it; of an installed
    plugin, the last that is not in what imports it.
    """
    said = f"{type(error).__name__}: {one_line(error)}"
    if isinstance(error, SyntaxError):  # which names its place itself
        return said
    places = traceback.extract_tb(error.__traceback__)
    own = [each for each in places if _is_own(each.filename, path)]
    return f"{said} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else said


def _is_own(file: str, path: Path | None) -> bool:
    if path is not None:
        return Path(file).parent == path.parent
    return "importlib" not in file and file != __file__
