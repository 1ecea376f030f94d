"""Where the weights of a path come from before training: from scratch, or from a file.

A file is named with the start of its sha256, as ``resnet18-f37072fd.pth``: the name is an option
of the part, so a result is bound to the very bytes that it started from.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.architecture import SCRATCH, Architecture

VARIABLE = "TWOPATH_WEIGHTS"
"""The environment variable that names the folders of weight files, in the manner of PATH."""

SHORTEST_HASH = 8


class Weights(ABC):
    """A source of weights. ``name`` goes into every row that they had a part in.

    ``into`` is the submodule of a path that they are for, empty for the path itself.
    """

    name: str
    into: str = ""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """The tensors, named as in the module that they are for."""


@dataclass(frozen=True)
class FileWeights(Weights):
    """Weights in a file that ``torch.save`` wrote.

    ``left_out`` are the starts of names that the module has no use for, such as a classifier's.
    """

    name: str
    left_out: tuple[str, ...] = ()
    into: str = ""

    def state(self) -> dict[str, Tensor]:
        """The tensors of the file; see ``find`` and ``read`` for what may be wrong."""
        found = read(find(self.name))
        return {key: each for key, each in found.items() if not key.startswith(self.left_out)}


def from_file(name: str, *, left_out: tuple[str, ...] = (), into: str = "") -> Weights | None:
    """The weights that a part's option names, for a submodule of it; None for ``scratch``.

    ValueError for a name that does not end in a hash.
    """
    if name == SCRATCH:
        return None
    hash_in(name)
    return FileWeights(name, left_out, into)


def files_named(architecture: Architecture) -> list[str]:
    """The weight files that the parts of an architecture name."""
    options = [dict(part.options).get("weights") for part in architecture.parts().values()]
    return [name for name in options if isinstance(name, str) and name != SCRATCH]


def hash_in(name: str) -> str:
    """The start of the sha256 in a file's name: at least 8 hexadecimal digits before the suffix."""
    match = re.search(rf"-([0-9a-f]{{{SHORTEST_HASH},64}})\.[A-Za-z]+$", name)
    if match is None or "/" in name:
        raise ValueError(
            f"weights {name!r} must be {SCRATCH!r} or the name of a file that ends in the first "
            f"{SHORTEST_HASH} or more digits of its sha256, as resnet18-f37072fd.pth"
        )
    return match[1]


def find(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The file of a name, whose content must be what the name says.

    FileNotFoundError if no folder has it, ValueError if its sha256 is another.
    """
    folders = [Path(each) for each in environment.get(VARIABLE, "").split(os.pathsep) if each]
    for file in (folder.expanduser() / name for folder in folders):
        if file.is_file():
            _check(file)
            return file
    places = ", ".join(map(str, folders)) or f"no folder: {VARIABLE} is not set"
    raise FileNotFoundError(
        f"weights {name} were looked for in {places}; set {VARIABLE} to the folder that has them"
    )


def _check(file: Path) -> None:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if not digest.startswith(hash_in(file.name)):
        raise ValueError(f"the sha256 of {file} is {digest}, which is not what its name says")


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; ValueError for a file that holds anything else.

    They may lie under ``state_dict``, as the files of many training scripts have them.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler met
        raise ValueError(f"{file} is no file of plain tensors by torch.save") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{file} must hold a dict of tensors by name")
    return state
