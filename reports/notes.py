"""What a reader should know before trusting a report's figures, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from harness.measure.across import REFERENCE
from reports.columns import FIGURES, is_missing, plain, quoted
from reports.evidence import headline_reasons, receipts
from reports.latencies import is_contended, reference, unpaired_text
from reports.phrases import count, listed, some
from reports.ranks import Rank, ranks, sentence
from reports.statistics import Noise, pooled_sd
from reports.verdict import MOST_LISTED, Verdict

MOST_SHOWN = 30
"""Beyond so many candidates a note counts the rest."""

MOST_STEPPED = 3
"""Of so many lengths of training a note says who had which, and of so many names a length."""

WASTE = ("dead_modules", "uncalled_modules")
"""The columns that name work, or weights, that the output does not use."""


def notes(verdict: Verdict) -> tuple[str, ...]:
    """The notes that apply to a study."""
    writers: tuple[Callable[[Verdict], str], ...] = (
        _spread,
        _intervals,
        _warm_up,
        _steps,
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
    scores = [list(each.figures[key].values()) for each in verdict.compared]
    sd = pooled_sd(scores)
    if not any(scores):
        return ""
    if sd is None:
        return "Every candidate was trained with one seed, so no spread is known."
    return (
        f"± sd in the column of {column.label} is one standard deviation over seeds (n - 1), the "
        f"number in brackets is n. Pooled over the study it is {column.text(sd)} {column.step}. "
        "± CI, where a heading has it, is the half-width of a 95 % interval."
    )


def _intervals(verdict: Verdict) -> str:
    key = _seeded(verdict)
    noise = verdict.noises.get(key) if key else None
    if noise is None:
        return ""
    return (
        "Places and answers are judged by differences paired by seed, whose 95 % intervals hold "
        f"for all pairs of the {noise.num_candidates} candidates at once (Tukey, {noise.df} "
        f"degrees of freedom{_left(noise)}), by the spread of a pair's own differences where that "
        "is wider than the study's; changes to a baseline are judged by the table of effects. A "
        "difference inside its interval is not resolved. All this takes noise for normal."
    )


def _left(noise: Noise) -> str:
    """What the correction for candidates of unlike noise leaves of the degrees of freedom."""
    if noise.safe_df > noise.df - 0.05:
        return ""
    return f", of which {noise.safe_df:.1f} count since noise may differ (Greenhouse and Geisser)"


def _warm_up(verdict: Verdict) -> str:
    recipes = verdict.kept.distinct("recipe")
    if not any(each.get("warmup_steps", 0) >= each.get("steps", 1) for each in recipes):
        return ""
    return (
        "The learning rate was still rising when training ended: warm-up is as long as the run "
        "(recipe.warmup_steps)."
    )


def _steps(verdict: Verdict) -> str:
    """That some were trained for longer than others, and who."""
    columns = (verdict.kept.column(key) for key in ("candidate", "steps", "state"))
    names: dict[int, dict[str, None]] = {}
    for name, steps, state in zip(*columns, strict=True):
        if state == "done" and not is_missing(steps):
            names.setdefault(int(steps), {})[quoted(name)] = None
    if len(names) < 2:
        return ""
    groups = [
        f"{count(steps, 'step')}: {some(list(who), MOST_STEPPED)}"
        for steps, who in sorted(names.items())
    ]
    if len(groups) > MOST_STEPPED:
        groups = [f"from {min(names)} to {max(names)} steps"]
    return f"Not all were trained for as long, which is in their differences: {'; '.join(groups)}."


def _busy(verdict: Verdict) -> str:
    if not any(verdict.kept.distinct("latency_contended")):
        return ""
    columns = (verdict.kept.column(key) for key in ("candidate", "latency_contended"))
    timed: dict[str, bool] = {}
    for name, is_busy in zip(*columns, strict=True):
        if is_busy is not None:
            timed[name] = timed.get(name, False) or bool(is_busy)
    busy = [quoted(name) for name, is_busy in timed.items() if is_busy]
    if not busy:
        return ""
    which = "" if len(busy) == len(timed) else f": {some(busy)}"
    told = [f"Latency was timed beside other work on the machine{which}."]
    against = reference(verdict.compared)
    if against and is_contended(verdict.compared):
        told.append(
            f"{_met(verdict)}, so ratios hold, but milliseconds would be longer than the network "
            f"takes alone; the table shows ratios to {quoted(against.name)}'s instead."
        )
    return " ".join(filter(None, (*told, unpaired_text(verdict.compared))))


def _met(verdict: Verdict) -> str:
    """Why ratios hold beside other work."""
    timed = [each for each in verdict.compared if each.timed]
    sessions = {each.timed.get("latency_session") for each in timed if not each.unpaired}
    if len(sessions) > 1:
        return "Candidates of a session met that work alike, and one network took turns in each"
    who = "The others" if any(each.unpaired for each in timed) else "All candidates"
    return f"{who} met that work alike"


def _pairs(verdict: Verdict) -> str:
    rounds = [num for num in verdict.kept.distinct("latency_rounds") if num]
    if not rounds:
        return ""
    several = len(set(verdict.kept.distinct("latency_session"))) > 1
    return (
        f"A latency is the median of {min(rounds)} rounds in which all candidates "
        f"{'of its session ' if several else ''}took turns, with its 95 % interval. Two of one "
        "session are compared round by round; where the interval of their ratio holds 1 they are "
        "not distinguishable."
    )


def _twin(verdict: Verdict) -> str:
    if {"faster", "slower"}.isdisjoint(verdict.kept.distinct("latency_twin")):
        return ""
    keys = ("latency_session", "latency_twin_ratio", "latency_twin")
    lines = zip(*(verdict.kept.column(key) for key in keys), strict=True)
    odd = {session: ratio for session, ratio, word in lines if word in ("faster", "slower")}
    if not odd:
        return ""
    told = some([f"{ratio:.3f}" for ratio in odd.values()])
    return (
        f"A copy of the first candidate took {told} times as long as itself, beyond its interval: "
        "differences of that size mean nothing here. One session in twenty shows that by chance."
    )


def _sessions(verdict: Verdict) -> str:
    sessions = set(verdict.kept.distinct("latency_session"))
    if len(sessions) < 2:
        return ""
    return (
        f"Latency was timed in {len(sessions)} sessions; only within one of them does a drift of "
        f"the machine meet all candidates alike.{_tied(verdict)}"
    )


def _tied(verdict: Verdict) -> str:
    """How latencies of several sessions are compared all the same."""
    networks = verdict.kept.column(REFERENCE)
    pairs = zip(verdict.kept.column("latency_session"), networks, strict=True)
    if max(Counter(network for _, network in set(pairs) if network).values(), default=0) < 2:
        return ""
    return (
        " One network was timed again in each: two of different sessions are compared by their "
        "ratios to it."
    )


def _two_sizes(verdict: Verdict) -> str:
    keys = ("latency_size", "scoring_size", "size")
    sizes = set(zip(*(verdict.kept.column(key) for key in keys), strict=True))
    pairs = {(timed, given or scored) for timed, given, scored in sizes}
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
        for trial in verdict.trials.where("state", ("stopped",))
    }
    if not last:
        return ""
    at = [
        f"{n} after {step} of {steps}"
        for (step, steps), n in sorted(Counter(last.values()).items())
    ]
    return (
        f"Stopped early, and so on no front: {len(last)} of {len(verdict.standings)} candidates, "
        f"{listed(at)} steps. Each was behind another that costs no more by the study's "
        "objectives, by mIoU on images held out of train; one that learns slowly may be among "
        "them. Fronts by other costs, and effects, rest on those that were left, which are the "
        'more accurate ones. stopping=Rungs(keep="all") with the same rungs trains all to their '
        "end, from where they are."
    )


def _uncounted(verdict: Verdict) -> str:
    most: Counter[str] = Counter()
    for each in verdict.kept.distinct("uncounted_ops"):
        for name, number in each.items():
            most[name] = max(most[name], number)
    if not most:
        return ""
    words = [f"{plain(name)} ({number})" for name, number in sorted(most.items())]
    return f"GMACs count these operators as nothing (most calls in one network): {listed(words)}."


def _incomplete(verdict: Verdict) -> str:
    unknown: dict[str, None] = {}
    names: dict[str, None] = {}
    columns = (verdict.kept.column(key) for key in ("candidate", "unknown_ops"))
    for name, found in zip(*columns, strict=True):
        if found:
            unknown |= dict.fromkeys(map(plain, found))
            names[quoted(name)] = None
    if not unknown:
        return ""
    return (
        f"The GMACs of {some(list(names))} are incomplete: {some(list(unknown))} may hide "
        "multiply-adds."
    )


def _wasted(verdict: Verdict) -> str:
    """Candidates that do work nothing uses, or hold weights that nothing reads."""
    columns = (verdict.kept.column(key) for key in ("candidate", *WASTE))
    said = {
        quoted(name): [plain(each) for modules in found for each in modules or ()]
        for name, *found in zip(*columns, strict=True)
        if any(found)
    }
    if not said:
        return ""
    shown = [f"{name}: {some(modules)}" for name, modules in said.items()]
    more = [f"and {len(shown) - MOST_SHOWN} more candidates"] if len(shown) > MOST_SHOWN else []
    words = "; ".join(shown[:MOST_SHOWN] + more)
    return f"GMACs or parameters include work or weights that the output does not use: {words}."


def _absent(verdict: Verdict) -> str:
    lists = verdict.kept.distinct("absent_classes")
    names = dict.fromkeys(plain(name) for each in lists for name in each)
    if not names:
        return ""
    return f"Absent from the scored images and so left out of mIoU: {listed(list(names))}."


def unlisted(verdict: Verdict) -> str:
    """Which candidates the page leaves to the files beside it; "" if it lists all."""
    num, listed_ = len(verdict.standings), len(verdict.listed)
    if num == listed_:
        return ""
    first = FIGURES[next(iter(verdict.objectives))].label
    return (
        f"{listed_} of {num:,} candidates are listed here: the baseline if there is one, the "
        f"front, and the best in {first} after them. All {num:,} are in table.csv, and all "
        f"{len(verdict.trials):,} trials in trials.csv. Failed, rejected and uncompared ones are "
        f"listed up to {MOST_LISTED} each."
    )


def uncompared(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Candidates with the trials that were left out of all comparisons, and why."""
    groups: dict[tuple[str, str], list[int]] = {}
    for each in verdict.left_out:
        groups.setdefault((plain(each.candidate), plain(each.why)), []).append(each.seed)
    return tuple((f"{name}, {_seeds(seeds)}", why) for (name, why), seeds in groups.items())


def _seeds(seeds: Iterable[int]) -> str:
    words = [str(seed) for seed in seeds]
    return f"seed {words[0]}" if len(words) == 1 else f"seeds {listed(words)}"
