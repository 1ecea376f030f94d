"""Bad trials are stopped at rungs: the same wherever they run, and nothing is trained twice."""

import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from drive import answer, start
from stopping_study import RUNGS, STEPS, WIDTHS, stopping
from test_search import hunt, hunted, told  # noqa: F401 - a fixture
from tiny import RECIPE, Heard, learnt, rows, with_heads
from tiny import session as whole_session

from harness import Budget, Part, Scoring, Search, choice, figures, integer
from harness.confirming import confirmation_of
from harness.data.roots import DataRoots
from harness.forecast import Circumstances, forecast
from harness.forecast import told as lines
from harness.ladder import rule_of
from harness.ledger import open_ledger
from harness.runners.local import InProcess, Processes
from harness.runners.proposals import Outcome

TO_THE_END = replace(RUNGS, keep="all")
COST_OF = lru_cache(figures.cost_of)


@pytest.fixture(autouse=True, scope="module")
def counted_once():
    """The few networks of these tests are counted once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "cost_of", COST_OF)
        yield


def untimed(runner):
    """A runner that spares its tests the timing of candidates, which is no concern of theirs."""
    call = runner.call

    def called(function, *arguments):
        if function.__name__ == "latencies_of":
            timed = {key: {"latency_ms": 1.0} for key in arguments[0].given}
            return SimpleNamespace(rows=timed, receipts=[])
        return call(function, *arguments)

    runner.call = called
    return runner


def session(study, folder, runner=None, **settings):
    return whole_session(study, folder, runner=untimed(runner or InProcess()), **settings)


class Steps(Heard):
    """Notes each step that is taken."""

    def __init__(self, most=10**9):
        super().__init__()
        self.taken, self.most = [], most

    def event(self, event):
        if event.state == "training":
            self.taken.append((event.key, event.step))
        if len(self.taken) == self.most:
            raise KeyboardInterrupt


def plainly(found):
    """Rows without when, where and how long."""
    return {name: {k: row.get(k) for k in KEPT} for name, row in found.items()}


KEPT = ("state", "miou", "iou", "confusion", "history", "rungs", "reason", "stopped_by")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The folder that a study left, which stays as it is."""
    return tmp_path_factory.mktemp("left")


@pytest.fixture(scope="module")
def once(left):
    """What a study left, and the steps that it took."""
    heard = Steps()
    summary = session(stopping(), left, progress=heard).run()
    return rows(left), heard.taken, summary


@pytest.fixture
def again(once, left, tmp_path):
    """A copy of that folder: a study that was run."""
    return shutil.copytree(left, tmp_path / "again")


@pytest.fixture(scope="module")
def all_done(tmp_path_factory):
    """The folder of the study when nobody is stopped."""
    folder = tmp_path_factory.mktemp("all")
    session(stopping(TO_THE_END), folder).run()
    return folder


def ended(found, state):
    return [name for (name, _), row in found.items() if row["state"] == state]


def test_some_are_stopped_and_say_why(once):
    found, _, summary = once
    stopped = [row for row in found.values() if row["state"] == "stopped"]
    assert (summary.trained, summary.stopped) == (6 - len(stopped), len(stopped))
    assert 0 < len(stopped) < 5
    for row in stopped:
        last = row["rungs"][-1][0]
        assert last in (1, 3) and row["reason"].startswith(f"after {last} of 9 steps: mIoU of ")
        assert "miou" not in row and row["stopped_by"] == rule_of(stopping())
    done = [row for row in found.values() if row["state"] == "done"]
    assert all([step for step, _ in row["rungs"]] == [1, 3] for row in done)


def test_no_step_is_taken_twice_and_none_that_would_not_be_without_rungs(once):
    found, taken, _ = once
    assert len(taken) == len(set(taken)) < STEPS * len(found)
    wanted = {row["key"]: row["rungs"][-1][0] for row in found.values()}
    wanted |= {row["key"]: STEPS for row in found.values() if row["state"] == "done"}
    assert {key: max(s for k, s in taken if k == key) for key in wanted} == wanted
    assert len(taken) == sum(wanted.values())


def test_the_front_at_each_rung_goes_on(once):
    found, _, _ = once
    for rung in (0, 1):
        come = [row for row in found.values() if len(row["rungs"]) > rung]
        for row in come:
            better = [
                each
                for each in come
                if each["rungs"][rung][1] >= row["rungs"][rung][1]
                and each["params"] < row["params"]
            ]
            goes_on = row["state"] == "done" or len(row["rungs"]) > rung + 1
            assert better or goes_on


def test_a_second_run_trains_nothing_and_changes_nothing(once, tmp_path):
    session(stopping(), tmp_path).run()
    first, heard = rows(tmp_path), Steps()
    summary = session(stopping(), tmp_path, progress=heard).run()
    assert (summary.cached, summary.stopped, heard.taken) == (6, 0, [])
    assert rows(tmp_path) == first
    assert plainly(first) == plainly(once[0])


def test_what_was_stopped_is_taken_up_and_ends_as_if_it_had_not_been(
    once, again, all_done, tmp_path
):
    heard = Steps()
    heard.taken += once[1]
    session(stopping(TO_THE_END), again, progress=heard).run()
    one, other = rows(again), rows(all_done)
    assert {name: learnt(row) for name, row in one.items()} == {
        name: learnt(row) for name, row in other.items()
    }
    assert len(heard.taken) == len(set(heard.taken)) == 6 * STEPS
    assert {name for name in one if one[name]["state"] == "done"} == set(one)
    # Now that all are done, the rule has nobody to stop.
    shutil.copytree(all_done, tmp_path / "all")
    session(stopping(), tmp_path / "all").run()
    assert rows(tmp_path / "all") == other


def test_rungs_change_no_weight(all_done, tmp_path):
    best = Scoring(held_out=0.5, select="best", looks=1)  # the last step's, the same images left
    session(stopping(None, scoring=best), tmp_path).run()
    one, other = rows(all_done), rows(tmp_path)
    assert {name: learnt(row) for name, row in one.items()} == {
        name: learnt(row) for name, row in other.items()
    }


@pytest.mark.parametrize("at", [4, 9, 30])
def test_a_run_that_is_cut_off_anywhere_ends_with_the_same_rows(once, tmp_path, at):
    heard = Steps(at)
    with pytest.raises(KeyboardInterrupt):
        session(stopping(), tmp_path, progress=heard).run()
    heard.most = 10**9
    session(stopping(), tmp_path, progress=heard).run()
    assert plainly(rows(tmp_path)) == plainly(once[0])
    # Only the trial in flight takes steps again: those since its last checkpoint.
    assert {key for key, _ in heard.taken} == {row["key"] for row in once[0].values()}
    again = {key for key, step in heard.taken if heard.taken.count((key, step)) > 1}
    assert len(again) <= 1


def test_a_checkpoint_that_is_lost_costs_steps_only(once, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        session(stopping(), tmp_path, progress=Steps(9)).run()
    for file in tmp_path.glob("trials/*/checkpoint.pt*"):
        file.unlink()
    session(stopping(), tmp_path).run()
    assert plainly(rows(tmp_path)) == plainly(once[0])


def test_a_ledger_that_is_lost_leaves_checkpoints_beyond_a_rung(once, again):
    for file in again.glob("ledger.db*"):
        file.unlink()
    session(stopping(), again).run()
    assert plainly(rows(again)) == plainly(once[0])


def test_two_workers_give_the_rows_of_one(once, tmp_path):
    session(stopping(), tmp_path, runner=Processes(2), workers=2).run()
    assert plainly(rows(tmp_path)) == plainly(once[0])


def test_two_drivers_stop_what_one_stops_and_train_nothing_twice(once, tmp_path):
    study = Path(__file__).with_name("stopping_study.py")
    summaries = [answer(each) for each in [start(study, tmp_path) for _ in range(2)]]
    assert plainly(rows(tmp_path)) == plainly(once[0])
    done = len(ended(once[0], "done"))
    assert sum(each["trained"] for each in summaries) == done
    claims = open_ledger(tmp_path).claims(row["key"] for row in once[0].values())
    jobs = {row["key"]: len(row["rungs"]) + (row["state"] == "done") for row in once[0].values()}
    assert {key: claim.attempt for key, claim in claims.items()} == jobs


def test_seeds_of_a_candidate_stop_together(tmp_path):
    session(stopping(seeds=(0, 1)), tmp_path).run()
    found = rows(tmp_path)
    for name in {name for name, _ in found}:
        assert found[name, 0]["state"] == found[name, 1]["state"]
        assert len(found[name, 0]["rungs"]) == len(found[name, 1]["rungs"])


def test_a_trial_that_fails_between_rungs_is_no_hindrance(tmp_path, odd):
    heads = choice(Part("seg", width=3), Part("odd", act="raise"), Part("seg", width=5))
    study = stopping(space=replace(stopping().space, head=heads))
    summary = session(study, tmp_path, plugins=(odd,)).run()
    assert (summary.failed, summary.trained + summary.stopped) == (1, 2)


def test_another_rule_or_another_study_judges_anew(again):
    first = rows(again)
    milder = replace(RUNGS, keep="median")
    heard = Steps()
    session(stopping(milder), again, progress=heard).run()
    judged = rows(again)
    assert {row["state"] for row in judged.values()} <= {"done", "stopped"}
    assert set(ended(first, "done")) <= set(ended(judged, "done"))
    others = [row for row in judged.values() if row["state"] == "stopped"]
    assert {row["stopped_by"]["keep"] for row in others} <= {"median"}
    assert len(set(heard.taken)) == len(heard.taken)


def test_one_more_candidate_is_judged_among_those_that_are_known(again):
    first, heard = rows(again), Steps()
    wider = with_heads(*(Part("seg", width=width) for width in (*WIDTHS, 40)))
    session(stopping(space=wider), again, progress=heard).run()
    found = rows(again)
    assert len({key for key, _ in heard.taken}) == 1
    assert {name: found[name]["state"] for name in first} == {
        name: row["state"] for name, row in first.items()
    }


def test_done_takes_the_place_of_stopped_and_never_the_other_way(tmp_path):
    ledger = open_ledger(tmp_path, make=True)
    row = {"key": "k" * 64, "state": "stopped", "rungs": [[1, 0.1]]}
    ledger.put_trial(row)
    ledger.put_trial({**row, "state": "done", "miou": 0.5})
    ledger.put_trial(row)
    assert ledger.trials([row["key"]])[row["key"]]["state"] == "done"


def test_a_confirmation_stops_nobody(again):
    study = stopping()
    made = confirmation_of(study, open_ledger(again).plan("tiny"), ["seg(width=3)"], 2)
    assert (made.stopping.keep, made.stopping.at) == ("all", RUNGS.at)


def test_a_forecast_tells_how_little_may_be_trained(again):
    ledger, how = open_ledger(again), Circumstances(roots=DataRoots())
    assert forecast(stopping(), ledger, how).count("cached") == 6
    more = forecast(stopping(seeds=(0, 1)), ledger, how)
    assert more.count("new") >= 6 and 0 < more.least_s < more.seconds
    assert any("(if stopped early) to" in line for line in lines(more))
    assert forecast(stopping(TO_THE_END, seeds=(0, 1)), ledger, how).least_s is None
    moved = forecast(stopping(replace(RUNGS, at=(0.5,))), ledger, how).stale.trials
    assert {each.why for each in moved} == {
        (f"the stopping's at was {list(RUNGS.at)} and is [0.5]",)
    }


# Searches.


@pytest.mark.parametrize("sampler", ["tpe", "front"])
def test_a_search_goes_on_over_what_was_stopped(tmp_path, sampler):
    head = Part("seg", width=integer(3, 40))
    study = stopping(
        space=replace(stopping().space, head=head),
        recipe=replace(RECIPE, steps=5, lr=0.05),
        search=Search(trials=7, sampler=sampler),
    )
    summary = session(study, tmp_path).run()
    assert summary.trained + summary.stopped == 7
    first = rows(tmp_path)
    again = session(study, tmp_path).run()
    assert (again.cached, again.trained, again.stopped) == (7, 0, 0)
    assert rows(tmp_path) == first


def test_a_search_that_is_cut_off_in_a_rung_ends_with_the_same_rows(tmp_path):
    head = Part("seg", width=integer(3, 40))
    study = stopping(
        space=replace(stopping().space, head=head),
        recipe=replace(RECIPE, steps=5, lr=0.05),
        search=Search(trials=6, sampler="tpe"),
    )
    heard = Steps()
    session(study, tmp_path / "once", progress=heard).run()
    cut = Steps(len(heard.taken) - 4)  # in the second of two groups
    with pytest.raises(KeyboardInterrupt):
        session(study, tmp_path / "cut", progress=cut).run()
    session(study, tmp_path / "cut").run()
    assert plainly(rows(tmp_path / "cut")) == plainly(rows(tmp_path / "once"))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_what_was_stopped_is_told_as_pruned_to_tpe_alone(sampler, told):  # noqa: F811
    def look(candidate):
        if candidate.architecture.fusion.name != "sum":
            return Outcome(values=None, is_stopped=True)
        return Outcome(values=(0.5, 1.0))

    hunt(hunted(sampler, trials=12, budget=Budget(gmacs=1.0)), look)
    stopped = [trial for trial in told if trial.params["fusion"] != "sum"]
    assert {trial.state.name for trial in stopped} == ({"PRUNED"} if sampler == "tpe" else set())
    assert {trial.constraints["budget"] for trial in told} == {0.0}
