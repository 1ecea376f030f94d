"""The tables of effects: what each change does, how surely, and how many seeds it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reports.columns import FIGURES, MISSING, Column, plain
from reports.effects import Effect, Effects
from reports.images import Images
from reports.more_seeds import FEWEST_TO_TELL, more_seeds, more_seeds_brief
from reports.paired import FEWEST_FOR_BCA, MOST_EXACT, Interval, least_p, least_seeds
from reports.phrases import count
from reports.spreadsheet import spreadsheet
from reports.tables import Line, Table

SMALLEST_P = 0.001


def effects_table(found: Effects) -> Table:
    """The changes in plan order, interactions after them."""
    column = FIGURES[found.key]
    rows = (*found.rows, *found.interactions)
    images = any(each.image_low is not None for each in rows)
    headings = (
        "change to the baseline" if found.baseline else "change",
        f"Δ {column.label} ({column.step})",
        "95 % over seeds",
        *(("95 % over images",) if images else ()),
        "p (Holm)",
        "p, flips (Holm)",
        "verdict",
    )
    return Table(
        headings=headings,
        brief=("change", f"Δ {column.step}", "95 % over seeds", "verdict"),
        numeric=(False, *[True] * (len(headings) - 2), False),
        brief_numeric=(False, True, True, False),
        lines=tuple(_line(each, column, images) for each in rows),
        numbers=_columns(found),
    )


def _line(effect: Effect, column: Column, images: bool) -> Line:
    found = effect.found
    name, words = _name(effect), verdict_words(effect)
    value = column.difference(found.value)
    over_seeds = span_text(found.low, found.high, column)
    over_images = (span_text(effect.image_low, effect.image_high, column),) if images else ()
    return Line(
        cells=(
            name,
            value,
            over_seeds,
            *over_images,
            p_text(effect.p),
            p_text(effect.exact_p),
            words,
        ),
        brief=(name, value, over_seeds, _brief_words(effect)),
        status="front" if effect.resolved else "dominated",
        held=effect.word == "resolved",
    )


def _name(effect: Effect) -> str:
    against = (
        "" if effect.against in ("baseline", "no interaction") else f" against {effect.against}"
    )
    at = f" ({count(effect.settings, 'setting')})" if effect.settings > 1 else ""
    if effect.unlike:
        at = f" ({effect.settings} of {effect.settings + effect.unlike} settings)"
    return plain(f"{effect.change}{against}{at}")


def span_text(low: float | None, high: float | None, column: Column) -> str:
    """An interval of a difference in a column's unit; a dash where there is none."""
    if low is None or high is None:
        return MISSING
    return f"[{column.difference(low)}, {column.difference(high)}]"


def p_text(value: float | None) -> str:
    """A chance as tables have it, never as zero; a dash where there is none."""
    if value is None:
        return MISSING
    return f"< {SMALLEST_P}" if value < SMALLEST_P else f"{value:.3f}"


def verdict_words(effect: Effect) -> str:
    """What can be said of an effect, and what it takes to say more."""
    if effect.word != "not resolved":
        return effect.word
    return f"{effect.word}; takes {more_seeds(effect.seeds, effect.found.n)}"


def _brief_words(effect: Effect) -> str:
    if effect.word != "not resolved":
        return effect.word
    return f"{effect.word}; {more_seeds_brief(effect.seeds, effect.found.n)}"


def effects_caption(found: Effects, images: Images | None) -> tuple[str, ...]:
    """How the table is to be read, in sentences."""
    label = FIGURES[found.key].label
    against = (
        "Each change is set against the baseline"
        if found.baseline
        else "Each value is set against the first of its part, at every setting of the others that "
        "has both"
    )
    lines = [f"{against}, seed by seed. {_tests(found)}"]
    rows = (*found.rows, *found.interactions)
    lines += [text for text in (_why_students(rows), _takes(rows)) if text]
    if found.interactions:
        lines.append(
            "A line with \N{MULTIPLICATION SIGN} is an interaction: how far two changes together "
            f"move {label} beyond the sum of both."
        )
    if any(each.unlike for each in rows):
        lines.append("Settings without seeds in common with the others are left out of a line.")
    if images and any(each.image_low is not None for each in rows):
        lines.append(
            f"Over images: the same networks scored on {images.num_images} images drawn again "
            "(percentile bootstrap, the same draws for all). It says whether other images would "
            "tell the same; over seeds says whether another training would. Neither holds both. "
            "Images are taken as independent, which frames of one video are not."
        )
    if found.num_cut:
        lines.append(f"{count(found.num_cut, 'more line')} not shown, and not tested.")
    return tuple(lines)


def _tests(found: Effects) -> str:
    rows = [each for each in (*found.rows, *found.interactions) if each.p is not None]
    if not rows:
        return "One seed, or seeds that change nothing, leave no spread to test by."
    nums, m = sorted({each.found.n for each in rows}), len(rows)
    wider = "" if found.baseline or m == 1 else (
        "; the answer judges all pairs at once, so its interval of the same pair is wider"
    )  # fmt: skip
    text = (
        f"Intervals and p are Student's, on the {_from_to(nums)} paired differences of a line "
        f"alone{wider}. The other p comes from flipping signs, which asks nothing of the noise but "
        f"symmetry{_drawn(nums)}. Both are Holm's over {count(m, 'line')}. “Resolved” needs both "
        f"at 0.05; “resolved if noise is normal” the first. With {count(nums[0], 'seed')} no flip "
        f"of signs gives p below {least_p(nums[0]):.2g}"
    )
    if len(nums) > 1:
        text += f", with {nums[-1]} none below {least_p(nums[-1]):.2g}"
    if nums[0] < least_seeds(m):
        what = "anything" if nums[-1] < least_seeds(m) else "the first line"
        text += f": here it takes {least_seeds(m)} seeds to resolve {what} by it"
    return f"{text}."


def _from_to(nums: Sequence[int]) -> str:
    return str(nums[0]) if len(nums) == 1 else f"{nums[0]} to {nums[-1]}"


def _drawn(nums: Sequence[int]) -> str:
    """Of how many seeds not all flips are tried."""
    if nums[-1] <= MOST_EXACT:
        return ""
    some = "" if nums[0] > MOST_EXACT else f" beyond {MOST_EXACT} seeds"
    return f", drawn at random{some}"


def _why_students(rows: Sequence[Effect]) -> str:
    if all(each.p is None for each in rows):
        return ""
    return (
        "The interval shown is Student's, since with few seeds BCa's bootstrap holds too seldom: "
        "in simulation 70 % of the time with 3 seeds and 90 % with 12, where Student's holds 95 % "
        f"from 2 on if noise is normal. From {FEWEST_FOR_BCA} seeds on effects.csv has both."
    )


def _takes(rows: Sequence[Effect]) -> str:
    """How the number of further seeds is meant."""
    rows = [each for each in rows if each.word == "not resolved"]
    if not rows:
        return ""
    text = (
        "“Takes” is how many more seeds resolve a change as large as the one seen, by both tests, "
        "four times out of five."
    )
    if any(each.seeds and each.seeds[1] for each in rows):
        text += (
            " A range allows for how little is known of the noise: each of its ends holds about "
            "nine times out of ten."
        )
    if any(each.found.n < FEWEST_TO_TELL for each in rows):
        text += (
            " Two seeds tell too little of the noise: of them only the least number is given by "
            "which flipping signs can resolve anything."
        )
    return text


def bca_table(found: Effects) -> Table | None:
    """The intervals of BCa's bootstrap beside Student's; None where no line has one."""
    column, rows = FIGURES[found.key], (*found.rows, *found.interactions)
    if not any(found.bca):
        return None
    headings = ("change", "Student's 95 %", "BCa's 95 %")
    lines = []
    for each, ends in zip(rows, found.bca, strict=True):
        own = span_text(each.found.low, each.found.high, column)
        cells = (_name(each), own, span_text(*ends, column) if ends else MISSING)
        lines.append(Line(cells=cells, brief=cells, status="front", held=False))
    return Table(headings=headings, brief=headings, numeric=(False, True, True), lines=tuple(lines))


def effects_csv(found: Effects) -> str:
    """One line an effect, as plain numbers in the units of the rows (mIoU from 0 to 1)."""
    return spreadsheet(_columns(found))


def _columns(found: Effects) -> dict[str, list[Any]]:
    kinds = [*["change"] * len(found.rows), *["interaction"] * len(found.interactions)]
    rows = (*found.rows, *found.interactions)
    columns: dict[str, list[Any]] = {}
    for each, kind, bca in zip(rows, kinds, found.bca, strict=True):
        for name, value in _numbers(each, kind, bca):
            columns.setdefault(name, []).append(value)
    return columns


def _numbers(effect: Effect, kind: str, bca: Interval | None) -> Iterator[tuple[str, Any]]:
    found, nothing = effect.found, (None, None)
    yield from (("kind", kind), ("change", effect.change), ("against", effect.against))
    yield from (("num_settings", effect.settings), ("num_seeds", found.n))
    yield from (("mean", found.value), ("sd", found.sd), ("low", found.low), ("high", found.high))
    yield from zip(("bca_low", "bca_high"), bca or nothing, strict=True)
    yield from (("image_low", effect.image_low), ("image_high", effect.image_high))
    yield from (("p", found.p), ("p_holm", effect.p), ("sign_flip_p", found.exact_p))
    yield from (("sign_flip_p_holm", effect.exact_p), ("sign_flip_least_p", found.least_p))
    yield "verdict", effect.word
    ends = ("seeds_to_resolve_low", "seeds_to_resolve_high")
    yield from zip(ends, effect.seeds or nothing, strict=True)
