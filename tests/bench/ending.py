"""How every bench ends: with an exit code, and a user's mistake in one line."""

import sys
from collections.abc import Callable, Sequence

from harness.mistakes import is_users, one_line


def run(name: str, main: Callable[[Sequence[str]], int]) -> None:
    """Runs a bench on the words of its command line."""
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception as error:
        if not is_users(error):
            raise
        sys.exit(f"{name}: {one_line(error)}")
