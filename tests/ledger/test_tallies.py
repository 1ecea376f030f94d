"""What the database counts of a study, and who is said to work at it, on both kinds of database."""

import math
import subprocess
import sys

import pytest

import harness.ledger.standing as standing
from harness.drivers import new_owner
from harness.ledger import Claim, Entry, heard, progress

STUDY = {"name": "s", "objectives": {"miou": "max"}}
AFAR = "afar 12 34 another-boot/pid:[1] 0123456789ab"


def entry(candidate, seed=0, **fields):
    values = {"cost_key": f"{candidate} cost", "latency_key": "", "factors": {}}
    return Entry(key=f"{candidate}/{seed}", candidate=candidate, seed=seed, **{**values, **fields})


def row(candidate, seed=0, state="done", **figures):
    return {"key": f"{candidate}/{seed}", "state": state, **figures}


@pytest.fixture
def study(ledger):
    """Two candidates over two seeds, one too dear; a trial each failed, paused and not begun."""
    plan = [entry(name, seed) for name in ("a", 'it\'s "b"') for seed in (0, 1)]
    plan += [entry("dear", rejected="too dear"), entry("f"), entry("p"), entry("new")]
    ledger.put_study(STUDY, plan)
    ledger.put_trial(row("a", 0, miou=0.5, iou={"sky": math.nan}, finished="2026-01-02"))
    ledger.put_trial(row("a", 1, miou=0.6, loss=[math.inf, -math.inf], finished="2026-01-01"))
    ledger.put_trial(row('it\'s "b"', 0, miou=0.54))
    ledger.put_trial(row('it\'s "b"', 1, miou=None))
    ledger.put_trial(row("dear", 0, miou=0.9))
    ledger.put_trial(row("f", 0, "failed", miou=0.9, reason="NaN", finished="2026-01-03"))
    ledger.put_trial(row("p", 0, "paused", miou=0.9))
    ledger.put_measurement("f cost", {"gmacs": 1.0})
    ledger.put_measurement("a cost", {"gmacs": 3.0})
    ledger.put_measurement('it\'s "b" cost', {"gmacs": 2.0})
    return ledger


def test_trials_are_counted_by_state_and_candidates_once(study):
    found = progress(study, "s")
    assert found.num == {"done": 4, "rejected": 1, "failed": 1, "pending": 2}
    assert found.num_candidates == 6
    assert (found.num_ended, found.num_planned) == (6, 8)
    assert found.state == "stopped"


def test_the_mark_is_another_when_a_trial_ends_or_one_is_planned(study):
    marks = {progress(study, "s").mark, progress(study, "s").mark}
    study.put_trial(row("new", 0))
    marks.add(progress(study, "s").mark)
    study.put_study(STUDY, [*study.plan("s")[:-1], entry("newer")])
    marks.add(progress(study, "s").mark)
    assert len(marks) == 3


def test_the_mark_is_another_when_a_trial_takes_the_place_of_one_between_others(ledger):
    plan = [entry(name) for name in ("a", "b", "c", "d")]
    ledger.put_study(STUDY, plan)
    before = progress(ledger, "s").mark
    ledger.put_study(STUDY, [plan[0], entry("x", factors={}), *plan[2:]])
    assert progress(ledger, "s").mark != before, "as many, the same first and last, as long"


def test_the_best_has_the_best_mean_of_what_is_done(study):
    found = study.best("s", "miou", "max")
    assert (found.candidate, found.mean) == ("a", pytest.approx(0.55))
    assert found.finished == "2026-01-03"
    assert study.best("s", "gmacs", "min").candidate == 'it\'s "b"'
    assert study.best("s", "latency_ms", "min").candidate is None
    assert study.best("s", None, "max").finished == "2026-01-03"


def test_a_study_never_planned_is_counted_too(ledger):
    ledger.put_study({"name": "s", "search": {"trials": 3}}, [])
    found = progress(ledger, "s")
    assert (found.num_planned, found.num_candidates, found.state) == (0, 0, "stopped")
    assert ledger.best("s", "miou", "max").candidate is None


def ended_owner():
    code = "from harness.drivers import new_owner; print(new_owner())"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def state_with(ledger, owner, key="new/0", sleep=lambda _: None):
    ledger.beat(owner)
    assert ledger.claim(Claim(key=key, owner=owner, attempt=1))
    return heard(ledger, "s", progress(ledger, "s"), sleep)


def test_a_run_of_this_machine_is_known_by_its_process(study):
    assert state_with(study, new_owner()) == "running"


def test_a_run_that_was_killed_is_not_said_to_run(study):
    assert state_with(study, ended_owner()) == "stopped"


def test_a_claim_on_a_trial_that_has_ended_holds_nothing(study):
    assert state_with(study, new_owner(), key="a/0") == "stopped"


def test_a_run_of_another_machine_is_known_by_its_beat(study):
    assert state_with(study, AFAR, sleep=lambda _: study.beat(AFAR)) == "running"


def test_a_run_of_another_machine_that_lets_go_while_it_is_listened_to_has_stopped(study):
    assert state_with(study, AFAR, sleep=lambda _: study.leave(AFAR)) == "stopped"


def test_a_run_of_another_machine_that_does_not_beat_is_silent(study, monkeypatch):
    monkeypatch.setattr(standing, "HEARD_S", 0.2)
    assert state_with(study, AFAR) == "silent"


def test_a_run_that_only_measures_is_at_work_until_it_leaves(study):
    owner = new_owner()
    study.arrive("s", owner)
    assert progress(study, "s").state == "running"
    study.arrive("other", owner)
    study.leave(owner)
    assert (progress(study, "s").state, study.present("other")) == ("stopped", {})


def test_a_complete_study_waits_for_nobody_on_another_machine(ledger):
    ledger.put_study(STUDY, [entry("a")])
    ledger.put_trial(row("a"))
    ledger.arrive("s", AFAR)
    assert progress(ledger, "s").state == "complete"
    ledger.arrive("s", new_owner())
    assert progress(ledger, "s").state == "running"
    ledger.arrive("s 2", AFAR)
    assert len(ledger.present("s")) == 2
