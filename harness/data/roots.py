"""Where data sets lie on this machine: told on the command line, or in one folder for all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.architecture import Part
from harness.data.dataset import Dataset, datasets
from harness.names import unknown

VARIABLE = "TWOPATH_DATA"
"""The environment variable that names a folder of data sets, each in a subfolder of its name."""


@dataclass(frozen=True, kw_only=True)
class DataRoots:
    """Folders of data sets by name, and a folder that holds those not named."""

    named: tuple[tuple[str, Path], ...] = ()
    shared: Path | None = None

    def of(self, name: str) -> Path | None:
        """The folder of a data set, whether it exists or not; None if nothing was said."""
        return dict(self.named).get(name) or (self.shared / name if self.shared else None)


def data_roots(given: Iterable[str] = (), environment: Mapping[str, str] = os.environ) -> DataRoots:
    """Reads ``name=path`` strings, which come before the folder that ``TWOPATH_DATA`` names.

    ValueError for a string of another form, or a name that is given twice.
    """
    named: dict[str, Path] = {}
    for each in given:
        name, equals, path = (part.strip() for part in each.partition("="))
        if not (name and equals and path):
            raise ValueError(
                f"--data takes name=path, as in --data camvid=/data/CamVid; not {each!r}"
            )
        if name in named:
            raise ValueError(f"--data {name} was given twice: {named[name]} and {path}")
        named[name] = Path(path).expanduser().absolute()
    shared = environment.get(VARIABLE)
    return DataRoots(
        named=tuple(named.items()),
        shared=Path(shared).expanduser().absolute() if shared else None,
    )


def open_dataset(part: Part, roots: DataRoots) -> Dataset:
    """Opens a data set with its options.

    KeyError, with the nearest known name, for a data set or option that does not exist, in the
    part or among the roots; whatever the data set itself raises when it is not there.
    """
    for name, _ in roots.named:
        if name not in datasets:
            raise KeyError(f"--data {name}=...: {unknown('dataset', name, datasets)}")
    return datasets.build(part, roots.of(part.name))
