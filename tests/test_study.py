"""A study is checked when it is written, and the shapes of a study give what they say."""

from dataclasses import FrozenInstanceError, replace

import pytest

from harness import (
    Architecture,
    Budget,
    Part,
    Recipe,
    Search,
    Study,
    Timing,
    choice,
    grid,
    loguniform,
    one_at_a_time,
)
from harness.papers import PaperTable, Published
from harness.space import fillings

NET = Architecture(detail="d", semantic="s", context="c", fusion="bga", aux_heads="every_stage")


def study(**changes):
    return Study(**{"name": "it", "question": "Does it?", "space": NET, **changes})


def test_one_at_a_time_is_the_baseline_and_one_change_each():
    variants = one_at_a_time(NET, fusion=["sum", Part("ffm", reduction=2)], aux_heads="none")
    assert variants.items == (
        ("baseline", NET),
        ("fusion=sum", replace(NET, fusion="sum")),
        ("fusion=ffm(reduction=2)", replace(NET, fusion=Part("ffm", reduction=2))),
        ("aux_heads=none", replace(NET, aux_heads="none")),
    )


def test_one_at_a_time_changes_several_parts_under_one_name():
    alone = {"semantic": "none", "context": "none", "fusion": "none"}
    variants = one_at_a_time(NET, detail_only=alone)
    assert variants.items[1] == ("detail only", replace(NET, **alone))


def test_one_at_a_time_refuses_a_misspelt_part():
    with pytest.raises(ValueError, match=r"unknown part 'fussion'. Did you mean 'fusion'\?"):
        one_at_a_time(NET, fussion="sum")
    with pytest.raises(ValueError, match="in 'detail_only': unknown part 'semantics'"):
        one_at_a_time(NET, detail_only={"semantics": "none"})


def test_grid_opens_the_parts_it_names_and_no_other():
    space = grid(NET, fusion=["sum", "bga"], aux_heads=["none", "every_stage"])
    pairs = [(each.fusion.name, each.aux_heads.name) for _, each in fillings(space)]
    assert pairs == [
        ("sum", "none"),
        ("sum", "every_stage"),
        ("bga", "none"),
        ("bga", "every_stage"),
    ]
    assert replace(space, fusion=NET.fusion, aux_heads=NET.aux_heads) == NET


def test_grid_refuses_a_misspelt_part():
    with pytest.raises(ValueError, match=r"in 'grid': unknown part 'heads'. Did you mean 'head'\?"):
        grid(NET, heads=["seg"])


def test_a_study_has_defaults_that_make_it_whole():
    plain = study()
    assert plain.objectives == {"miou": "max", "latency_ms": "min"}
    assert (plain.seeds, plain.recipe, plain.budget) == ((0,), Recipe(), Budget())


def test_a_study_does_not_change():
    with pytest.raises(FrozenInstanceError):
        study().name = "other"
    objectives = {"miou": "max"}
    written = study(objectives=objectives, seeds=[1, 2])
    objectives["gmacs"] = "min"
    assert written.objectives == {"miou": "max"}
    assert written.seeds == (1, 2)


PRINTED = Published(label="it", source="Here, Table 1", dataset="", figures={"miou": 0.5})


def test_a_study_keeps_the_published_rows_it_is_given():
    assert study().published == ()
    assert study(published=[PRINTED]).published == (PRINTED,)


REFUSED = [
    ({"name": " "}, ValueError, "a study needs a name"),
    ({"space": "bisenetv2"}, TypeError, "not str"),
    ({"seeds": ()}, ValueError, "one or more different numbers"),
    ({"seeds": (1, 1)}, ValueError, r"not \(1, 1\)"),
    ({"published": PRINTED}, TypeError, "Published rows, .* in .rows, not Published"),
    (
        {"published": PaperTable(name="it:1", title="It", rows=(PRINTED,))},
        TypeError,
        "as a PaperTable has in .rows, not PaperTable",
    ),
    ({"published": "bisenetv2:2"}, TypeError, "not str"),
    ({"published": (PRINTED, {"miou": 0.5})}, TypeError, r"not {'miou': 0.5}"),
    ({"objectives": {}}, ValueError, "at least one objective"),
    ({"objectives": {"mIoU": "max"}}, ValueError, "'mIoU'. Did you mean 'miou'"),
    ({"objectives": {"miou": "min"}}, ValueError, "objective 'miou' is 'max', not 'min'"),
    (
        {"space": one_at_a_time(NET), "search": Search(trials=3)},
        ValueError,
        "a search needs an Architecture with holes",
    ),
]


@pytest.mark.parametrize(("changes", "error", "message"), REFUSED)
def test_a_study_that_makes_no_sense_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        study(**changes)


WRONG_RECIPES = [
    ({"crop": (16, 64)}, "recipe.crop is two whole numbers of at least 32"),
    ({"crop": 64}, "recipe.crop is two whole numbers"),
    ({"crop": (64, 64, 3)}, "recipe.crop is two whole numbers"),
    ({"scales": (0.0, 2.0)}, "recipe.scales is two numbers of at least 0.1"),
    ({"crop": (64.0, 64.0)}, "recipe.crop is two whole numbers of at least 32"),
    ({"steps": 1.5}, "recipe.steps is a whole number of at least 1, not 1.5"),
    ({"steps": 0}, "recipe.steps is a whole number of at least 1, not 0"),
    ({"batch": 1}, "recipe.batch is a whole number of at least 2, not 1"),
    ({"lr": -0.1}, "recipe.lr is a number of at least 0"),
    ({"lr": "0.1"}, "recipe.lr is a number"),
    ({"lr": float("nan")}, "recipe.lr is a number of at least 0, not nan"),
    ({"momentum": True}, "recipe.momentum is a number"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_RECIPES)
def test_a_recipe_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)


def test_a_recipe_takes_holes_and_lists_and_names():
    recipe = Recipe(dataset="camvid", crop=[64, 96], lr=loguniform(1e-3, 1e-1), batch=choice(4, 8))
    assert recipe.dataset == Part("camvid")
    assert recipe.crop == (64, 96)


def test_a_hole_of_a_recipe_is_checked_when_it_is_filled():
    with pytest.raises(ValueError, match=r"recipe.batch is a whole number of at least 2, not 1"):
        list(fillings(Recipe(batch=choice(8, 1))))


def test_a_data_set_is_a_name_or_a_part():
    with pytest.raises(TypeError, match=r"recipe.dataset is a name or a Part, not 3"):
        Recipe(dataset=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Search(trials=0), "search.trials must be at least 1, not 0"),
        (lambda: Search(trials=1, sampler="tpee"), "unknown sampler 'tpee'. Did you mean 'tpe'"),
        (lambda: Timing(boundary="label"), "unknown boundary 'label'. Did you mean 'labels_full'"),
        (lambda: Timing(rounds=0), "timing.rounds must be at least 1, not 0"),
        (lambda: Timing(most_rounds=5), "timing.most_rounds=5 is below timing.rounds=12"),
        (lambda: Timing(target=0), "timing.target is a number above 0, not 0"),
        (lambda: Timing(boundary_in="host"), "unknown boundary_in 'host'. Did you mean 'host_u8'"),
        (lambda: Timing(figures="t_e2"), "unknown figure of time 't_e2'. Did you mean 't_e2e'"),
        (lambda: Timing(figures=()), "timing.figures are one or more different ones"),
        (lambda: Timing(figures="t_gpu", boundary_in="host_u8"), "t_gpu is time on the device"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_whole_network_may_stand_beside_the_baseline():
    whole = Architecture(detail="none", semantic="enet")
    items = dict(one_at_a_time(NET, fusion="sum", the_enet=whole).items)
    assert items["the enet"] is whole and len(items) == 3
    with pytest.raises(ValueError, match="a dict of parts or an Architecture, not 'enet'"):
        one_at_a_time(NET, rival="enet")
    with pytest.raises(ValueError, match="fusion has no alternative"):
        one_at_a_time(NET, fusion=[])


@pytest.mark.parametrize("seeds", [3, "012", None])
def test_seeds_are_several_numbers(seeds):
    with pytest.raises(TypeError, match=r"study\.seeds are one or more numbers"):
        Study(name="it", question="?", space=NET, seeds=seeds)


def test_a_notebook_shows_a_space_by_its_parts_and_a_variant_by_what_it_changes():
    variants = one_at_a_time(NET, fusion="concat", **{"<b>": {"context": "none"}})
    shown = study(space=variants)._repr_html_()
    assert "Architecture(" not in shown and "baseline: fusion" in shown
    assert "&lt;b&gt;</td>" in shown and ">context=none</td>" in shown
    shown = study(space=replace(NET, fusion=choice("sum", "concat")))._repr_html_()
    assert ">choice(sum, concat)</td>" in shown
