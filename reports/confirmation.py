"""A winner's figure from its study beside that from seeds the study never saw."""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from reports.candidates import Candidate
from reports.columns import FIGURES, is_missing, plain, protocol_of
from reports.phrases import count, name_of
from reports.rows import Row, Study, frame
from reports.statistics import CONFIDENCE, NO_SPREAD, pooled_sd
from reports.tables import CI, NOTES, Line, Table
from reports.verdict import Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """One candidate's figure ``before``, in its study, and on fresh seeds, with how many of each.

    ``optimism`` is before less fresh, with the half-width of its 95 % interval (Student's, the
    spread pooled); the width is None where neither has two seeds that differ.
    """

    name: str
    before: float
    num_before: int
    fresh: float
    num_fresh: int
    fresh_half_width: float | None
    optimism: float
    half_width: float | None


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What was run again, the best first, and who is the best of the study now.

    ``has_failed`` is whether a fresh trial of the best did. Without ``lines`` fresh trials failed,
    or came to their end, and none of them has the figure.
    """

    key: str
    lines: tuple[Confirmed, ...]
    winner: str
    has_failed: bool = False


def winner(study: Study, rows: Sequence[Row]) -> str:
    """The candidate with the highest first seeded objective among those that could be on the front.

    ValueError if the study has no such objective, or nobody can be judged yet.
    """
    verdict = judge(study, frame(study, rows))
    best = _winner(verdict)
    if best is None:
        raise ValueError(
            f"study {study['name']!r} has no winner to confirm: no candidate has been scored "
            "on an objective that seeds change"
        )
    return best.name


def _winner(verdict: Verdict) -> Candidate | None:
    key = _key(verdict)
    scored = [e.candidate for e in verdict.scored if key and e.candidate.mean(key) is not None]
    return max(scored, key=lambda each: each.mean(key or "") or 0.0) if scored else None


def _key(verdict: Verdict) -> str | None:
    return next((key for key in verdict.objectives if FIGURES[key].seeded), None)


def confirmation(verdict: Verdict, study: Study | None, rows: Sequence[Row]) -> Confirmation | None:
    """What a confirmation says of a study; None if there is none, or nothing of it is done.

    Seeds that the study itself has used are no fresh ones, and are left out. So is a candidate
    that may not be compared with its own earlier self.
    """
    key, best = _key(verdict), _winner(verdict)
    if study is None or key is None or best is None or not rows:
        return None
    used = {trial["seed"] for trial in verdict.trials}
    before = {each.candidate.name: each.candidate for each in verdict.scored}
    fresh = _fresh(verdict, study, rows, key, used)
    failed = {r["candidate"] for r in rows if r.get("state") == "failed" and r["seed"] not in used}
    if not fresh.keys() & before.keys():
        return Confirmation(key=key, lines=(), winner=best.name) if failed else None
    lines = [_line(before[n], key, values) for n, values in fresh.items() if n in before and values]
    lines.sort(key=lambda each: -each.fresh)
    return Confirmation(
        key=key, lines=tuple(lines), winner=best.name, has_failed=best.name in failed
    )


def _fresh(
    verdict: Verdict, study: Study, rows: Sequence[Row], key: str, used: set[int]
) -> dict[str, list[float]]:
    """A figure of each candidate over seeds that were not used, taken as the study took it.

    Empty for a candidate whose trials came to their end without the figure.
    """
    ways = [column.key for column in protocol_of(key)]
    usual = {tuple(t.get(each) for each in ways) for t in verdict.kept if t["state"] == "done"}
    other = judge(study, frame(study, rows))
    found: dict[str, list[float]] = {}
    for trial in other.trials:
        alike = tuple(trial.get(each) for each in ways) in usual
        if trial["state"] == "done" and alike and trial["seed"] not in used:
            values = found.setdefault(trial["candidate"], [])
            values += [] if is_missing(trial.get(key)) else [trial[key]]
    return found


def _line(one: Candidate, key: str, fresh: Sequence[float]) -> Confirmed:
    before = list(one.figures[key].values())
    optimism = statistics.fmean(before) - statistics.fmean(fresh)
    return Confirmed(
        name=one.name,
        before=statistics.fmean(before),
        num_before=len(before),
        fresh=statistics.fmean(fresh),
        num_fresh=len(fresh),
        fresh_half_width=_width(fresh),
        optimism=optimism,
        half_width=_width(before, fresh),
    )


def _width(*groups: Sequence[float]) -> float | None:
    """The half-width of the 95 % interval of a mean, or of a difference of two."""
    sd, df = pooled_sd(groups), sum(len(each) - 1 for each in groups)
    if sd is None or sd < NO_SPREAD:
        return None
    from scipy import stats  # late, as in reports.statistics

    error = sd * math.sqrt(sum(1 / len(each) for each in groups))
    return float(stats.t.isf((1 - CONFIDENCE) / 2, df)) * error


def confirmation_table(found: Confirmation) -> Table:
    """Both figures side by side, and the optimism between them."""
    column = FIGURES[found.key]
    own = CI if any(each.fresh_half_width is not None for each in found.lines) else ""
    both = CI if any(each.half_width is not None for each in found.lines) else ""
    headings = (
        "candidate",
        f"{column.label} in the study ({column.unit})",
        f"on fresh seeds ({column.unit}){own}",
        f"optimism ({column.step}){both}",
    )
    lines = []
    for each in found.lines:
        width = "" if each.half_width is None else f" ± {column.text(each.half_width)}"
        half = "" if each.fresh_half_width is None else f" ± {column.text(each.fresh_half_width)}"
        cells = (
            plain(each.name),
            f"{column.text(each.before)} ({each.num_before})",
            f"{column.text(each.fresh)}{half} ({each.num_fresh})",
            f"{column.difference(each.optimism)}{width}",
        )
        lines.append(Line(cells=cells, brief=cells, status="front", held=False))
    seeds = "In brackets is the number of seeds."
    return Table(
        headings=headings,
        brief=("candidate", "in the study", f"on fresh seeds{own}", f"optimism{both}"),
        numeric=(False, True, True, True),
        lines=tuple(lines),
        note=f"{seeds} {NOTES[CI]}" if own or both else seeds,
    )


def confirmation_sentence(study: Study, verdict: Verdict, found: Confirmation | None) -> str:
    """Whether the best of a study holds on fresh seeds.

    "" for a study that was neither searched nor run again.
    """
    best = _winner(verdict)
    line = next((e for e in found.lines if best and e.name == best.name), None) if found else None
    if found and not found.lines:
        return f" On fresh seeds no {FIGURES[found.key].label} was measured: nothing is confirmed."
    if best and found and found.has_failed and line is None:
        return f" The fresh trials of {name_of(best)} failed: it is not confirmed."
    if best is None or (line is None and not study.get("search")):
        return ""
    if line is None or found is None:
        return (
            f" {name_of(best)} is the best of {_tried(verdict)}, which flatters it: "
            f"{confirm_command(study)} runs it again on fresh seeds."
        )
    column = FIGURES[found.key]
    optimism = f"{column.difference(line.optimism)} {column.step}, of too few seeds for an interval"
    if line.half_width is not None:
        width = f"± {column.text(line.half_width)} {column.step}"
        optimism = f"{column.difference(line.optimism)} {width}"
    return (
        f" On {count(line.num_fresh, 'fresh seed')} {name_of(best)} has {column.label} "
        f"{column.with_unit(line.fresh)}, where the study had {column.with_unit(line.before)}: "
        f"an optimism of {optimism}."
    )


def _tried(verdict: Verdict) -> str:
    """How many candidates a search tried, and how many of them can be judged."""
    begun = ("done", "failed", "stopped")
    num = sum(any(each.candidate.num.get(s) for s in begun) for each in verdict.standings)
    judged = len(verdict.scored)
    return (
        f"{num} that a search tried{f', {judged} of which can be judged' if judged < num else ''}"
    )


def confirm_command(study: Study) -> str:
    """The command that runs a study's winner again."""
    command = study.get("command") or f"twopath run {shlex.quote(plain(study['name']))}"
    return str(command).replace("twopath run ", "twopath confirm ", 1)
