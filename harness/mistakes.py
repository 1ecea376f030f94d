"""Tells a user's mistake from one in the code, and says what an error says on one line."""

from __future__ import annotations

import linecache
import os
import re
import traceback
import warnings

_TRUSTED = {"harness", "reports"}
"""The packages and folders whose files state on purpose what a user did wrong."""


class NotInstalledError(ValueError):
    """A part needs a package that comes with an extra of this one; the message names the extra."""


def trust(origin: str) -> None:
    """Counts what the files of a package or a folder state as meant for the user."""
    _TRUSTED.add(origin)


def is_users(error: BaseException) -> bool:
    """Whether a user can mend it: the system refused something, or a trusted ``raise`` states it.

    What Python itself raises, or a library below, is a mistake in the code and must be seen whole.
    """
    if isinstance(error, OSError) or is_out_of_memory(error):
        return True
    if not isinstance(error, (ValueError, TypeError, KeyError)):
        return False
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__"))
    is_stated = linecache.getline(file, line).lstrip().startswith("raise ")
    return is_stated and bool({module.partition(".")[0], os.path.dirname(file)} & _TRUSTED)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the host or on a device."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    # Torch has a class of its own for devices; its CPU allocator raises a plain RuntimeError.
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)


def one_line(error: BaseException) -> str:
    """What an error says, on one line; its kind if it says nothing."""
    return text_of(error) or type(error).__name__


def text_of(error: BaseException) -> str:
    """An error's own words on one line: a KeyError's without quotes, the file of an OSError."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return without_passwords(" ".join(COLOURS.sub("", text).split()))


COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""What a library puts into its words for a terminal."""


def first_line(error: BaseException) -> str:
    """The kind and the first line of what an error comes from in the end, without advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = (line.strip() for line in COLOURS.sub("", str(error)).splitlines())
    told = without_passwords(next((line for line in lines if line), ""))
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def without_passwords(text: str) -> str:
    """A text with stars for the password of each URL in it."""
    return re.sub(r"(\w:/+[^\s:/@]*):\S*@", r"\1:***@", text)


def warn_plainly() -> None:
    """From now on a warning of ours is printed as one line, without the code that gave it."""
    usual = warnings.formatwarning

    def plain(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if os.path.dirname(__file__) not in filename:
            return usual(message, category, filename, lineno, line)
        return f"twopath: {message}\n"

    if usual.__name__ != plain.__name__:
        warnings.formatwarning = plain
