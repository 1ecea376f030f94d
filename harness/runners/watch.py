"""What a driver sees to while Tune runs its trials: that they start, speak and leave when asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import ray
from ray import tune

from harness import leaving
from harness.runners.patience import Pulse
from harness.runners.sign import give_sign
from harness.runners.slots import Slot, why_waiting
from harness.trial import Event, Job, Row

LOOK_S = 1.0
"""How often trials are looked at."""

WAITS_S = 30.0
"""After which it is said why no trial starts, and again after each time twice as long."""

LATER_S = 10.0
"""How much longer a driver waits than a worker, which can tell more of where it stood still."""


class Waiting(tune.Callback):
    """Says why no trial starts, where Tune would wait in silence."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._since: float | None = None
        self._patience_s = WAITS_S
        self._looked = 0.0

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called by Tune; short trials may have ended before the next look."""
        self._since, self._patience_s = None, WAITS_S

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune again and again, with all trials that it has had."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        states = {trial.status for trial in trials}
        if "RUNNING" in states or "PENDING" not in states:
            self._since, self._patience_s = None, WAITS_S
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._patience_s:
            said = why_waiting(self._slot, ray.nodes(), ray.available_resources())
            print(
                f"twopath: no trial has started for {self._patience_s:.0f} s: {said}",
                file=sys.stderr,
                flush=True,
            )
            self._patience_s *= 2


class Silence(tune.Callback):
    """Ends workers that say nothing for too long and do not end themselves.

    A worker watches its own trial, but one that the system has stopped watches nothing.
    ``jobs`` are those that run, by trial; ``give_up`` is told of a trial and its row.
    """

    def __init__(
        self, jobs: dict[str, Job], give_up: Callable[[str, Row], None], *, reports_s: float
    ) -> None:
        self._jobs, self._give_up = jobs, give_up
        self._later_s = LATER_S + 2 * reports_s
        self._pulses: dict[str, tuple[Pulse, Any]] = {}
        self._looked = time.monotonic()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called by Tune when a worker is there."""
        if job := self._jobs.get(trial.trial_id):
            self._pulses[trial.trial_id] = Pulse(job), trial

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Row, **info: Any
    ) -> None:
        """Called by Tune with what a worker reports."""
        pulse, _ = self._pulses.get(trial.trial_id, (None, None))
        if pulse and result.get("event"):
            pulse.hear(Event(**json.loads(result["event"])))

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune again and again, with all trials that it has had."""
        passed = time.monotonic() - self._looked
        if passed < LOOK_S:
            return
        self._looked += passed
        for trial_id, (pulse, trial) in list(self._pulses.items()):
            if trial_id not in self._jobs:
                del self._pulses[trial_id]
                continue
            pulse.pass_by(passed)
            if pulse.silent_s >= pulse.job.patience_s + self._later_s:
                del self._pulses[trial_id]
                self._give_up(trial_id, pulse.row())
                ray.kill(trial.temporary_state.ray_actor)  # Ray ends what does not hear it, too

    def __getstate__(self) -> dict[str, Any]:
        return {}  # the Tuner pickles its settings once; the jobs belong to this process


class Leaving(tune.Callback):
    """After a first Ctrl-C asks the workers to save and leave, and leaves once they have."""

    def __init__(self, sign: str) -> None:
        self._sign = sign
        self._since: float | None = None

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune again and again, with all trials that it has had."""
        if not leaving.is_asked():
            return
        if self._since is None:
            self._since = time.monotonic()
            give_sign(self._sign)
        is_late = time.monotonic() - self._since > leaving.LEAVES_S
        if is_late or not any(trial.status == "RUNNING" for trial in trials):
            raise KeyboardInterrupt
