"""A search asks Optuna, never asks for the same twice, and knows after a restart what it knew."""

import math
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState
from tiny import ALONE, BOTH, RECIPE, Heard, rows, run, tiny, with_heads

from harness import Budget, Part, Search, choice, integer, loguniform, uniform
from harness.ledger import open_ledger
from harness.measure.candidates import latencies_of
from harness.runners import asking, search
from harness.runners.local import InProcess
from harness.runners.proposals import Outcome
from harness.runners.search import generations

SAMPLERS = ("tpe", "nsga2", "random")
FFM = Part("ffm", reduction=choice(2, 4, 8))
OPEN = replace(
    BOTH, fusion=choice("sum", "concat", FFM, "bga"), context=choice("none", "context_embedding")
)


def hunted(sampler="tpe", trials=8, **changes):
    return tiny(space=OPEN, **{"search": Search(trials=trials, sampler=sampler), **changes})


def good(candidate):
    """The more parts are cheap, the faster; the more are dear, the more accurate."""
    dear = len(str(candidate.architecture.fusion)) + len(candidate.architecture.context.name)
    return Outcome(values=(dear / 40, dear + 1.0))


def hunt(study, look=good, prior=(), size=4, groups=math.inf):
    """The groups that a search proposes, each told to the sampler before the next."""
    found = []
    for group in generations(study, list(prior), look, size):
        found.append(group)
        if len(found) == groups:
            break
    return found


def flat(groups):
    return [proposal for group in groups for proposal in group]


def labels(groups):
    return [proposal.candidate.label for proposal in flat(groups)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_proposes_as_many_candidates_as_it_may_and_none_twice(sampler):
    groups = hunt(hunted(sampler, trials=10))
    assert len(labels(groups)) == len(set(labels(groups))) == 10
    assert max(map(len, groups)) <= 4


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_ends_when_it_finds_nothing_new(sampler, monkeypatch):
    monkeypatch.setattr(search, "MAX_REPEATS", 60)
    found = labels(hunt(hunted(sampler, trials=99)))
    assert len(found) == len(set(found)) <= 12
    assert len(found) >= 9


def test_the_same_search_proposes_the_same_and_another_seed_something_else():
    first = labels(hunt(hunted()))
    assert labels(hunt(hunted())) == first
    assert labels(hunt(hunted(search=Search(trials=8, seed=1)))) != first


def test_a_hole_of_an_alternative_is_asked_for_only_under_it():
    for proposal in flat(hunt(hunted("random", trials=12))):
        asked = "[0].fusion.ffm.reduction" in proposal.answers
        assert asked == (proposal.candidate.architecture.fusion.name == "ffm")
        assert asked == ("fusion.ffm.reduction" in proposal.candidate.factors)
        assert asked == (proposal.candidate.factors["fusion"] == "ffm")


RANGES = tiny(
    space=replace(ALONE, head=Part("seg", width=integer(3, 9))),
    recipe=replace(RECIPE, lr=loguniform(1e-4, 1e-1), momentum=uniform(0.5, 0.9)),
    search=Search(trials=12, sampler="random"),
)


def test_ranges_of_parts_and_recipes_are_filled_within_their_bounds():
    candidates = [proposal.candidate for proposal in flat(hunt(RANGES))]
    widths = [dict(each.architecture.head.options)["width"] for each in candidates]
    rates = [each.recipe.lr for each in candidates]
    assert all(type(width) is int and 3 <= width <= 9 for width in widths)
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert all(0.5 <= each.recipe.momentum <= 0.9 for each in candidates)
    assert min(rates) < 1e-3 < 1e-2 < max(rates), "on a logarithmic scale"
    assert list(candidates[0].factors) == ["head.seg.width", "recipe.lr", "recipe.momentum"]


@pytest.mark.parametrize("study", [RANGES, hunted("tpe", 12), hunted("nsga2", 12)])
def test_a_restart_begins_with_what_is_known_and_goes_on_with_something_new(study):
    known = flat(hunt(study, groups=2))
    asked = []

    def look(candidate):
        asked.append(candidate.label)
        return good(candidate)

    groups = hunt(study, look, [proposal.answers for proposal in known])
    assert groups[0] == known, "the same candidates, to the last digit"
    assert len(labels(groups)) == len(set(labels(groups))) == 12
    assert set(asked) >= set(labels([known])), "the sampler is told of them again"


def test_a_search_that_is_longer_goes_on_and_one_that_is_shorter_repeats_only():
    known = flat(hunt(hunted(trials=6)))
    prior = [proposal.answers for proposal in known]
    longer = labels(hunt(hunted(trials=9), prior=prior))
    assert longer[:6] == labels([known])
    assert len(set(longer)) == 9
    assert labels(hunt(hunted(trials=3), prior=prior)) == labels([known])


def test_two_points_that_are_called_the_same_are_one():
    narrow = tiny(
        recipe=replace(RECIPE, lr=uniform(0.1, 0.10001)),
        search=Search(trials=5, sampler="random"),
    )
    assert labels(hunt(narrow)) == ["0.1"]


@pytest.fixture
def told(monkeypatch):
    """The trials that Optuna was told of; what it was asked leaves no trace but failures."""
    found, create = [], optuna.create_study

    def make(**options):
        made = create(**options)
        add = made.add_trial
        made.add_trial = lambda trial: (found.append(trial), add(trial))
        found.clear()
        found.study = made
        return made

    class Told(list):
        study = None

    found = Told()
    monkeypatch.setattr(asking.optuna, "create_study", make)
    return found


def over_if_bga(candidate):
    if candidate.architecture.fusion.name == "bga":
        return Outcome(values=None, excess=0.5)
    return good(candidate)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_over_budget_is_told_as_infeasible_and_not_as_failed(sampler, told):
    hunt(hunted(sampler, trials=10, budget=Budget(gmacs=1.0)), over_if_bga)
    over = [trial for trial in told if trial.params["fusion"] == "bga"]
    assert over
    state = TrialState.PRUNED if sampler == "tpe" else TrialState.COMPLETE
    assert {trial.state for trial in over} == {state}
    assert {trial.constraints["budget"] for trial in over} == {0.5}
    assert {t.constraints["budget"] for t in told if t not in over} == {0.0}
    best = {trial.params["fusion"] for trial in told.study.best_trials}
    assert best and "bga" not in best


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_failed_is_told_as_failed_and_the_search_goes_on(sampler, told):
    def look(candidate):
        is_bad = candidate.architecture.context.name == "none"
        return Outcome(values=None) if is_bad else good(candidate)

    assert len(labels(hunt(hunted(sampler, trials=9), look))) == 9
    states = {trial.params["context"]: trial.state for trial in told}
    assert states == {"none": TrialState.FAIL, "context_embedding": TrialState.COMPLETE}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_trial_is_left_running(sampler, told):
    hunt(hunted(sampler, trials=12, budget=Budget(gmacs=1.0)), over_if_bga)
    assert all(trial.state.is_finished() for trial in told.study.get_trials())


def test_objectives_are_told_in_their_order_and_direction(told):
    hunt(hunted(trials=4, objectives={"latency_ms": "min", "miou": "max"}))
    directions = [each.name for each in told.study.directions]
    assert directions == ["MINIMIZE", "MAXIMIZE"]


# From here on with real trials.

HEADS = with_heads(*(Part("seg", width=width) for width in (3, 4, 5, 6, 7, 8)))


def test_a_space_that_is_no_larger_than_its_search_is_enumerated(tmp_path):
    study = tiny(space=with_heads(Part("seg", width=3), Part("seg", width=4)))
    assert run(replace(study, search=Search(trials=2)), tmp_path) == (2, 0, 0, 0)
    assert [entry.answers for entry in open_ledger(tmp_path).plan("tiny")] == [{}, {}]
    assert run(study, tmp_path) == (0, 2, 0, 0), "the same trials as without a search"


def test_a_search_is_run_once_and_a_longer_one_goes_on(tmp_path):
    study = tiny(space=HEADS, search=Search(trials=3, sampler="random"), seeds=(0, 1))
    assert run(study, tmp_path) == (6, 0, 0, 0)
    first = rows(tmp_path)
    assert run(study, tmp_path) == (0, 6, 0, 0)
    assert rows(tmp_path) == first
    assert run(replace(study, search=Search(trials=5)), tmp_path) == (4, 6, 0, 0)
    assert {key: rows(tmp_path)[key] for key in first} == first
    assert len(rows(tmp_path)) == 10


MANY_LRS = replace(RECIPE, lr=loguniform(0.001, 0.1))
SIX = with_heads(*(Part("seg", width=width) for width in range(3, 9)))


def latencies(found):
    """The sessions and rounds of each network that was timed."""
    timed = {}
    for each in found.values():
        if each.get("latency_ms"):
            one = each["latency_session"], tuple(each["latency_rounds_ns"])
            timed.setdefault(each["params"], set()).add(one)
    return timed


def test_a_network_that_a_search_tries_by_several_recipes_is_timed_once(tmp_path):
    study = tiny(space=SIX, recipe=MANY_LRS, search=Search(trials=12))
    run(study, tmp_path)
    found = latencies(rows(tmp_path))
    assert {len(each) for each in found.values()} == {1}
    assert len({session for ((session, _),) in found.values()}) > 1, "several groups were timed"
    for trials in (12, 12, 16):  # the next run has all that it knows in one group
        heard = Heard()
        run(replace(study, search=Search(trials=trials)), tmp_path, progress=heard)
        now = latencies(rows(tmp_path))
        assert {params: now[params] for params in found} == found
        assert trials > 12 or heard.phases == []
    assert {len(each) for each in now.values()} == {1}


def test_a_search_that_was_cut_off_keeps_the_latencies_that_it_has(tmp_path):
    class Cut(Heard):
        def started(self, entry):
            if len(self.ended) == 6:
                raise KeyboardInterrupt
            super().started(entry)

    study = tiny(space=SIX, recipe=MANY_LRS, search=Search(trials=12))
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, progress=Cut())
    before = latencies(rows(tmp_path))
    run(study, tmp_path)
    after = latencies(rows(tmp_path))
    assert before and {params: after[params] for params in before} == before


class Untimed(InProcess):
    """A runner on which the largest network cannot be timed."""

    def call(self, function, *arguments):
        found = super().call(function, *arguments)
        if function is latencies_of:
            counts = arguments[0].counts
            most = max(counts, key=lambda key: counts[key]["params"])
            found.rows[most] = {"latency_error": "RuntimeError: never"}
        return found


@pytest.mark.parametrize("recipe", [RECIPE, MANY_LRS])
def test_one_that_cannot_be_timed_has_no_others_timed_again(tmp_path, recipe):
    space = with_heads(Part("seg", width=4), Part("seg", width=6))
    study = tiny(space=space, recipe=recipe, search=Search(trials=4))
    run(study, tmp_path, runner=Untimed())
    before = latencies(rows(tmp_path))
    assert len(before) == 1
    heard = Heard()
    run(study, tmp_path, progress=heard, runner=Untimed())
    assert latencies(rows(tmp_path)) == before and not heard.phases


def test_a_search_that_was_cut_off_is_finished_first(tmp_path):
    class Cut(Heard):
        def started(self, entry):
            if len(self.ended) == 2:
                raise KeyboardInterrupt
            super().started(entry)

    study = tiny(space=HEADS, search=Search(trials=5))
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, progress=Cut())
    planned = [entry.candidate for entry in open_ledger(tmp_path).plan("tiny")]
    assert len(planned) == 4
    heard = Heard()
    assert run(study, tmp_path, progress=heard) == (3, 2, 0, 0)
    assert [candidate for candidate, _ in heard.begun[:2]] == planned[2:]
    assert heard.num_planned == [(4, 2), (1, 0)]


def test_a_search_over_another_space_starts_anew(tmp_path):
    study = tiny(space=HEADS, search=Search(trials=2))
    run(study, tmp_path)
    other = replace(study, recipe=replace(RECIPE, lr=choice(0.01, 0.02)))
    assert run(other, tmp_path) == (2, 0, 0, 0)
    assert {name.split(", ")[1] for name, _ in rows(tmp_path)} <= {
        "recipe.lr=0.01",
        "recipe.lr=0.02",
    }


def test_a_search_lives_with_failures_and_budgets(tmp_path, odd):
    bad = [Part("odd", act=act) for act in ("refuse", "raise", "unbounded")]
    space = with_heads(*bad, Part("seg", width=4), Part("seg", width=400), Part("odd"))
    study = tiny(
        space=space,
        recipe=replace(RECIPE, steps=3, lr=uniform(0.01, 0.02)),
        search=Search(trials=12, sampler="tpe"),
        budget=Budget(params=20_000),
    )
    trained, cached, failed, rejected = run(study, tmp_path)
    states = {name.split("head=")[1].split(", recipe")[0]: row["state"]
              for (name, _), row in rows(tmp_path).items()}  # fmt: skip
    assert (trained + failed + rejected, cached) == (12, 0)
    assert {state for name, state in states.items() if "act" in name} == {"failed"}
    assert states["seg(width=400)"] == "rejected"
    assert states["seg(width=4)"] == states["odd"] == "done"


def test_one_network_under_two_names_is_proposed_once(tmp_path, odd):
    heads = (Part("odd"), Part("odd", act="nothing"), Part("odd", act="still nothing"))
    study = tiny(space=with_heads(*heads), search=Search(trials=3))
    assert run(study, tmp_path) == (2, 0, 0, 0)
    assert len({row["key"] for row in rows(tmp_path).values()}) == len(rows(tmp_path)) == 2
