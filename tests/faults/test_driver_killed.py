"""A driver that is killed costs nothing that was finished, whenever it is killed.

What two drivers do when one of them is killed or stands still: ``tests/ledger/test_drivers.py``;
on Ray: ``tests/harness/test_runner_ray.py``.
"""

import random
from contextlib import suppress

import pytest
import warm

NUM_KILLS, NUM_TRIALS = 10, 8


def test_a_study_killed_at_ten_random_moments_ends_as_if_it_had_not_been(folder, undisturbed):
    chance, before = random.Random(6), {}
    for _ in range(NUM_KILLS):
        run = warm.Run(folder, seeds=NUM_TRIALS)
        wait_for_saves(run, folder, chance.randrange(6))
        moment = run.cpu_s() + chance.uniform(0.0, 0.05)
        run.until(lambda run=run, moment=moment: run.cpu_s() > moment)
        run.kill()
        after = warm.ended_rows(folder)
        assert {key: after[key] for key in before} == before, "what was finished is as it was"
        before = after
    assert len(before) < NUM_TRIALS, "it was killed in the middle each time"
    did = warm.Run(folder, seeds=NUM_TRIALS).did()
    assert (did["trained"], did["cached"]) == (NUM_TRIALS - len(before), len(before))
    after = warm.ended_rows(folder)
    assert {key: after[key] for key in before} == before
    assert warm.learnt_by_seed(folder) == warm.learnt_by_seed(undisturbed)
    warm.assert_nothing_is_held(folder)
    attempts = [claim.attempt for claim in warm.claims(folder)]
    resumed = [row["resumed_from_step"] for row in after.values()]
    assert sum(attempts) > NUM_TRIALS + NUM_KILLS // 2, "most moments were within a trial"
    assert before or any(resumed), "and there was something to lose"
    assert not list(folder.glob("trials/*/checkpoint.pt*"))


def wait_for_saves(run, folder, number):
    """Waits until a run has saved its trials so often: a measure of how far it has come."""
    before, seen = saves(folder), set()

    def are_made():
        seen.update(saves(folder) - before)
        return len(seen) >= number

    run.until(are_made)


def saves(folder):
    """The checkpoints that there are now, each with the time of its last save."""
    found = set()
    for path in folder.glob("trials/*/checkpoint.pt"):
        with suppress(OSError):  # its trial has just ended
            found.add((path.parent.name, path.stat().st_mtime_ns))
    return found


@pytest.mark.parametrize("torn", [["checkpoint.pt"], ["checkpoint.pt", "checkpoint.pt.before"]])
def test_a_torn_checkpoint_is_said_and_the_trial_ends_the_same(folder, sound, torn):
    run = warm.Run(folder, environment={"TWOPATH_TEST_STEP_S": "0.05"})
    run.until(lambda: list(folder.glob("trials/*/checkpoint.pt.before")))
    run.kill()
    [trial] = folder.glob("trials/*")
    for name in torn:
        content = (trial / name).read_bytes()
        (trial / name).write_bytes(content[: len(content) // 2])
    run = warm.Run(folder)
    assert run.did()["trained"] == 4
    said = run.said.read_text()
    assert "checkpoint.pt is damaged: the one before it is used" in said
    assert ("training starts anew" in said) == (len(torn) == 2)
    [first, *_] = warm.ended_rows(folder).values()
    assert (first["resumed_from_step"] > 0) == (len(torn) == 1)
    assert warm.learnt_by_seed(folder) == sound
