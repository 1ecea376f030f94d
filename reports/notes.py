"""What a reader should know before trusting a report's figures, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from reports.columns import FIGURES, plain
from reports.evidence import headline_reasons, receipts
from reports.latencies import reference
from reports.phrases import listed
from reports.ranks import Rank, ranks, sentence
from reports.statistics import pooled_sd
from reports.verdict import Verdict

WASTE = ("dead_modules", "uncalled_modules")
"""The columns that name work, or weights, that the output does not use."""


def notes(verdict: Verdict) -> tuple[str, ...]:
    """The notes that apply to a study."""
    writers: tuple[Callable[[Verdict], str], ...] = (
        _spread,
        _intervals,
        _warm_up,
        _pairs,
        _busy,
        _twin,
        _sessions,
        headline_reasons,
        receipts,
        _two_sizes,
        _ranks,
        _stopped,
        _incomplete,
        _wasted,
        _uncounted,
        _absent,
    )
    return tuple(text for write in writers if (text := write(verdict)))


def _seeded(verdict: Verdict) -> str | None:
    return next((key for key in verdict.objectives if FIGURES[key].seeded), None)


def _spread(verdict: Verdict) -> str:
    key = _seeded(verdict)
    if key is None:
        return ""
    column = FIGURES[key]
    sd = pooled_sd([list(each.figures[key].values()) for each in verdict.compared])
    if sd is None:
        return "Every candidate was trained with one seed, so no spread is known."
    return (
        f"The number after ± in the column of {column.label} is one standard deviation over seeds "
        f"(n - 1), the number in brackets is n. Pooled over the study it is {column.text(sd)} "
        f"{column.step}."
    )


def _intervals(verdict: Verdict) -> str:
    key = _seeded(verdict)
    noise = verdict.noises.get(key) if key else None
    if noise is None:
        return ""
    return (
        "Places and answers are judged by differences paired by seed, whose 95 % intervals hold "
        f"for all pairs of the {noise.num_candidates} candidates at once (Tukey, {noise.df} "
        "degrees of freedom) and take seed noise to be alike for all; changes to a baseline are "
        "judged by the table of effects. A difference inside its interval is not resolved."
    )


def _warm_up(verdict: Verdict) -> str:
    recipes = [trial.get("recipe") or {} for trial in verdict.kept]
    if not any(each.get("warmup_steps", 0) >= each.get("steps", 1) for each in recipes):
        return ""
    return (
        "The learning rate was still rising when training ended: warm-up is as long as the run "
        "(recipe.warmup_steps)."
    )


def _busy(verdict: Verdict) -> str:
    busy = dict.fromkeys(plain(t["candidate"]) for t in verdict.kept if t.get("latency_contended"))
    if not busy:
        return ""
    against = reference(verdict.compared)
    shown = f"; the table shows ratios to {plain(against.name)}'s instead" if against else ""
    return (
        f"Latency was timed beside other work on the machine: {listed(list(busy))}. All candidates "
        f"met that work alike, so ratios hold, but milliseconds would be longer than the network "
        f"takes alone{shown}."
    )


def _pairs(verdict: Verdict) -> str:
    rounds = [t["latency_rounds"] for t in verdict.kept if t.get("latency_rounds")]
    if not rounds:
        return ""
    return (
        f"A latency is the median of {min(rounds)} rounds in which all candidates took turns, with "
        "its 95 % interval. Two of one session are compared round by round; where the interval of "
        "their ratio holds 1 they are not distinguishable."
    )


def _twin(verdict: Verdict) -> str:
    odd = {
        trial["latency_session"]: trial["latency_twin_ratio"]
        for trial in verdict.kept
        if trial.get("latency_twin") in ("faster", "slower")
    }
    if not odd:
        return ""
    told = listed([f"{ratio:.3f}" for ratio in odd.values()])
    return (
        f"A copy of the first candidate took {told} times as long as itself, beyond its interval: "
        "differences of that size mean nothing here. One session in twenty shows that by chance."
    )


def _sessions(verdict: Verdict) -> str:
    sessions = {t.get("latency_session") for t in verdict.kept} - {None}
    if len(sessions) < 2:
        return ""
    return (
        f"Latency was timed in {len(sessions)} sessions; only within one of them does a drift of "
        "the machine meet all candidates alike."
    )


def _two_sizes(verdict: Verdict) -> str:
    pairs = {(t.get("latency_size"), t.get("scoring_size") or t.get("size")) for t in verdict.kept}
    odd = sorted((a, b) for a, b in pairs if a and b and a != b)
    if not odd:
        return ""
    timed, scored = odd[0]
    return f"Latency was timed at {timed}, accuracy scored at {scored}: no network does both."


def _ranks(verdict: Verdict) -> str:
    groups: dict[tuple[str, int], list[Rank]] = {}
    for each in ranks(verdict):
        groups.setdefault((each.device, each.num), []).append(each)
    return " ".join(sentence(each) for each in groups.values())


def _stopped(verdict: Verdict) -> str:
    """How many candidates were stopped early, and at which rungs."""
    last = {
        plain(trial["candidate"]): (trial["rungs"][-1][0], trial["steps"])
        for trial in verdict.trials
        if trial["state"] == "stopped"
    }
    if not last:
        return ""
    at = [
        f"{n} after {step} of {steps}"
        for (step, steps), n in sorted(Counter(last.values()).items())
    ]
    return (
        f"Stopped early, and so on no front: {len(last)} of {len(verdict.standings)} candidates, "
        f"{listed(at)} steps. Each was behind another that costs no more, by mIoU on images held "
        'out of train; one that learns slowly may be among them. stopping=Rungs(keep="all") with '
        "the same rungs trains them to their end, from where they are."
    )


def _uncounted(verdict: Verdict) -> str:
    most: Counter[str] = Counter()
    for trial in verdict.kept:
        most |= Counter(trial.get("uncounted_ops") or {})
    if not most:
        return ""
    words = [f"{plain(name)} ({number})" for name, number in sorted(most.items())]
    return f"GMACs count these operators as nothing (most calls in one network): {listed(words)}."


def _incomplete(verdict: Verdict) -> str:
    unknown: dict[str, None] = {}
    names: dict[str, None] = {}
    for trial in verdict.kept:
        if trial.get("unknown_ops"):
            unknown |= dict.fromkeys(map(plain, trial["unknown_ops"]))
            names[plain(trial["candidate"])] = None
    if not unknown:
        return ""
    return (
        f"The GMACs of {listed(list(names))} are incomplete: {listed(list(unknown))} may hide "
        "multiply-adds."
    )


def _wasted(verdict: Verdict) -> str:
    """Candidates that do work nothing uses, or hold weights that nothing reads."""
    said = {
        plain(trial["candidate"]): [plain(each) for each in wasted]
        for trial in verdict.kept
        if (wasted := [each for key in WASTE for each in trial.get(key) or ()])
    }
    if not said:
        return ""
    words = "; ".join(f"{name}: {listed(modules)}" for name, modules in said.items())
    return f"GMACs or parameters include work or weights that the output does not use: {words}."


def _absent(verdict: Verdict) -> str:
    names = dict.fromkeys(
        plain(name) for trial in verdict.kept for name in trial.get("absent_classes") or ()
    )
    if not names:
        return ""
    return f"Absent from the scored images and so left out of mIoU: {listed(list(names))}."


def uncompared(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Candidates with the trials that were left out of all comparisons, and why."""
    groups: dict[tuple[str, str], list[int]] = {}
    for each in verdict.left_out:
        groups.setdefault((plain(each.candidate), plain(each.why)), []).append(each.seed)
    return tuple((f"{name}, {_seeds(seeds)}", why) for (name, why), seeds in groups.items())


def _seeds(seeds: Iterable[int]) -> str:
    words = [str(seed) for seed in seeds]
    return f"seed {words[0]}" if len(words) == 1 else f"seeds {listed(words)}"
