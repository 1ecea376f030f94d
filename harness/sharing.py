"""Shares the trials of a plan with other drivers on the same ledger: each is trained once."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from harness import drivers
from harness.drivers import Silence, is_gone, named, new_owner
from harness.ledger import Claim, Ledger
from harness.plan import Trial
from harness.progress import named as trial_named
from harness.trial import Row

LOOK_S = 1.0
"""How often trials that others run are looked at."""

Settled = Callable[[Row, Row | None], bool]
"""Whether a row answers a trial, given the one that was found of it when it was planned."""


class Desk:
    """Hands out the trials that this driver has claimed, and waits for those of others.

    ``answered`` is told of a trial that another driver brought to an end. ``study`` is the name
    under which this driver is known to be at work, also while it only measures. Claims are kept
    while the desk is open (``with``), and given back when it closes.
    """

    def __init__(
        self,
        ledger: Ledger,
        settled: Settled,
        answered: Callable[[Trial, Row], None],
        say: Callable[[str], None],
        study: str = "",
    ) -> None:
        self._study = study
        self.owner = new_owner()
        self._ledger, self._settled, self._answered, self._say = ledger, settled, answered, say
        self._queue: deque[Trial] = deque()
        self._elsewhere: dict[str, Trial] = {}
        self._known: dict[str, Row] = {}
        self._silence = Silence()
        self._looked = -LOOK_S
        self._closed = threading.Event()

    def __enter__(self) -> Desk:
        self._ledger.arrive(self._study, self.owner)
        threading.Thread(target=self._keep_beating, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        with suppress(SQLAlchemyError):  # then the claims end with this process
            self._ledger.leave(self.owner)

    def add(self, trials: Iterable[Trial], known: Mapping[str, Row]) -> None:
        """Queues trials; ``known`` are rows that were found of them and do not count."""
        self._queue.extend(trials)
        self._known.update(known)

    @property
    def left(self) -> list[Trial]:
        """The trials that have not been handed out, nor answered by another driver."""
        return [*self._queue, *self._elsewhere.values()]

    def next(self) -> tuple[Trial, Claim] | None:
        """A trial that this driver now holds; None if there is none, or others hold the rest."""
        while self._queue:
            trial = self._queue.popleft()
            claim = self._claimed(trial)
            if claim:
                return trial, claim
        if self._elsewhere and time.monotonic() - self._looked >= LOOK_S:
            for trial in list(self._elsewhere.values()):
                claim = self._claimed(trial)
                if claim:
                    return trial, claim
            self._looked = time.monotonic()
        return None

    def has_to_wait(self) -> bool:
        """Waits a moment if other drivers hold all that is left; False if nothing is left."""
        if self.is_waiting:
            time.sleep(LOOK_S)
        return self.is_waiting

    @property
    def is_waiting(self) -> bool:
        """Whether other drivers hold some of the trials."""
        return bool(self._elsewhere)

    def again(self, trial: Trial, attempt: int) -> Claim | None:
        """A claim in place of this driver's own, whose attempt was lost; None if it has none."""
        claim = Claim(key=trial.entry.key, owner=self.owner, attempt=attempt + 1)
        return claim if self._ledger.claim(claim) else None

    def put(self, trial: Trial, row: Row, attempt: int) -> bool:
        """Keeps the row of a trial, unless another driver has taken the trial over meanwhile."""
        if self._ledger.put_trial(row, attempt=attempt):
            return True
        self._elsewhere[trial.entry.key] = trial
        print(
            f"twopath: {trial_named(trial.entry)} was taken over by another run on this ledger, "
            "which heard nothing of this one; only the other's result counts",
            file=sys.stderr,
        )
        return False

    def _claimed(self, trial: Trial) -> Claim | None:
        """A claim on a trial, unless it has ended or another driver has it."""
        key = trial.entry.key
        before, row = self._found(key)
        if row and self._settled(row, self._known.get(key)):
            self._elsewhere.pop(key, None)
            self._answered(trial, row)
            return None
        if before == self._first(key) and row is None:
            return before
        if before and before.owner and self._is_alive(before.owner):
            self._wait_for(trial, before.owner)
            return None
        attempt = before.attempt + 1 if before else 1
        claim = Claim(key=key, owner=self.owner, attempt=attempt)
        if self._ledger.claim(claim):
            self._elsewhere.pop(key, None)
            return claim
        self._elsewhere[key] = trial  # somebody was faster
        return None

    def _found(self, key: str) -> tuple[Claim | None, Row | None]:
        """A trial's claim and row; where it has neither, the claim is made on the way."""
        if key not in self._elsewhere:
            return self._ledger.take(self._first(key))
        # First the claim: a trial that ends between the two look-ups then has a row.
        held = self._ledger.claims([key]).get(key)
        return held, self._ledger.trials([key]).get(key)

    def _first(self, key: str) -> Claim:
        return Claim(key=key, owner=self.owner, attempt=1)

    def _is_alive(self, owner: str) -> bool:
        if is_gone(owner):
            return False
        return not self._silence.is_over(owner, self._ledger.beat_of(owner))

    def _wait_for(self, trial: Trial, owner: str) -> None:
        if trial.entry.key not in self._elsewhere:
            self._elsewhere[trial.entry.key] = trial
            self._say(f"{trial_named(trial.entry)} is run by {named(owner)}; its row is waited for")

    def _keep_beating(self) -> None:
        while not self._closed.is_set():
            with suppress(SQLAlchemyError):  # a server that is away is asked again soon
                self._ledger.beat(self.owner)
            self._closed.wait(drivers.BEAT_S)
