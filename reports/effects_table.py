"""The tables of effects: what each change does, how surely, and how many seeds would tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.columns import FIGURES, MISSING, Column, plain
from reports.effects import Effect, Effects
from reports.images import Images
from reports.paired import FEWEST_FOR_BCA, MOST_EXACT, MOST_SEEDS, least_p, least_seeds
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
        "p",
        "p, signs flipped",
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
        brief=(name, value, over_seeds, words),
        status="front" if effect.resolved else "dominated",
        held=effect.word == "resolved",
    )


def _name(effect: Effect) -> str:
    against = (
        "" if effect.against in ("baseline", "no interaction") else f" against {effect.against}"
    )
    at = f" ({count(effect.settings, 'setting')})" if effect.settings > 1 else ""
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
    """What can be said of an effect, and what would take to say more."""
    if effect.word != "not resolved":
        return effect.word
    if effect.seeds is None:
        return f"not resolved; over {MOST_SEEDS} seeds would"
    # A spread seen over a few seeds may promise fewer than there are: then one more.
    more = max(effect.seeds - effect.found.n, 1)
    return f"not resolved; about {count(more, 'more seed')} would"


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
    if found.interactions:
        lines.append(
            "A line with \N{MULTIPLICATION SIGN} is an interaction: how far two changes together "
            f"move {label} beyond the sum of both. Holm counts these lines apart."
        )
    if images and any(e.image_low is not None for e in (*found.rows, *found.interactions)):
        lines.append(
            f"Over images: the same networks scored on {images.num_images} images drawn again "
            "(percentile bootstrap, the same draws for all). It says whether other images would "
            "tell the same; over seeds says whether another training would. Neither holds both."
        )
    if found.num_cut:
        lines.append(f"{count(found.num_cut, 'more line')} not shown, and not tested.")
    return tuple(lines)


def _tests(found: Effects) -> str:
    rows = [each for each in found.rows if each.p is not None]
    if not rows:
        return "One seed, or seeds that change nothing, leave no spread to test by."
    n, m = min(each.found.n for each in rows), len(rows)
    some = "" if n <= MOST_EXACT else ", drawn at random"
    text = (
        f"Intervals and p are Student's, on the {count(n, 'paired difference')} of a line alone: "
        "in simulation they hold 95 % from 2 seeds on, where BCa's bootstrap holds 70 % at 3 seeds "
        f"and 90 % at 12 (it is in effects.csv from {FEWEST_FOR_BCA}). The other p comes from "
        f"flipping signs, which asks nothing of the noise but symmetry{some}. Both are Holm's over "
        f"{count(m, 'line')}. “Resolved” needs both at 0.05; “resolved if noise is normal” the "
        f"first."
    )
    text += f" With {count(n, 'seed')} no flip of signs gives p below {least_p(n):.2g}"
    if n < least_seeds(m):
        text += f": here it takes {least_seeds(m)} seeds to resolve anything by it"
    return f"{text}."


def effects_csv(found: Effects) -> str:
    """One line an effect, as plain numbers in the units of the rows (mIoU from 0 to 1)."""
    return spreadsheet(_columns(found))


def _columns(found: Effects) -> dict[str, list[Any]]:
    kinds = (("change", found.rows), ("interaction", found.interactions))
    columns: dict[str, list[Any]] = {}
    for kind, rows in kinds:
        for each in rows:
            for name, value in _numbers(each, kind):
                columns.setdefault(name, []).append(value)
    return columns


def _numbers(effect: Effect, kind: str) -> Iterator[tuple[str, Any]]:
    found = effect.found
    yield from (("kind", kind), ("change", effect.change), ("against", effect.against))
    yield from (("num_settings", effect.settings), ("num_seeds", found.n))
    yield from (("mean", found.value), ("sd", found.sd), ("low", found.low), ("high", found.high))
    yield from zip(("bca_low", "bca_high"), found.bca or (None, None), strict=True)
    yield from (("image_low", effect.image_low), ("image_high", effect.image_high))
    yield from (("p", found.p), ("p_holm", effect.p), ("sign_flip_p", found.exact_p))
    yield from (("sign_flip_p_holm", effect.exact_p), ("sign_flip_least_p", found.least_p))
    yield from (("verdict", effect.word), ("seeds_to_resolve", effect.seeds))
