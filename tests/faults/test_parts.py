"""Parts that hang, starve or give nonsense end in a row with the reason, and cost nothing else.

More ways in which a trial fails: ``FAILURES`` in ``tests/harness/test_session.py``.
"""

import time
from dataclasses import replace

from tiny import BOTH, RECIPE, learnt, rows, run, session, tiny, with_heads
from warm import lose_patience

from harness import Part, choice
from harness.commands import told
from harness.ledger import open_ledger
from harness.runners.patience import Pulse
from harness.session import Summary

NARROW, WIDE = Part("seg", width=4), Part("seg", width=6)
FAILURES = {
    "nan": "FloatingPointError: the loss is nan at step 3 of 4, learning rate",
    "hoard": "out of memory: ",
    "starve_gpu": "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB",
}


def test_the_reason_is_in_the_row_and_the_rest_are_as_ever(tmp_path, odd):
    recipe = replace(RECIPE, steps=4)
    run(tiny(space=with_heads(NARROW, WIDE), recipe=recipe), tmp_path / "sound")
    acts = [Part("odd", act=act) for act in FAILURES]
    study = tiny(space=with_heads(NARROW, *acts, WIDE), recipe=recipe)
    assert run(study, tmp_path) == (2, 0, len(FAILURES), 0)
    found, sound = rows(tmp_path), rows(tmp_path / "sound")
    assert {key: learnt(found[key]) for key in sound} == {k: learnt(r) for k, r in sound.items()}
    for act, reason in FAILURES.items():
        assert found[f"odd(act={act})", 0]["state"] == "failed"
        assert found[f"odd(act={act})", 0]["reason"].startswith(reason)
    assert run(study, tmp_path) == (0, 5, 0, 0), "none of this is tried again by itself"


def test_a_part_that_hangs_is_ended_with_a_reason(tmp_path, odd, monkeypatch):
    monkeypatch.setattr(Pulse, "hear", Pulse.hear)
    lose_patience(2.0)
    study = tiny(space=with_heads(Part("odd", act="hang"), NARROW), recipe=replace(RECIPE, steps=4))
    assert run(study, tmp_path) == (1, 0, 1, 0)
    row = rows(tmp_path)["odd(act=hang)", 0]
    reason = "TimeoutError: no progress for 2 s after step 2 of 4; see --trial-timeout"
    assert (row["state"], row["reason"]) == ("failed", reason)
    assert "time.sleep(600)" in row["error_detail"], "where it hung"


def test_the_rows_of_a_run_do_not_depend_on_the_time_of_day(tmp_path, monkeypatch):
    study = tiny(seeds=(0, 1))
    run(study, tmp_path / "sound")
    now = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    assert run(study, tmp_path / "back") == (2, 0, 0, 0)
    sound, back = rows(tmp_path / "sound"), rows(tmp_path / "back")
    assert {key: learnt(row) for key, row in back.items()} == {
        key: learnt(row) for key, row in sound.items()
    }


BROKEN = Part("odd", act="raise")
THREE = replace(RECIPE, steps=3)


def canary(folder, study, **settings):
    """What a run did and whether it stopped early: (trained, failed, left)."""
    did = session(study, folder, **settings).run()
    assert did.planned == did.trained + did.cached + did.failed + did.rejected + did.left
    assert (did.given_up is None) == (did.left == 0)
    return did.trained, did.failed, did.left


def test_a_study_stops_when_what_failed_is_in_all_that_is_left(tmp_path, odd):
    study = tiny(space=with_heads(BROKEN), recipe=THREE, seeds=(0, 1, 2, 3))
    assert canary(tmp_path, study) == (0, 2, 2)
    assert [row["state"] for row in rows(tmp_path).values()] == ["failed"] * 2
    assert len(open_ledger(tmp_path).plan("tiny")) == 4
    assert canary(tmp_path, study, keep_going=True) == (0, 2, 0)


def test_a_bug_of_one_part_does_not_stop_what_is_without_it(tmp_path, odd):
    study = tiny(space=with_heads(BROKEN, NARROW), recipe=THREE, seeds=(0, 1, 2))
    assert canary(tmp_path, study) == (3, 3, 0)
    detail = choice(Part("detail_branch", width=4), Part("detail_branch", width=6))
    both = replace(BOTH, head=BROKEN, aux_heads="none", detail=detail)
    study = tiny(name="both", space=both, recipe=THREE, seeds=(0, 1))
    assert canary(tmp_path, study) == (0, 3, 1), "the second width fails too: it is the head"


def test_a_trial_that_went_well_clears_the_rest(tmp_path, odd):
    study = tiny(space=with_heads(NARROW, BROKEN), recipe=THREE, seeds=(0, 1, 2))
    assert canary(tmp_path, study) == (3, 3, 0)


def test_a_run_that_was_given_up_says_why_and_how_to_go_on():
    did = Summary(failed=2, planned=4, left=2, given_up="RuntimeError: not today")
    assert told(did, [{"state": "failed"}] * 2) == (
        "0 trained, 0 answered by the ledger, 2 failed, 0 over budget; given up with 2 trials "
        "left, since the first 2 all failed alike (RuntimeError: not today): mend it, or say "
        "--keep-going"
    )
