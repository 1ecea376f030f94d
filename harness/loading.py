"""Finds a study by its file, or by the name of one that is built in."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.names import no_such_file, unknown
from harness.plugins import load_file
from harness.study import Study

PACKAGE = "studies"
NOT_STUDIES = ("__init__", "published", "recipes")


def builtin_studies() -> dict[str, Path]:
    """The files of the built-in studies by name."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.py"))
    return {file.stem: file for file in files if file.stem not in NOT_STUDIES}


def load_study(given: str) -> tuple[Study, tuple[str, ...]]:
    """A study, and its file if workers must load that too, since it registers something.

    FileNotFoundError for a file that is not there, KeyError for an unknown name, ValueError for a
    file without a study.
    """
    path = study_file(given)
    module, registers = _loaded(path)
    return _study_in(module, path), (str(path),) if registers else ()


def study_file(given: str) -> Path:
    """The file that a user means."""
    path, known = Path(given), builtin_studies()
    if path.suffix != ".py" and not path.exists():
        if given not in known:
            own = f"one of your own is named by its file{_file_of(given)}"
            raise KeyError(f"{unknown('study', given, known)}; {own}")
        return known[given]
    if not path.is_file():
        raise FileNotFoundError(no_such_file("study file", given))
    return path.resolve()


def _file_of(given: str) -> str:
    """The file that somebody may mean who gives a study's name, if it is here."""
    here = Path(f"{given}.py")
    return f": {here}" if here.is_file() else ", as in my_study.py"


@functools.cache
def _loaded(path: Path) -> tuple[ModuleType, bool]:
    """A file's module, and whether loading it registered something."""
    before = _registered()
    module = load_file(path)
    return module, _registered() != before


def _registered() -> list[tuple[str, ...]]:
    return [registry.names() for registry in (*REGISTRIES.values(), datasets)]


def _study_in(module: ModuleType, path: Path) -> Study:
    study = getattr(module, "study", None)
    if study is None:
        raise ValueError(f"there is no study in {path.name}; define one as study = Study(...)")
    if not isinstance(study, Study):
        raise TypeError(f"study in {path.name} is no Study(...) but of type {type(study).__name__}")
    return study
