"""Plugin files on their way to a machine that does not have them, with the modules beside them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from harness.measure.candidates import Order
from harness.mistakes import NotInstalledError
from harness.plugins import BUILT_IN
from harness.trial import Job
from harness.whole import write_whole

INSTALLED = {"site-packages", "dist-packages"}


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """Files by the path they have where the study was started, as (root, path in it, bytes)."""

    files: tuple[tuple[str, str, bytes], ...]
    twopath: str


def shipped(plugins: tuple[str, ...]) -> Shipment:
    """Plugin files with what they imported from beside them; files they read are not shipped."""
    found: dict[tuple[str, str], bytes] = {}
    for plugin in plugins:
        root = _root(Path(plugin))
        for file in (Path(plugin), *_imported_from(root)):
            found[str(root), file.relative_to(root).as_posix()] = file.read_bytes()
    files = tuple((root, inside, text) for (root, inside), text in sorted(found.items()))
    return Shipment(files=files, twopath=version("twopath"))


def _root(plugin: Path) -> Path:
    """The folder that Python would look into for a file, above its package if it is in one."""
    root = plugin.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return root


def _imported_from(root: Path) -> Iterator[Path]:
    """The files of the modules that this process imported from a folder, libraries left out."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in BUILT_IN or name == "__main__":
            continue
        path = Path(file).resolve()
        inside = path.is_relative_to(root) and path.suffix == ".py" and path.is_file()
        if inside and not INSTALLED & set(path.parts) and not path.is_relative_to(sys.base_prefix):
            yield path


def unpacked(shipment: Shipment) -> dict[str, str]:
    """Writes a shipment's files here; gives for each path there the path here.

    NotInstalledError where another version of twopath would read them.
    """
    here = version("twopath")
    if here != shipment.twopath:
        raise NotInstalledError(
            f"this node has twopath {here}, the study was started with {shipment.twopath}; "
            "install the same version on every node"
        )
    if not shipment.files:
        return {}
    whole = sha256(repr(shipment.files).encode()).hexdigest()[:16]
    folder = _own_folder() / whole
    places = {}
    for root, inside, text in shipment.files:
        place = folder / sha256(root.encode()).hexdigest()[:8] / inside
        if not place.is_file() or place.read_bytes() != text:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, text)
        places[str(Path(root) / inside)] = str(place)
    return places


def _own_folder() -> Path:
    """A folder for temporary files that nobody else can write to: code is run from it."""
    folder = Path(tempfile.gettempdir()) / f"twopath-plugins-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o022 or folder.is_symlink():
        return Path(tempfile.mkdtemp(prefix="twopath-plugins-"))
    return folder


Named = TypeVar("Named", Job, Order)


def at_hand(named: Named, places: Mapping[str, str]) -> Named:
    """A job or an order that names its plugins by where they are here."""
    return replace(named, plugins=tuple(places.get(file, file) for file in named.plugins))


def renamed(arguments: tuple[Any, ...], places: Mapping[str, str]) -> tuple[Any, ...]:
    """Arguments that name plugin files, in tuples or orders, by where they are here."""

    def there(value: Any) -> Any:
        if isinstance(value, Order):
            return at_hand(value, places)
        if isinstance(value, tuple) and any(isinstance(v, str) and v in places for v in value):
            return tuple(places.get(each, each) for each in value)
        return value

    return tuple(map(there, arguments))
