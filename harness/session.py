"""Runs a study: plan, cost, latency, then training of what is missing from the ledger."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.architecture import Part
from harness.attempts import earlier, folder_of
from harness.attempts import forget as forget_attempts
from harness.audience import Audience
from harness.canary import Canary
from harness.data.augment import check_crop
from harness.data.dataset import Dataset, datasets
from harness.data.frames import check
from harness.data.roots import DataRoots, open_dataset
from harness.figures import Broken, Figures, Networks, Place, over_budget
from harness.growing import GrowingPlan
from harness.ladder import Ladder, rule_of
from harness.ledger import Claim, Ledger
from harness.measure.candidates import timing_device
from harness.missing import is_enumerated, is_to_run, prior_answers
from harness.mistakes import warn_plainly
from harness.plan import (
    Candidate,
    Trial,
    candidates,
    definition,
    size_timed,
    trials_of,
)
from harness.prices import Prices
from harness.progress import some
from harness.runners.proposals import Outcome, Proposal
from harness.runners.runner import Runner
from harness.runners.search import generations
from harness.sharing import Desk
from harness.stale import made_of
from harness.study import Recipe, Study
from harness.training.batches import share
from harness.trial import PATIENCE_S, Event, Job, Row, failed_row, forget
from harness.weights import files_named, find

GENERATION = 4
"""The least number of candidates that a search has measured together."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a study is run, none of which changes its results' keys."""

    folder: Path
    roots: DataRoots
    plugins: tuple[str, ...] = ()
    threads: int = 1
    workers: int = 1
    processes: int = 1
    retry_failed: bool = False
    keep_going: bool = False
    patience_s: float = PATIENCE_S
    command: str | None = None


@dataclass(kw_only=True)
class Summary:
    """What a run did, in numbers of trials.

    ``left`` were not begun, since the first ones all failed by ``given_up``.
    """

    trained: int = 0
    cached: int = 0
    failed: int = 0
    stopped: int = 0
    rejected: int = 0
    planned: int = 0
    left: int = 0
    given_up: str | None = None


@dataclass
class Session:
    """One run of a study over a ledger; the source that its runner takes jobs from."""

    study: Study
    ledger: Ledger
    runner: Runner
    settings: Settings
    progress: Audience
    summary: Summary = field(default_factory=Summary)

    def __post_init__(self) -> None:
        self._opened: dict[Part, Dataset] = {}
        self._checked: set[Part] = set()
        self._said: set[str] = set()
        self._plan = GrowingPlan(self.ledger)
        self._stale: dict[str, Row] = {}
        self._desk = Desk(
            self.ledger, self._is_settled, self._answered, self.progress.phase, self.study.name
        )
        self._next: tuple[Trial, Claim] | None = None
        self._canary = Canary()
        self._in_flight = 0
        self._groups: Iterator[list[Proposal]] = self._propose()
        self._device = ""
        self._prices = Prices()
        self._figures = Figures(
            timing=self.study.timing,
            ledger=self.ledger,
            runner=self.runner,
            plugins=self.settings.plugins,
            receipts=self.settings.folder / "receipts",
            command=self.settings.command or f"twopath run {self.study.name}",
        )
        search = None if is_enumerated(self.study) else self.study.name
        self._networks = Networks(self._figures, search)
        self._ladder = Ladder(self.study, self.ledger, self._stop)
        self._climb: Iterator[list[Trial]] = iter(())

    def run(self) -> Summary:
        """Brings every planned trial into the ledger.

        Whatever is wrong with the study or its data is raised before anything is trained.
        """
        try:
            with self._desk:
                self._device = str(
                    self.runner.call(timing_device, self.study.timing, self.settings.plugins)
                )
                self.runner.run(self)
        finally:
            self.runner.close()
        # Also when nothing was left to run; all of it, since another driver may have put its own.
        self._plan.write(self._record())
        return self.summary

    # What the runner asks and says.

    def take(self) -> Job | None:
        """The next job; a new group is proposed only when nothing is in flight.

        None while others must end first, or when none is left. Waits for what other drivers
        run when nothing is in flight here.
        """
        while not self.is_ready():
            if self._in_flight or self.summary.given_up:
                return None
            if self._desk.has_to_wait():
                continue
            group = next(self._groups, None)
            if group is None:
                return None
            self._admit(group)
        assert self._next is not None
        (trial, claim), self._next = self._next, None
        self._in_flight += 1
        return self._job(trial, claim.attempt)

    def is_ready(self) -> bool:
        """Whether a job is claimed and may begin; the next rung does once all are at this one."""
        if self._gives_up():
            return False
        self._next = self._next or self._desk.next()
        while not (self._next or self._in_flight or self._desk.is_waiting):
            trials = next(self._climb, None)
            if trials is None:
                break
            self._desk.add(trials, self._stale_of(trials))
            self._next = self._desk.next()
        return self._next is not None

    def _gives_up(self) -> bool:
        """Whether the first trials all failed by what those that are left share."""
        if self.settings.keep_going or self.summary.given_up or not self._canary.is_sick:
            return bool(self.summary.given_up)
        more = not is_enumerated(self.study)
        left = self._desk.left + ([self._next[0]] if self._next else [])
        if self._canary.is_shared([trial.entry for trial in left], more=more):
            self.summary.given_up, self.summary.left = self._canary.reason, len(left)
        return bool(self.summary.given_up)

    def started(self, job: Job) -> None:
        """Passes on that a job has begun."""
        self.progress.started(job.trial.entry)

    def event(self, event: Event) -> None:
        """Passes on how a running job fares."""
        self.progress.event(event)

    def finish(self, job: Job, row: Row) -> None:
        """Stores the row of a job that ended."""
        self._in_flight -= 1
        if not self._desk.put(job.trial, row, job.attempt):
            return  # the other run's answer comes in its place
        self._canary.note(job.trial.entry, row)
        if row["state"] == "paused":
            forget_attempts(job.before)  # this attempt's own checkpoint is all it goes on from
            self.progress.paused(job.trial.entry, row)
            return
        if row["state"] == "done":
            forget(job)
        self.summary.trained += row["state"] == "done"
        self.summary.failed += row["state"] == "failed"
        self.progress.finished(job.trial.entry, row)

    def again(self, job: Job) -> Job | None:
        """The next attempt at a job whose machine was lost; None if another driver has it now."""
        claim = self._desk.again(job.trial, job.attempt)
        return self._job(job.trial, claim.attempt) if claim else None

    def _answered(self, trial: Trial, row: Row) -> None:
        """Counts a trial that another driver brought to an end meanwhile."""
        if row["state"] in ("paused", "stopped"):  # it is to be judged here too
            return
        self.summary.cached += 1
        self.progress.finished(trial.entry, row)

    def _stop(self, trial: Trial, row: Row) -> None:
        """Keeps the row of a trial that a rung stops."""
        self.ledger.put_trial(row)
        self.summary.stopped += 1
        self.progress.finished(trial.entry, row)

    # From candidates to trials.

    def _propose(self) -> Iterator[list[Proposal]]:
        if is_enumerated(self.study):
            yield [Proposal(candidate=each, answers={}) for each in candidates(self.study)]
            return
        size = max(GENERATION, self.settings.workers)
        yield from generations(
            self.study, prior_answers(self.study, self.ledger), self._outcome, size, self._price
        )

    def _admit(self, group: list[Proposal]) -> None:
        """Measures a group, rejects what is over budget, queues what is missing."""
        own = [each for p in group for each in self._trials(p)]
        trials = self._networks.together(own)
        self._check(self._missing(trials))  # before a large space is measured for nothing
        trials, broken = self._measured(trials)
        self._networks.keep(own, trials)
        self._plan.add(trials)
        self._plan.write_new(self._record())
        wanted = [trial for trial in trials if not trial.entry.rejected]
        missing = self._missing(wanted)
        cached = len(wanted) - len(missing)
        self.summary.rejected += len(trials) - len(wanted)
        self.summary.cached += cached
        self.summary.planned += len(trials)
        self.progress.planned([trial.entry for trial in trials], cached)
        self._fail([t for t in missing if t.entry.cost_key in broken], broken)
        sound = [trial for trial in missing if trial.entry.cost_key not in broken]
        self._climb = self._ladder.climb(wanted, sound)

    def _measured(self, trials: list[Trial]) -> tuple[list[Trial], Broken]:
        """Trials, judged by what they cost; why some could not be measured."""
        uncounted = self._figures.missing(trials, "cost_key")
        if uncounted:
            self.progress.phase(f"counting {some(len(uncounted), 'candidate')}")
        broken = self._figures.count(uncounted, self._place)
        sound = [each for each in trials if each.entry.cost_key not in broken]
        within = [
            each
            for each in self._figures.judged(sound, self.study.budget)
            if not each.entry.rejected
        ]
        if self._can_be_timed(within):
            timed = self._networks.new(within)
            self.progress.phase(f"timing {some(len(timed), 'candidate')} together")
            broken |= self._figures.time(timed, self._place, self._networks.first)
        return self._figures.judged(trials, self.study.budget), broken

    def _can_be_timed(self, trials: list[Trial]) -> bool:
        """Whether some have no latency, and did not fail for good: others would be timed again."""
        untimed = list(self._figures.missing(trials, "latency_key").values())
        states = self.ledger.states(each.entry.key for each in untimed)
        to_run = {each.entry.key for each in self._missing(untimed)}
        keys = [each.entry.key for each in untimed]
        return any(states.get(key) != "failed" or key in to_run for key in keys)

    def _trials(self, proposal: Proposal) -> list[Trial]:
        dataset = self._dataset(proposal.candidate.recipe.dataset)
        return trials_of(self.study, proposal.candidate, dataset, self._device, proposal.answers)

    def _dataset(self, part: Part) -> Dataset:
        resolved = datasets.resolve(part)
        if resolved not in self._opened:
            self._opened[resolved] = open_dataset(part, self.settings.roots)
        return self._opened[resolved]

    def _place(self, trial: Trial) -> Place:
        """For how many classes and at what size a candidate is measured."""
        dataset = self._dataset(trial.recipe.dataset)
        return len(dataset.label_map.classes), size_timed(self.study, dataset)

    def _price(self, candidate: Candidate) -> Row | None:
        """What a candidate that may be proposed costs; None if it cannot be built."""
        dataset = self._dataset(candidate.recipe.dataset)
        place = len(dataset.label_map.classes), size_timed(self.study, dataset)
        return self._prices.of(candidate.architecture, place)

    def _record(self) -> Row:
        """What the ledger keeps of the study beside its plan."""
        return {
            **definition(self.study),
            "command": self.settings.command,
            "made_of": made_of(self.study, self._plan.examples(), self._opened, self._device),
        }

    def _missing(self, trials: list[Trial]) -> list[Trial]:
        """The trials whose key has no row yet that counts, each key once."""
        states = self.ledger.states(trial.entry.key for trial in trials)
        failed = self.ledger.trials(key for key, state in states.items() if state != "done")
        missing: dict[str, Trial] = {}
        for trial in trials:
            key = trial.entry.key
            row = failed.get(key, {"state": states.get(key)})
            if is_to_run(row, retry_failed=self.settings.retry_failed, rule=rule_of(self.study)):
                missing.setdefault(key, trial)
        self._stale |= {key: row for key, row in failed.items() if key in missing}
        return list(missing.values())

    def _stale_of(self, trials: list[Trial]) -> dict[str, Row]:
        """The rows that some trials have and that do not count."""
        keys = (trial.entry.key for trial in trials)
        return {key: self._stale[key] for key in keys if key in self._stale}

    def _is_settled(self, row: Row, stale: Row | None) -> bool:
        """Whether a row that is found when a trial's turn has come answers it."""
        if row["state"] in ("paused", "stopped"):
            return self._ladder.is_answered(row)
        is_new = row != stale and not is_to_run(row, retry_failed=False)
        return bool(row["state"] == "done" or is_new)

    def _fail(self, trials: list[Trial], broken: Broken) -> None:
        for trial in trials:
            row = failed_row(self._job(trial), broken[trial.entry.cost_key])
            self.ledger.put_trial(row)
            self.summary.failed += 1
            self.progress.finished(trial.entry, row)

    def _check(self, trials: list[Trial]) -> None:
        """Refuses recipes, weights and data that are not sound; training never meets them."""
        for trial in trials:
            share(trial.recipe, rank=0, world=self.settings.processes)
        for name in dict.fromkeys(n for trial in trials for n in files_named(trial.architecture)):
            find(name)
        self._check_crops({trial.recipe for trial in trials})
        for part in {trial.recipe.dataset for trial in trials} - self._checked:
            self.progress.phase(f"checking the images and masks of {part.name}")
            check(self._dataset(part))
            self._checked.add(part)

    def _check_crops(self, recipes: set[Recipe]) -> None:
        """Refuses crops that the images never fill, and says once which pad some of them."""
        for recipe in recipes:
            size = self._dataset(recipe.dataset).size
            said = check_crop(size, crop=recipe.crop, scales=recipe.scales)
            if said and said not in self._said:
                self._said.add(said)
                warn_plainly()
                warnings.warn(said, RuntimeWarning, stacklevel=2)

    def _job(self, trial: Trial, attempt: int = 1) -> Job:
        settings, key = self.settings, trial.entry.key
        folders = settings.folder / "trials"
        return Job(
            trial=trial,
            folder=folder_of(folders, key, attempt),
            before=earlier(folders, key, attempt),
            attempt=attempt,
            roots=settings.roots,
            plugins=settings.plugins,
            threads=settings.threads,
            cache=settings.folder / "cache",
            processes=settings.processes,
            patience_s=settings.patience_s,
            until=self._ladder.until(trial),
            rungs=self._ladder.rungs(trial),
        )

    def _outcome(self, candidate: Any) -> Outcome:
        """What the sampler is told of a candidate: means over its seeds."""
        entries = self._plan.of(candidate.label)
        [figures] = self._figures.of(entries[:1])
        excess = over_budget(self.study.budget, figures)
        if excess:
            return Outcome(values=None, excess=excess[1])
        rows = self.ledger.trials(entry.key for entry in entries).values()
        if any(row["state"] != "done" for row in rows) or not rows:
            is_stopped = any(row["state"] == "stopped" for row in rows)
            return Outcome(values=None, is_stopped=is_stopped)
        joined = [{**figures, **row} for row in rows]
        means = [sum(row[name] for row in joined) / len(joined) for name in self.study.objectives]
        return Outcome(values=tuple(map(float, means)))
