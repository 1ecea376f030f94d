"""A study's plan: every candidate once, under a name of its own, in the order it was written."""

import json
from dataclasses import replace
from itertools import islice

import pytest
from tiny import ALONE, BOTH, DATA, RECIPE, TIMING, run, session, tiny

from harness import Budget, Part, Search, choice, loguniform, one_at_a_time, space
from harness.figures import over_budget
from harness.ledger import open_ledger
from harness.missing import is_small
from harness.papers import Published
from harness.plan import candidates, definition
from reports.published import published

DETAIL_ONLY = {"semantic": "none", "context": "none", "fusion": "none", "aux_heads": "none"}
FUSIONS = replace(BOTH, fusion=choice("sum", Part("ffm", reduction=choice(2, 4)), "bga"))


def planned(**changes):
    return list(candidates(tiny(**changes)))


def labels(**changes):
    return [each.label for each in planned(**changes)]


def test_without_a_hole_there_is_one_candidate():
    (only,) = planned(space=BOTH)
    assert (only.label, only.factors, only.baseline) == ("the only candidate", {}, False)
    assert (only.architecture, only.recipe) == (BOTH, RECIPE)


def test_one_hole_names_its_candidates_by_the_answer_alone():
    assert labels(space=replace(BOTH, fusion=choice("sum", Part("bga", width=8)))) == [
        "sum",
        "bga(width=8)",
    ]


def test_a_hole_inside_an_alternative_is_open_only_there():
    found = planned(space=FUSIONS)
    assert [each.factors for each in found] == [
        {"fusion": "sum"},
        {"fusion": "ffm", "fusion.ffm.reduction": "2"},
        {"fusion": "ffm", "fusion.ffm.reduction": "4"},
        {"fusion": "bga"},
    ]
    assert found[1].label == "fusion=ffm, fusion.ffm.reduction=2"
    assert found[1].architecture.fusion == Part("ffm", reduction=2)


def test_a_recipe_may_be_open_too():
    recipe = replace(RECIPE, lr=choice(0.1, 0.00012345), crop=choice([32, 32], [32, 64]))
    found = planned(recipe=recipe)
    assert [(each.recipe.crop, each.recipe.lr) for each in found] == [
        ((32, 32), 0.1),
        ((32, 32), 0.00012345),
        ((32, 64), 0.1),
        ((32, 64), 0.00012345),
    ]
    assert found[1].factors == {"recipe.crop": "(32, 32)", "recipe.lr": "0.0001234"}


def test_the_data_may_be_open_in_its_options():
    found = planned(recipe=replace(RECIPE, dataset=DATA.replace(train=choice(4, 8))))
    assert [each.factors for each in found] == [
        {"recipe.dataset.streets.train": "4"},
        {"recipe.dataset.streets.train": "8"},
    ]


def test_one_at_a_time_has_a_baseline_and_a_factor_for_what_changed():
    variants = one_at_a_time(BOTH, fusion=["sum", "concat"], detail_only=DETAIL_ONLY)
    found = planned(space=variants)
    assert [(each.label, each.factors, each.baseline) for each in found] == [
        ("baseline", {}, True),
        ("fusion=sum", {"change": "fusion=sum"}, False),
        ("fusion=concat", {"change": "fusion=concat"}, False),
        ("detail only", {"change": "detail only"}, False),
    ]


def test_variants_cross_with_the_holes_of_a_recipe():
    found = planned(
        space=one_at_a_time(BOTH, fusion="sum"), recipe=replace(RECIPE, lr=choice(0.1, 0.2))
    )
    assert [(each.label, each.baseline) for each in found] == [
        ("baseline, recipe.lr=0.1", True),
        ("baseline, recipe.lr=0.2", True),
        ("fusion=sum, recipe.lr=0.1", False),
        ("fusion=sum, recipe.lr=0.2", False),
    ]


BRANCH = Part("semantic_branch")
SAME = {
    "a default written out": replace(BOTH, semantic=choice(BRANCH, BRANCH.replace(depth=1))),
    "the baseline changed to itself": one_at_a_time(BOTH, fusion="bga"),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_candidate_twice_is_refused(case):
    with pytest.raises(ValueError, match=r"candidates '.*' and '.*' are the same network"):
        planned(space=SAME[case])


def test_two_candidates_of_one_name_are_refused():
    recipe = replace(RECIPE, lr=choice(0.100001, 0.100002))
    with pytest.raises(ValueError, match=r"two candidates are both called '0\.1'"):
        planned(recipe=recipe)


def test_a_range_cannot_be_enumerated():
    with pytest.raises(ValueError, match=r"lr is loguniform\(0.001, 0.1\), which only search"):
        planned(recipe=replace(RECIPE, lr=loguniform(1e-3, 1e-1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fusion": "bgaa"}, r"unknown fusion 'bgaa'\. Did you mean 'bga'\?"),
        ({"head": Part("seg", widht=4)}, r"option of head 'seg': 'widht'\. Did you mean 'width'\?"),
        ({"fusion": choice("sum", "fmf")}, "unknown fusion 'fmf'.*'ffm'"),
    ],
)
def test_a_part_or_an_option_that_is_not_known_is_refused(changes, message):
    with pytest.raises(KeyError, match=message):
        planned(space=replace(BOTH, **changes))


def test_a_trial_of_each_seed_shares_its_candidate_s_figures(tmp_path):
    ran = session(tiny(space=FUSIONS, seeds=(3, 1)), tmp_path)
    trials = [
        each for group in ran._propose() for proposal in group for each in ran._trials(proposal)
    ]
    entries = [trial.entry for trial in trials]
    assert [entry.seed for entry in entries] == [3, 1] * 4
    assert len({entry.key for entry in entries}) == 8
    assert len({entry.cost_key for entry in entries}) == 4
    assert len({entry.latency_key for entry in entries}) == 4
    assert entries[2].parts["fusion"] == "ffm(reduction=2)"
    assert dict(trials[0].architecture.fusion.options) == {"width": None}, "options written out"


def test_a_definition_holds_what_a_report_needs_and_knows_its_space():
    first = definition(tiny(budget=Budget(gmacs=0.5)))
    assert (first["name"], first["budget"]) == ("tiny", {"gmacs": 0.5})
    assert first["objectives"] == {"miou": "max", "latency_ms": "min"}
    same = definition(tiny(seeds=(0, 1), budget=Budget(params=3), timing=replace(TIMING, rounds=9)))
    assert same["space"] == first["space"]
    assert definition(tiny(space=FUSIONS))["space"] != first["space"]
    assert definition(tiny(recipe=replace(RECIPE, lr=1.0)))["space"] != first["space"]


PRINTED = Published(
    label="bga",
    source="Here, Table 2",
    dataset="Cityscapes val",
    figures={"miou": 0.6967, "gmacs": 21.15},
    size=(1024, 2048),
    counted_at=(512, 1024),
    device="GTX 1080 Ti",
    protocol="one scale",
    iou={"road": 0.9},
    note="wider",
)


def test_a_definition_holds_the_published_rows_as_a_report_shows_them():
    stored = json.loads(json.dumps(definition(tiny(published=(PRINTED,)))))
    assert published(stored) == (replace(PRINTED, iou={}),)
    assert definition(tiny())["published"] == []


def test_published_rows_change_no_trial_and_reach_the_ledger(tmp_path):
    shown = tiny(published=(PRINTED, replace(PRINTED, label="sum")))
    assert definition(shown)["space"] == definition(tiny())["space"]
    first = run(tiny(), tmp_path)
    plan = open_ledger(tmp_path).plan("tiny")
    assert (first, run(shown, tmp_path)) == ((1, 0, 0, 0), (0, 1, 0, 0))
    assert open_ledger(tmp_path).plan("tiny") == plan
    assert len(published(open_ledger(tmp_path).study("tiny"))) == 2


@pytest.mark.parametrize(
    ("budget", "figures", "over"),
    [
        (Budget(), {"gmacs": 9.0}, None),
        (Budget(gmacs=1.0), {"gmacs": 1.0}, None),
        (Budget(gmacs=1.0), {}, None),
        (Budget(gmacs=1.0), {"gmacs": 1.5}, ("over budget: gmacs 1.5 > 1", 0.5)),
        (Budget(latency_ms=4), {"latency_ms": 5.0}, ("over budget: latency_ms 5 > 4", 0.25)),
        (Budget(params=100, activations=1), {"params": 99, "activations": 3},
         ("over budget: activations 3 > 1", 2.0)),
        (Budget(params=300_000), {"params": 450_000},
         ("over budget: params 450,000 > 300,000", 0.5)),
    ],
)  # fmt: skip
def test_a_budget_is_an_upper_bound(budget, figures, over):
    assert over_budget(budget, figures) == over


@pytest.mark.parametrize("bound", [0, -1.0, "1", float("nan")])
def test_a_budget_that_bounds_nothing_is_refused(bound):
    with pytest.raises(ValueError, match=r"budget.gmacs is a number above 0, not"):
        Budget(gmacs=bound)


VAST = replace(
    ALONE,
    head=Part("seg", width=choice(*range(4, 104))),
    detail=Part("detail_branch", width=choice(*range(4, 1004))),
    aux_heads=Part("every_stage", width=choice(*range(4, 1004))),
)
"""A hundred million candidates."""


class Counted:
    """Notes how often a space is filled."""

    def __init__(self, monkeypatch):
        self.times = 0
        monkeypatch.setattr("harness.space._Walk", self.walk)

    def walk(self, start, walk=space._Walk):
        self.times += 1
        return walk(start)


def test_candidates_of_a_vast_space_are_made_as_they_are_asked_for(monkeypatch):
    counted = Counted(monkeypatch)
    first = list(islice(candidates(tiny(space=VAST)), 5))
    assert [each.factors["aux_heads.every_stage.width"] for each in first] == [*"45678"]
    assert counted.times == 5


def test_a_search_looks_at_no_more_of_its_space_than_it_may_try(monkeypatch):
    counted = Counted(monkeypatch)
    assert not is_small(tiny(space=VAST, search=Search(trials=20)))
    assert counted.times == 21
