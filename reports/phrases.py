"""The small phrases that sentences and tables share: names, lists, counts, differences."""

from __future__ import annotations

from collections.abc import Sequence

from reports.candidates import Candidate
from reports.columns import Column, quoted
from reports.statistics import Difference

MOST_NAMED = 3
MOST_LISTED_NAMES = 30
"""Beyond so many a sentence names the first few and counts the rest."""

LONGEST = 50
"""The characters that a list of names may take before it is cut to the first."""


def name_of(candidate: Candidate) -> str:
    """A candidate's name, in quotation marks where its own commas would blur a list."""
    return quoted(candidate.name)


def names(found: Sequence[Candidate]) -> str:
    """The first few names, and how many more there are."""
    words = [name_of(each) for each in found]
    most = MOST_NAMED if len("".join(words[:MOST_NAMED])) <= LONGEST else 1
    if len(words) <= most:
        return listed(words)
    return listed([*words[:most], count(len(words) - most, "other")])


def listed(words: Sequence[str]) -> str:
    """Words in a row, with an "and" before the last."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def some(words: Sequence[str], most: int = MOST_LISTED_NAMES) -> str:
    """Words in a row, of very many the first few and how many more there are."""
    if len(words) <= most:
        return listed(words)
    return listed([*words[:MOST_NAMED], count(len(words) - MOST_NAMED, "other")])


def count(number: int, what: str) -> str:
    """A number and what it counts."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def signed_gap(gap: Difference, column: Column) -> str:
    """A difference with its sign and the half-width of its interval, without unit."""
    width = "" if gap.half_width is None else f" ± {column.text(gap.half_width)}"
    return f"{column.difference(gap.value)}{width}"


def gap_above(gap: Difference | None, column: Column, of: str) -> str:
    """How far something is above something else, with the interval and what it is ``of``."""
    if gap is None:
        return f"an unknown number of {column.step} (no shared seed)"
    width = "" if gap.half_width is None else f" ± {column.text(gap.half_width)}"
    return f"{column.text(gap.value)}{width} {column.step} ({of})"


def interval(gap: Difference, num_pairs: int = 1) -> str:
    """What the number behind a ± is, if there is one; of several pairs that were judged at once."""
    if gap.half_width is None:
        return count(gap.n, "seed")
    once = f" for all {num_pairs} pairs at once" if num_pairs > 1 else ""
    return f"95\N{NO-BREAK SPACE}% interval{once}, {count(gap.n, 'seed')}"
