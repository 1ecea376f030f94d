"""Puts the files of a report into its folder, each as a whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from reports.beside import beside

T = TypeVar("T")
Made = str | bytes | Iterable[str]
Content = Made | Callable[[], Made]

SUFFIXES = {
    "html": ".html", "md": ".md", "csv": ".csv", "latex": ".tex",
    "png": ".png", "svg": ".svg", "pdf": ".pdf",
}  # fmt: skip
"""How the files of each format end."""


def suffix_in(contents: Mapping[str, T], formats: Collection[str] | None) -> dict[str, T]:
    """The files of some formats; ValueError if there are none."""
    if formats is None:
        return dict(contents)
    wanted = {SUFFIXES[each] for each in formats}
    found = {name: each for name, each in contents.items() if Path(name).suffix in wanted}
    if not found:
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

    ``before`` ends those of them that were begun. The page is written beside the tables: both take
    their time, and it looks at less of a large study, which a copy of this process would have to
    copy too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rest = {name: each for name, each in contents.items() if name not in (before or {})}
    page = [begun(folder, name, rest.pop(name)) for name in ("report.html",) if name in rest]
    for name, content in rest.items():
        _replace(folder / name, content)
    for end in (*(before or {}).values(), *page):
        end()
    return {name: folder / name for name in contents}


def _replace(path: Path, content: Content) -> None:
    made = content() if callable(content) else content
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in [made] if isinstance(made, (str, bytes)) else made:
                file.write(piece.encode() if isinstance(piece, str) else piece)
        os.chmod(draft, 0o644)  # mkstemp keeps a file to its owner; a report is to be read
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
