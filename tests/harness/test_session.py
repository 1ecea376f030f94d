"""A session runs what is missing and nothing else, and what goes wrong costs its own trial only."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import ALONE, BOTH, DATA, RECIPE, Heard, rows, run, session, tiny, with_heads

from harness import Budget, Part, choice
from harness.data.dataset import datasets
from harness.data.streets import Streets
from harness.figures import Figures
from harness.ledger import open_ledger
from harness.runners.local import InProcess

NARROW, WIDE = Part("seg", width=4), Part("seg", width=6)
TWO = with_heads(NARROW, WIDE)


class Watched(InProcess):
    """A runner that notes what it trains and how often it is asked to time."""

    def __init__(self):
        self.num_timed, self.is_closed = [], False

    def call(self, function, *arguments):
        if function.__name__ == "latencies_of":
            self.num_timed.append(len(arguments[0].given))
        return super().call(function, *arguments)

    def close(self):
        self.is_closed = True


def test_a_second_run_trains_and_measures_nothing(tmp_path):
    study = tiny(space=TWO, seeds=(0, 1))
    assert run(study, tmp_path) == (4, 0, 0, 0)
    first, runner, heard = rows(tmp_path), Watched(), Heard()
    assert run(study, tmp_path, runner=runner, progress=heard) == (0, 4, 0, 0)
    assert rows(tmp_path) == first
    assert (runner.num_timed, heard.phases, heard.begun) == ([], [], [])
    assert heard.num_planned == [(4, 4)]


def test_a_row_holds_the_figures_with_their_protocol(tmp_path):
    run(tiny(space=BOTH), tmp_path)
    row = rows(tmp_path)["the only candidate", 0]
    assert 0 <= row["miou"] <= 1
    assert list(row["iou"]) == list(Streets.label_map.classes)
    assert (row["fusion"], row["head"], row["steps"]) == ("bga", "seg(width=4)", 2)
    assert (row["cost_size"], row["latency_size"], row["size"]) == ("32x64",) * 3
    assert row["latency_ms"] > 0 and len(row["latency_rounds_ns"]) == 1
    assert row["resumed_from_step"] == 0
    assert [point[0] for point in row["history"]] == [1, 2]


def test_a_crop_that_no_image_fills_is_refused_before_anything_trains(tmp_path):
    heard = Heard()
    wrong = tiny(recipe=replace(RECIPE, crop=(96, 64)))
    with pytest.raises(ValueError, match=r"recipe.crop=\(96, 64\) is never filled by images"):
        run(wrong, tmp_path, progress=heard)
    assert heard.begun == []


def test_a_crop_that_pads_some_images_is_said_once_for_all_trials(tmp_path):
    padded = tiny(space=TWO, seeds=(0, 1), recipe=replace(RECIPE, crop=(48, 64)))
    with pytest.warns(RuntimeWarning, match=r"recipe.crop=\(48, 64\) is larger than") as said:
        assert run(padded, tmp_path)[0] == 4
    assert len(said) == 1


def test_one_more_seed_trains_that_seed_alone(tmp_path):
    run(tiny(space=TWO), tmp_path)
    runner, heard = Watched(), Heard()
    assert run(tiny(space=TWO, seeds=(0, 1)), tmp_path, runner=runner, progress=heard)[:2] == (2, 2)
    assert heard.begun == [("seg(width=4)", 1), ("seg(width=6)", 1)]
    assert runner.num_timed == [], "a seed changes no latency"


def test_one_more_candidate_trains_alone_and_is_timed_with_all(tmp_path):
    run(tiny(space=TWO), tmp_path)
    runner, heard = Watched(), Heard()
    three = tiny(space=with_heads(Part("seg", width=5), NARROW, WIDE))
    assert run(three, tmp_path, runner=runner, progress=heard)[:2] == (1, 2)
    assert (heard.begun, runner.num_timed) == ([("seg(width=5)", 0)], [3])
    assert [name for name, _ in rows(tmp_path)] == ["seg(width=5)", "seg(width=4)", "seg(width=6)"]
    assert len({row["latency_session"] for row in rows(tmp_path).values()}) == 1


def test_candidates_of_one_session_are_timed_together(tmp_path):
    runner = Watched()
    run(tiny(space=TWO), tmp_path, runner=runner)
    assert runner.num_timed == [2]
    assert len({row["latency_session"] for row in rows(tmp_path).values()}) == 1


def test_two_studies_that_ask_the_same_train_once(tmp_path):
    run(tiny(space=TWO), tmp_path)
    other = tiny(name="other", space=ALONE, objectives={"miou": "max"}, question="Other?")
    assert run(other, tmp_path) == (0, 1, 0, 0)
    theirs = rows(tmp_path, "other")["the only candidate", 0]
    assert theirs["miou"] == rows(tmp_path)["seg(width=4)", 0]["miou"]


def test_what_is_over_budget_is_measured_and_not_trained_until_the_budget_is_raised(tmp_path):
    heard = Heard()
    params = {4: 0, 6: 0}
    for width in params:
        run(tiny(name=f"{width}", space=replace(ALONE, head=Part("seg", width=width)),
                 budget=Budget(params=1)), tmp_path)  # fmt: skip
        params[width] = rows(tmp_path, f"{width}")["the only candidate", 0]["params"]
    tight = tiny(space=TWO, budget=Budget(params=params[4]))
    assert run(tight, tmp_path, progress=heard) == (1, 0, 0, 1)
    over = rows(tmp_path)["seg(width=6)", 0]
    assert (over["state"], over["params"]) == ("rejected", params[6])
    assert over["reason"].startswith(f"over budget: params {params[6]:,} > {params[4]:,}")
    assert "miou" not in over
    assert heard.begun == [("seg(width=4)", 0)]
    assert run(replace(tight, budget=Budget(params=params[6])), tmp_path) == (1, 1, 0, 0)
    assert rows(tmp_path)["seg(width=6)", 0]["state"] == "done"
    assert run(tight, tmp_path) == (0, 1, 0, 1)
    assert rows(tmp_path)["seg(width=6)", 0]["state"] == "rejected"


def test_what_costs_too_much_is_not_timed(tmp_path):
    runner = Watched()
    tight = tiny(space=TWO, budget=Budget(params=1))
    assert run(tight, tmp_path, runner=runner) == (0, 0, 0, 2)
    assert runner.num_timed == []
    assert all("latency_ms" not in row for row in rows(tmp_path).values())


def test_a_budget_that_lets_one_more_in_times_all_together(tmp_path):
    run(tiny(name="sizes", space=TWO), tmp_path)
    small, large = sorted(row["params"] for row in rows(tmp_path, "sizes").values())
    run(tiny(space=TWO, budget=Budget(params=small)), tmp_path / "other")
    runner = Watched()
    run(tiny(space=TWO, budget=Budget(params=large)), tmp_path / "other", runner=runner)
    assert runner.num_timed == [2]
    assert len({row["latency_session"] for row in rows(tmp_path / "other").values()}) == 1


def test_a_budget_on_latency_is_judged_before_training(tmp_path):
    assert run(tiny(space=TWO, budget=Budget(latency_ms=1e-6)), tmp_path) == (0, 0, 0, 2)
    assert {row["state"] for row in rows(tmp_path).values()} == {"rejected"}
    assert not (tmp_path / "trials").exists()


FAILURES = {
    "refuse": "ValueError: this head fits no feature",
    "unbounded": "FloatingPointError: NaN or infinity for an image of random numbers",
    "raise": "RuntimeError: not today",
    "nan": "FloatingPointError: the loss is nan at step 3 of 4, learning rate",
    "starve": "out of memory",
    "exit": "SystemExit: enough",
}


def test_what_goes_wrong_is_a_row_with_its_reason_and_the_rest_go_on(tmp_path, odd):
    acts = [Part("odd", act=act) for act in FAILURES]
    study = tiny(space=with_heads(*acts, NARROW), recipe=replace(RECIPE, steps=4))
    heard = Heard()
    assert run(study, tmp_path, progress=heard) == (1, 0, len(FAILURES), 0)
    found = rows(tmp_path)
    for act, reason in FAILURES.items():
        row = found[f"odd(act={act})", 0]
        assert row["state"] == "failed"
        assert row["reason"].startswith(reason)
        assert "\n" not in row["reason"]
        assert "miou" not in row
    assert found["seg(width=4)", 0]["state"] == "done"
    assert 'raise RuntimeError("not\\ntoday")' in found["odd(act=raise)", 0]["error_detail"]
    assert found["odd(act=raise)", 0]["gmacs"] > 0
    assert heard.num_planned == [(len(FAILURES) + 1, 0)]
    assert len(heard.ended) == len(FAILURES) + 1
    assert len(heard.begun) == len(FAILURES) - 1, "what was never begun is not said to be"


def test_a_learning_rate_that_is_far_too_high_is_a_failure_with_its_step(tmp_path):
    study = tiny(recipe=replace(RECIPE, lr=choice(1e30, 0.01), steps=6))
    assert run(study, tmp_path) == (1, 0, 1, 0)
    reason = rows(tmp_path)["1e+30", 0]["reason"]
    assert reason.startswith("FloatingPointError: the loss is ")


def test_a_failed_trial_is_run_again_only_on_demand(tmp_path, odd, monkeypatch):
    study = tiny(
        space=with_heads(Part("odd", act="raise"), NARROW), recipe=replace(RECIPE, steps=3)
    )
    assert run(study, tmp_path) == (1, 0, 1, 0)
    assert run(study, tmp_path) == (0, 2, 0, 0)
    assert run(study, tmp_path, retry_failed=True) == (0, 1, 1, 0)
    monkeypatch.setenv("TWOPATH_TEST_SOUND", "1")
    assert run(study, tmp_path) == (0, 2, 0, 0)
    assert run(study, tmp_path, retry_failed=True) == (1, 1, 0, 0)
    assert {row["state"] for row in rows(tmp_path).values()} == {"done"}


def test_a_network_that_cannot_be_built_is_tried_again_only_on_demand(tmp_path, odd):
    study = tiny(space=with_heads(Part("odd", act="refuse"), NARROW))
    assert run(study, tmp_path) == (1, 0, 1, 0)
    assert run(study, tmp_path) == (0, 2, 0, 0)
    assert run(study, tmp_path, retry_failed=True) == (0, 1, 1, 0)


class Spoilt(Streets):
    """Streets, one of whose masks has a value that is no class."""

    def load(self, split, index):
        image, mask = super().load(split, index)
        return image, np.full_like(mask, 77) if (split, index) == ("val", 1) else mask


def test_bad_data_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setitem(datasets._classes, "spoilt", Spoilt)
    bad = Part("spoilt", **dict(DATA.options))
    runner, heard = Watched(), Heard()
    study = tiny(space=TWO, recipe=replace(RECIPE, dataset=bad))
    with pytest.raises(
        ValueError, match=r"val image 1: mask values \[77\] are not in the label map"
    ):
        run(study, tmp_path, runner=runner, progress=heard)
    assert heard.begun == []
    assert rows(tmp_path) == {}
    assert runner.is_closed


@pytest.fixture
def seen(monkeypatch):
    """What is loaded of the data set ``counted``, in order."""
    seen = []

    class Counted(Streets):
        def load(self, split, index):
            seen.append((split, index))
            return super().load(split, index)

    monkeypatch.setitem(datasets._classes, "counted", Counted)
    return seen


def test_a_data_set_is_looked_at_once(tmp_path, seen):
    recipe = replace(RECIPE, dataset=Part("counted", **dict(DATA.options)), steps=1)
    study = tiny(space=TWO, recipe=recipe)
    ran = session(study, tmp_path)
    ran.take()
    first = seen.count(("train", 3))
    ran._check(ran._plan.examples())
    assert seen.count(("train", 3)) == first == 1


def test_data_is_looked_at_before_anything_is_counted_or_timed(tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError("measured for nothing")

    monkeypatch.setattr(Figures, "count", fail)
    recipe = replace(RECIPE, crop=(512, 512))
    with pytest.raises(ValueError, match="is never filled by images"):
        session(tiny(recipe=recipe), tmp_path).run()


def test_training_images_are_decoded_once_for_all_trials(tmp_path, seen):
    recipe = replace(RECIPE, dataset=Part("counted", **dict(DATA.options)), steps=4)
    run(tiny(space=TWO, recipe=recipe, seeds=(0, 1)), tmp_path)
    # Looked at before anything trains, and decoded into the cache.
    assert [seen.count(("train", index)) for index in range(4)] == [2] * 4
    [file] = (tmp_path / "cache").glob("*.frames")
    assert file.stat().st_size == 4 * 32 * 64 * 4


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"space": with_heads("sge", NARROW)}, KeyError, "unknown head 'sge'.*'seg'"),
        ({"recipe": replace(RECIPE, dataset="street")}, KeyError, "unknown dataset.*'streets'"),
        ({"space": with_heads(NARROW, Part("seg", width="4"))}, TypeError, "option 'width'"),
        ({"recipe": replace(RECIPE, batch=choice(2, 1))}, ValueError, "recipe.batch"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_is_measured(tmp_path, changes, error, message):
    runner = Watched()
    with pytest.raises(error, match=message):
        run(tiny(**changes), tmp_path, runner=runner)
    assert runner.num_timed == []
    assert runner.is_closed
    assert open_ledger(tmp_path).studies() == {}


def test_the_ledger_has_each_row_as_soon_as_its_trial_ends(tmp_path):
    class Cut(Heard):
        def started(self, entry):
            if len(self.ended) == 2:
                raise KeyboardInterrupt
            super().started(entry)

    heard = Cut()
    study = tiny(space=TWO, seeds=(0, 1))
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, progress=heard)
    assert list(rows(tmp_path)) == [("seg(width=4)", 0), ("seg(width=4)", 1)]
    assert run(study, tmp_path) == (2, 2, 0, 0)
