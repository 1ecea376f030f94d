"""Puts the files of a report into its folder, each as a whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.whole import write_whole
from reports.beside import beside

T = TypeVar("T")
Made = str | bytes | Iterable[str]
Content = Made | Callable[[], Made]

SUFFIXES = {
    "html": ".html", "md": ".md", "csv": ".csv", "latex": ".tex",
    "png": ".png", "svg": ".svg", "pdf": ".pdf",
}  # fmt: skip
"""How the files of each format end."""

TABLES = (".csv", ".md", ".tex")
"""How tables end, which need no chart."""


def is_wanted(name: str, formats: Collection[str] | None) -> bool:
    """Whether a file is of some formats; None for all."""
    return formats is None or Path(name).suffix in {SUFFIXES[each] for each in formats}


def suffix_in(contents: Mapping[str, T], formats: Collection[str] | None) -> dict[str, T]:
    """The files of some formats; ValueError if there are none."""
    found = {name: each for name, each in contents.items() if is_wanted(name, formats)}
    if formats is not None and not found:
        raise ValueError(f"there is nothing to write as {' or '.join(dict.fromkeys(formats))}")
    return found


def begun(folder: Path, name: str, content: Content) -> Callable[[], None]:
    """Begins to put a file into a folder beside this process; what is returned ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    return beside(partial(_replace, folder / name, content))


def put_all(
    folder: Path,
    contents: Mapping[str, Content],
    before: Mapping[str, Callable[[], None]] | None = None,
) -> dict[str, Path]:
    """Writes files into a folder, which is made if need be, each as a whole.

    ``before`` ends those of them that were begun. Tables are written beside the page and the
    charts, which may wait for what another copy of this process draws.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = before or {}
    rest = {name: each for name, each in contents.items() if name not in before}
    tables = {name: each for name, each in rest.items() if Path(name).suffix in TABLES}
    ended = beside(partial(_replace_all, folder, tables))
    _replace_all(folder, {name: each for name, each in rest.items() if name not in tables})
    for end in (*before.values(), ended):
        end()
    return {name: folder / name for name in contents}


def _replace_all(folder: Path, contents: Mapping[str, Content]) -> None:
    for name, content in contents.items():
        _replace(folder / name, content)


def _replace(path: Path, content: Content) -> None:
    write_whole(path, content() if callable(content) else content, lasting=False)
