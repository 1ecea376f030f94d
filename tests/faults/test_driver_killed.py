"""A driver that is killed costs nothing that was finished, whenever it is killed.

What two drivers do when one of them is killed or stands still: ``tests/ledger/test_drivers.py``;
on Ray: ``tests/harness/test_runner_ray.py``.
"""

import random

import pytest
import warm

NUM_KILLS = 10


def test_a_study_killed_at_ten_random_moments_ends_as_if_it_had_not_been(folder, sound):
    chance, before = random.Random(6), {}
    for _ in range(NUM_KILLS):
        run = warm.Run(folder)
        moment = chance.uniform(0.05, 0.5)
        run.until(lambda run=run, moment=moment: run.cpu_s() > moment)
        run.kill()
        after = warm.ended_rows(folder)
        assert {key: after[key] for key in before} == before, "what was finished is as it was"
        before = after
    assert len(before) < 4, "it was killed in the middle each time"
    assert warm.Run(folder).did()["trained"] == 4 - len(before)
    after = warm.ended_rows(folder)
    assert {key: after[key] for key in before} == before
    assert warm.learnt_by_seed(folder) == sound
    warm.assert_nothing_is_held(folder)
    attempts = [claim.attempt for claim in warm.claims(folder)]
    print("attempts", attempts, [row["resumed_from_step"] for row in after.values()], len(before))
    assert sum(attempts) > 4 + NUM_KILLS // 2, "most moments were within a trial"
    assert not list(folder.glob("trials/*/checkpoint.pt*"))


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
