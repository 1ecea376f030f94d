"""How silence is counted, and what counts as a bug that all trials share."""

import pytest
from tiny import session, tiny

from harness.canary import Canary
from harness.ledger import Entry
from harness.runners.patience import Pulse
from harness.trial import Event


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return session(tiny(), tmp_path_factory.mktemp("one"), patience_s=8.0).take()


@pytest.fixture
def pulse(job):
    return Pulse(job)


def event(state, step=3):
    return Event(key="k", state=state, step=step, steps=12, loss=0.5, seconds=1.0)


def test_a_time_in_which_nobody_listened_counts_only_in_part(pulse):
    for _ in range(3):
        pulse.pass_by(3600.0)
        assert not pulse.is_over
    pulse.hear(event("training"))
    for _ in range(3):
        pulse.pass_by(3600.0)
        assert not pulse.is_over, "it was heard in between"
    pulse.pass_by(2.0)
    assert pulse.is_over


def test_a_time_in_which_a_trial_waits_for_its_driver_does_not_count(pulse):
    with pulse.held_up():
        for _ in range(9):
            pulse.pass_by(2.0)
    assert pulse.silent_s == 0.0
    pulse.pass_by(2.0)
    assert pulse.silent_s == 2.0


@pytest.mark.parametrize(
    ("heard", "where"),
    [
        ([], "before its first step"),
        ([event("training")], "after step 3 of 12"),
        ([event("training"), event("scoring", 12)], "while it was scored"),
    ],
)
def test_the_reason_says_where_a_trial_was(pulse, heard, where):
    for each in heard:
        pulse.hear(each)
    row = pulse.row()
    assert (row["state"], row["key"]) == ("failed", pulse.job.trial.entry.key)
    assert row["reason"] == f"TimeoutError: no progress for 8 s {where}; see --trial-timeout"


def entry(**factors):
    return Entry(key="", cost_key="", latency_key="", candidate="", factors=factors, seed=0)


def sick(*entries, reasons=("RuntimeError: at step 3", "RuntimeError: at step 14")):
    canary = Canary()
    for each, reason in zip(entries, reasons, strict=False):
        canary.note(each, {"state": "failed", "reason": reason})
    return canary


A, B, C = entry(head="a", lr="1"), entry(head="a", lr="2"), entry(head="c", lr="1")


@pytest.mark.parametrize(
    ("failed", "left", "more", "is_shared"),
    [
        ([A], [A], False, False),
        ([A, A], [A], False, True),
        ([A, B], [A, B], False, True),
        ([A, B], [A, C], False, False),
        ([A, C], [entry(head="d", lr="1")], False, True),
        ([A, B], [], False, False),
        ([A, B], [A], True, False),
        ([B, C], [A], True, True),
        ([B, C], [], True, True),
    ],
)
def test_what_is_left_must_have_all_that_failed_ones_share(failed, left, more, is_shared):
    assert sick(*failed).is_shared(left, more=more) == is_shared


@pytest.mark.parametrize(
    "reason",
    [
        "KeyError: 7",
        "FloatingPointError: nan",
        "out of memory",
        "its worker process died (SIGKILL)",
    ],
)
def test_other_reasons_and_those_of_one_candidate_are_no_shared_bug(reason):
    assert not sick(A, A, reasons=("RuntimeError: no", reason)).is_shared([A], more=False)
    assert not sick(A, A, reasons=(reason, "RuntimeError: no")).is_shared([A], more=False)
