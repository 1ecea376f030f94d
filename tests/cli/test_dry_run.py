"""A dry run says what would be run, what is stale and why, and for how long; it does nothing."""

import json
import sqlite3
import sys
from contextlib import closing

import pytest

from harness import loading


@pytest.fixture
def write_study(write_study, monkeypatch):
    """Writes a study anew, as a process that starts would find it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**how):
        file = write_study(**how)
        loading._loaded.cache_clear()
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) == file:
                del sys.modules[name]
        return file

    return write


def planned(twopath, study, *words):
    answer = twopath("run", study, "--dry-run", "--json", *words)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def why(found):
    return [reason for each in found["stale"]["trials"] for reason in each["why"]]


def kept(file):
    """All that a ledger holds; its size would change with what SQLite tidies up on its own."""
    with closing(sqlite3.connect(file)) as ledger:
        return list(ledger.iterdump())


@pytest.fixture
def before(twopath, write_study, tmp_path):
    """A study of which one of two candidates was run."""
    assert twopath("run", write_study()).code == 0
    return tmp_path


def test_an_empty_ledger_is_planned_and_nothing_is_written(twopath, write_study, tmp_path):
    study = write_study(fusions='"sum", "concat"')
    there = sorted(tmp_path.rglob("*"))
    found = planned(twopath, study)
    assert found["trials"] == {"cached": 0, "failed before": 0, "over budget": 0, "new": 2}
    assert found["seconds"] is None and found["uncounted"] == 2
    new = {each for each in set(tmp_path.rglob("*")) - set(there) if "__pycache__" not in str(each)}
    assert not new
    said = twopath("run", study, "--dry-run").out
    assert "unknown, since no step was measured yet" in said


def test_what_is_known_gives_the_time_of_what_is_new(twopath, write_study, before):
    ledger = before / "runs" / "ledger.db"
    held = kept(ledger)
    found = planned(twopath, write_study(fusions='"sum", "concat"', steps=2))
    assert found["trials"] == {"cached": 1, "failed before": 0, "over budget": 0, "new": 1}
    assert found["seconds"] > 0 and why(found) == []
    assert found["lines"][1]["basis"] == "the median step of others"
    assert found["stale"]["latencies"] == ["the candidates that are timed together changed"]
    longer = planned(twopath, write_study(steps=40))
    assert longer["lines"][0]["basis"] == "its own measured steps"
    assert longer["seconds"] == pytest.approx(20 * found["lines"][1]["trial_s"])
    assert kept(ledger) == held


def test_a_changed_recipe_is_named_with_what_it_was_and_is(twopath, write_study, before):
    study = write_study(steps=3)
    assert why(planned(twopath, study)) == ["the recipe's steps was 2 and is 3"]
    ran = twopath("run", study)
    assert ran.err.splitlines()[0] == ("stale: 1 trial of sum: the recipe's steps was 2 and is 3")
    assert "stale" not in twopath("run", study).err


def test_a_candidate_that_is_gone_is_left_out(twopath, write_study, before):
    assert why(planned(twopath, write_study(fusions='"concat"'))) == ["no longer in the study"]


def test_data_and_scoring_are_named(twopath, write_study, before, monkeypatch):
    study = write_study(dataset='Part("streets", size=(32, 64), train=4, val=3)')
    [reason] = why(planned(twopath, study))
    assert reason.startswith("the recipe's dataset was streets(") and "val=3" in reason
    monkeypatch.setattr("harness.data.streets.Streets.fingerprint", lambda self: "other pixels")
    assert why(planned(twopath, write_study())) == ["the images or masks of streets changed"]


def test_a_part_whose_source_was_edited_is_named(twopath, write_study, before, monkeypatch):
    from harness import plan

    real = plan.source_digest
    monkeypatch.setattr(
        plan,
        "source_digest",
        lambda *classes: real(*classes) + "edited" * any(c.__name__ == "Sum" for c in classes),
    )
    assert why(planned(twopath, write_study())) == ["the source of fusion 'sum' changed"]


def test_an_older_plan_that_kept_less_says_so(twopath, write_study, before, monkeypatch):
    from harness.ledger import Ledger

    bare = Ledger.studies

    def without(self):
        return {n: {k: v for k, v in s.items() if k != "made_of"} for n, s in bare(self).items()}

    monkeypatch.setattr(Ledger, "studies", without)
    monkeypatch.setattr("harness.data.streets.Streets.fingerprint", lambda self: "other pixels")
    [reason] = why(planned(twopath, write_study()))
    assert reason.startswith("the source of a part, the data or the scoring changed")


def test_what_ray_keeps_is_refused_without_ray(twopath, write_study):
    answer = twopath("run", write_study(), "--gpus-per-trial", "0.5")
    assert (answer.code, "add --on ray" in answer.err) == (2, True)
    answer = twopath("run", write_study(), "--on", "ray", "--gpus-per-trial", "1.5")
    assert (answer.code, "a share below 1, not '1.5'" in answer.err) == (2, True)
