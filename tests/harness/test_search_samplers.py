"""Samplers by name and by object, what is tried first, and the search that knows costs."""

import functools
from dataclasses import replace

import numpy as np
import optuna
import pytest
from tiny import ALONE, BOTH, RECIPE, Heard, rows, run, tiny

from harness import Budget, Part, Search, choice, integer, loguniform, uniform
from harness.ledger import open_ledger
from harness.mistakes import is_users
from harness.runners.process import Points, Process, expected_improvement
from harness.runners.proposals import Outcome
from harness.runners.search import generations

FFM = Part("ffm", reduction=choice(2, 4, 8))
OPEN = replace(
    BOTH, fusion=choice("sum", "concat", FFM, "bga"), context=choice("none", "context_embedding")
)


def hunted(sampler="tpe", trials=8, **changes):
    search = Search(trials=trials, sampler=sampler, enqueue=changes.pop("enqueue", ()))
    return tiny(**{"space": OPEN, "search": search, **changes})


def good(candidate):
    dear = len(str(candidate.architecture.fusion)) + len(candidate.architecture.context.name)
    return Outcome(values=(dear / 40, dear + 1.0))


def price(candidate):
    return {"gmacs": good(candidate).values[1], "params": 1.0}


def hunt(study, look=good, prior=(), size=4, told=None):
    """All that a search proposes, in order."""
    return [each for group in generations(study, list(prior), look, size, told) for each in group]


def labels(found):
    return [each.candidate.label for each in found]


SAMPLERS = ("tpe", "nsga2", "random", "front")


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("cut", [4, 8])
def test_a_search_that_was_cut_off_proposes_what_it_would_have_proposed(sampler, cut):
    study = hunted(
        sampler, trials=16, recipe=replace(RECIPE, lr=loguniform(0.01, 0.1)), budget=Budget(gmacs=9)
    )
    whole = hunt(study)
    prior = [each.answers for each in whole[:cut]]
    assert hunt(study, prior=prior) == whole
    assert len(set(labels(whole))) == 16


def test_one_network_under_two_names_is_proposed_once():
    """An option that is written out and is the default is the same network by another name."""
    heads = choice(Part("seg"), Part("seg", width=128), Part("seg", width=8))
    study = tiny(space=replace(ALONE, head=heads), search=Search(trials=3, sampler="random"))
    found = hunt(study)
    assert len({each.key for each in found}) == len(found) == 2


BY_OBJECT = {
    "object": lambda: optuna.samplers.TPESampler(seed=3),
    "points": lambda: optuna.samplers.QMCSampler(seed=3, warn_independent_sampling=False),
    "brute": lambda: optuna.samplers.BruteForceSampler(seed=1),
    "class": lambda: optuna.samplers.TPESampler,
    "partial": lambda: functools.partial(optuna.samplers.NSGAIIISampler, population_size=4),
    "function": lambda: lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


@pytest.mark.parametrize("make", BY_OBJECT.values(), ids=BY_OBJECT)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_of_optuna_may_be_given(make):
    study = hunted(make(), trials=7)
    found = hunt(study)
    assert len(found) == len(set(labels(found))) == 7
    again = hunt(study, prior=[each.answers for each in found[:4]])
    assert again[:4] == found[:4] and len(set(labels(again))) == 7


def test_a_study_with_a_sampler_by_object_is_kept_by_its_name(tmp_path):
    heads = choice(*(Part("seg", width=width) for width in (3, 4, 5)))
    sampler = functools.partial(optuna.samplers.TPESampler, n_startup_trials=1)
    study = tiny(space=replace(ALONE, head=heads), search=Search(trials=2, sampler=sampler))
    assert run(study, tmp_path) == (2, 0, 0, 0)
    assert open_ledger(tmp_path).study("tiny")["search"]["sampler"] == "TPESampler"
    longer = replace(
        study, search=replace(study.search, trials=4, enqueue=[{"head": "seg(width=5)"}])
    )
    assert run(longer, tmp_path)[:2] == (1, 2), "the space has three, so all are enumerated"


def test_what_makes_no_sampler_is_said():
    with pytest.raises(TypeError, match="made a int, not a sampler"):
        hunt(hunted(lambda seed: seed))
    with pytest.raises(TypeError, match="sampler is one of tpe, nsga2"):
        Search(trials=3, sampler=4)
    with pytest.raises(ValueError, match="Did you mean"):
        Search(trials=3, sampler="tpee")


def test_a_sampler_is_given_holes_by_the_names_that_a_study_writes():
    fixed = {"fusion": "bga", "recipe.lr": 0.02}
    chance = optuna.samplers.RandomSampler(seed=1)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        sampler = optuna.samplers.PartialFixedSampler(fixed, chance)
    recipe = replace(RECIPE, lr=loguniform(0.01, 0.1))
    for each in hunt(hunted(sampler, trials=2, recipe=recipe)):
        assert (each.candidate.architecture.fusion.name, each.candidate.recipe.lr) == ("bga", 0.02)


REFUSING = {
    "infinite": (optuna.samplers.BruteForceSampler, "cannot search this study: .*infinite"),
    "not told what": (optuna.samplers.GridSampler, "cannot be made from .*search_space"),
    "of other holes": (
        optuna.samplers.GridSampler({"fusions": ["sum"]}),
        "cannot search this study: ValueError: The parameter name, context",
    ),
}


@pytest.mark.parametrize(("sampler", "said"), REFUSING.values(), ids=REFUSING)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_what_a_sampler_cannot_search_is_the_users_mistake(sampler, said):
    study = hunted(sampler, recipe=replace(RECIPE, lr=loguniform(0.01, 0.1)))
    with pytest.raises(ValueError, match=said) as refused:
        hunt(study)
    assert is_users(refused.value)


# What is tried first.

FIRST = (
    {"fusion": "ffm", "fusion.ffm.reduction": 8, "context": "none"},
    replace(BOTH, fusion="bga", context="none"),
    replace(BOTH, fusion=Part("ffm", reduction=2)),
    {"fusion": "concat"},
)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_enqueued_comes_first_and_what_it_leaves_open_is_filled(sampler):
    found = hunt(hunted(sampler, trials=8, enqueue=FIRST), size=3)
    fusions = [str(each.candidate.architecture.fusion) for each in found[:4]]
    assert fusions == ["ffm(reduction=8)", "bga", "ffm(reduction=2)", "concat"]
    contexts = [each.candidate.architecture.context.name for each in found[:3]]
    assert contexts == ["none", "none", "context_embedding"]
    assert len(set(labels(found))) == 8


def test_what_is_enqueued_survives_a_restart_and_is_not_tried_twice(tmp_path):
    class Cut(Heard):
        def started(self, entry):
            if len(self.ended) == 1:
                raise KeyboardInterrupt
            super().started(entry)

    space = replace(ALONE, head=Part("seg", width=integer(3, 9)))
    first = [{"head.seg.width": width} for width in (9, 8, 7, 6, 5)]
    study = tiny(space=space, search=Search(trials=6, sampler="random", enqueue=first))
    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, progress=Cut())
    assert run(study, tmp_path) == (5, 1, 0, 0)
    assert [name for name, _ in rows(tmp_path)][:5] == ["9", "8", "7", "6", "5"]
    assert run(study, tmp_path) == (0, 6, 0, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fusoin": "sum"}, "unknown hole 'fusoin'. Did you mean 'fusion'"),
        ({"fusion": "sun"}, "unknown fusion 'sun'. Did you mean 'sum'"),
        ({"recipe.lr": 0.5}, "recipe.lr=0.5 is not within uniform"),
        (replace(BOTH, fusion="none"), "fusion none is not in the study's space"),
        (replace(BOTH, detail=Part("detail_branch", width=5)), "detail detail_branch"),
    ],
)
def test_what_cannot_be_tried_first_is_said(given, said):
    recipe = replace(RECIPE, lr=uniform(0.01, 0.1))
    with pytest.raises(ValueError, match="enqueue") as raised:
        hunt(hunted(recipe=recipe, enqueue=[given]))
    assert said in str(raised.value)


# The search that knows costs.


def test_costs_known_first_find_the_front_sooner_than_chance():
    """Of 256 recipes with known costs, accuracy one sum of them: the front has 17 points."""
    heads = choice(*(Part("seg", width=width) for width in range(3, 67)))
    space = replace(ALONE, head=heads, aux_heads=choice("none", Part("every_stage", width=4)))

    def cost(candidate):
        return {"gmacs": float(dict(candidate.architecture.head.options)["width"]), "params": 1.0}

    def look(candidate):
        is_helped = candidate.architecture.aux_heads.name != "none"
        width = cost(candidate)["gmacs"]
        return Outcome(values=(np.log(width) / 9 + 0.2 * is_helped, width))

    def helped(sampler, seed):
        aims = {"miou": "max", "gmacs": "min"}
        search = Search(trials=16, sampler=sampler, seed=seed)
        study = tiny(space=space, objectives=aims, search=search)
        found = hunt(study, look, told=cost)
        return sum(each.candidate.architecture.aux_heads.name != "none" for each in found)

    ours, chance = ([helped(sampler, seed) for seed in range(3)] for sampler in ("front", "random"))
    assert min(ours) > max(chance)


def test_what_is_over_budget_or_cannot_be_built_is_not_proposed():
    def counted(candidate):
        broken = candidate.architecture.context.name == "none"
        return None if broken else {"gmacs": 2.0 * (candidate.architecture.fusion.name == "bga")}

    study = hunted("front", trials=3, budget=Budget(gmacs=1.0))
    found = hunt(study, told=counted)
    assert {each.candidate.architecture.context.name for each in found} == {"context_embedding"}
    assert "bga" not in {each.candidate.architecture.fusion.name for each in found}


@pytest.mark.parametrize("values", [None, (float("nan"), 1.0)])
def test_the_model_lives_with_failures_and_with_ranges(values):
    space = replace(ALONE, head=Part("seg", width=integer(3, 40)))
    recipe = replace(RECIPE, lr=loguniform(1e-3, 1e-1))
    study = tiny(space=space, recipe=recipe, search=Search(trials=14, sampler="front"))

    def look(candidate):
        is_bad = candidate.recipe.lr > 0.02
        return Outcome(values=values) if is_bad else Outcome(values=(candidate.recipe.lr, 1.0))

    found = hunt(study, look)
    assert len(set(labels(found))) == 14


def test_a_front_of_no_accuracy_is_refused():
    with pytest.raises(ValueError, match="no objective of the study is one"):
        hunt(hunted("front", objectives={"gmacs": "min"}))


def test_a_search_for_the_front_runs(tmp_path):
    space = replace(ALONE, head=Part("seg", width=integer(3, 40)))
    study = tiny(space=space, search=Search(trials=6, sampler="front"))
    assert run(study, tmp_path) == (6, 0, 0, 0)
    widths = [int(name) for name, _ in rows(tmp_path)]
    assert widths[0] < 6 and widths[1] > 36, "the cheapest first, then the dearest"


def test_the_model_interpolates_and_doubts_what_is_far():
    answers = np.array([[2.0, 2.0], [2.0, 3.0], [3.0, 2.0], [3.0, 3.0]])
    values = np.array([0.0, 1.0, 1.0, 2.0])
    model = Process(Points(answers=answers, costs=np.zeros((4, 1))), values)
    mean, spread = model.foresee(
        Points(answers=np.vstack([answers, [[9.0, 9.0]]]), costs=np.zeros((5, 1)))
    )
    assert np.allclose(mean[:4], values, atol=0.3)
    assert spread[4] > 2 * spread[:4].max()


def test_expected_improvement_is_that_of_many_draws():
    rng = np.random.default_rng(0)
    for mean, spread, best in ((0.0, 1.0, 0.5), (1.0, 0.3, 0.0), (-1.0, 0.5, 0.0)):
        drawn = np.maximum(rng.normal(mean, spread, 200_000) - best, 0).mean()
        told = expected_improvement(np.array([mean]), np.array([spread]), np.array([best]))
        assert told[0] == pytest.approx(drawn, abs=5e-3)
