"""Recipes: what is refused and how, and the papers' recipes against what they print."""

import inspect
import re
from dataclasses import replace

import pytest

from harness import Budget, Part, Recipe, Search, Study, Timing, choice
from harness.space import fillings
from harness.study import recipe_fields
from studies import recipes
from studies.papers.asked import RECIPE
from studies.recipes import V1_AUTHOR_CODE, V1_PAPER, V2_CAMVID, V2_PAPER

REFUSED = [
    ({"loss": "ohm"}, "unknown recipe.loss 'ohm'. Did you mean 'ohem'? Known: ce, ohem"),
    ({"class_weights": "even"}, "unknown recipe.class_weights 'even'. Known: None, balanced"),
    ({"optimizer": "adam"}, "unknown recipe.optimizer 'adam'. Did you mean 'adamw'?"),
    ({"decay": 5}, "unknown recipe.decay 5. Known: conv, all"),
    ({"schedule": "step"}, "unknown recipe.schedule 'step'. Known: poly, cosine"),
    ({"amp": "fp8"}, "unknown recipe.amp 'fp8'. Did you mean 'fp16'? Known: False, bf16, fp16"),
    ({"amp": 1}, "unknown recipe.amp 1."),
    ({"flip": 1}, "unknown recipe.flip 1. Known: False, True"),
    ({"compile": "yes"}, "unknown recipe.compile 'yes'."),
    ({"ema": 1.0}, "recipe.ema is a number below 1, not 1.0"),
    ({"ema": 0}, "recipe.ema is a number above 0, not 0"),
    ({"momentum": 1}, "recipe.momentum is a number below 1, not 1"),
    ({"clip_norm": 0}, "recipe.clip_norm is a number above 0, not 0"),
    ({"clip_norm": "1"}, "recipe.clip_norm is a number above 0, not '1'"),
    ({"new_layers_lr": None}, "recipe.new_layers_lr is a number above 0, not None"),
    ({"lr": float("inf")}, "recipe.lr is a number of at least 0, not inf"),
    ({"accumulate": 0}, "recipe.accumulate is a whole number of at least 1, not 0"),
    ({"accumulate": 3}, "recipe.accumulate=3 must cut recipe.batch=8 into equal parts of at least"),
    ({"accumulate": 8}, "recipe.accumulate=8 must cut recipe.batch=8 into equal parts of at least"),
    ({"schedule": "cosine", "power": 1.0}, "recipe.power is of schedule 'poly'"),
    ({"color_jitter": 0.5}, "recipe.color_jitter is None or three numbers of at least 0, of brigh"),
    ({"color_jitter": (0.5, 0.5)}, "recipe.color_jitter is None or three numbers"),
    ({"color_jitter": (0.5, -0.1, 0.5)}, "recipe.color_jitter is None or three numbers"),
    ({"color_jitter": (0.5, True, 0.5)}, "recipe.color_jitter is None or three numbers"),
    ({"scales": (1.0,)}, "recipe.scales is two numbers of at least 0.1, or a set of more, not"),
    ({"scales": (1.0, 2.0, 0)}, "recipe.scales is two numbers of at least 0.1, or a set"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_makes_no_sense_is_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as told:
        Recipe(**changes)
    assert len(str(told.value).splitlines()) == 1


def test_what_goes_together_is_checked_when_holes_are_filled():
    open_ones = Recipe(accumulate=choice(1, 2, 3), batch=choice(4, 8))
    with pytest.raises(ValueError, match=r"accumulate=3 must cut recipe.batch=4"):
        list(fillings(open_ones))


def test_a_list_of_strengths_is_a_tuple_and_no_jitter_is_the_default():
    assert Recipe(color_jitter=[0.5, 0, 1.5]).color_jitter == (0.5, 0, 1.5)
    assert Recipe().color_jitter is None
    assert {each.color_jitter for each in (V1_PAPER, V1_AUTHOR_CODE, V2_PAPER)} == {None}


def test_true_means_bf16():
    assert Recipe(amp=True) == Recipe(amp="bf16")


@pytest.mark.parametrize(
    ("record", "given", "nearest"),
    [
        (Recipe, "step", "steps"),
        (Budget, "gmac", "gmacs"),
        (Timing, "round", "rounds"),
        (Search, "trial", "trials"),
        (Study, "nam", "name"),
    ],
)
def test_a_field_that_is_not_there_is_answered_with_the_nearest(record, given, nearest):
    message = rf"unknown field of {record.__name__} '{given}'\. Did you mean '{nearest}'\? Known: "
    with pytest.raises(TypeError, match=message) as told:
        record(**{given: 1})
    assert len(str(told.value).splitlines()) == 1


def test_a_misspelt_change_is_answered_too():
    with pytest.raises(TypeError, match=r"unknown field of Recipe 'los'. Did you mean 'loss'"):
        replace(Recipe(), los="ce")


# V1 sections 3 and 4; the author's config.py and train.py; V2 section 5.
PRINTED = [
    (V1_PAPER, {"lr": 2.5e-2, "weight_decay": 1e-4, "loss": "ce", "new_layers_lr": 1.0}),
    (V1_PAPER, {"scales": (0.75, 1.0, 1.5, 1.75, 2.0), "crop": (1024, 1024)}),
    (V1_AUTHOR_CODE, {"lr": 1e-2, "weight_decay": 5e-4, "loss": "ohem", "new_layers_lr": 10.0}),
    (V1_AUTHOR_CODE, {"steps": 80_000, "crop": (1024, 1024)}),
    (V2_PAPER, {"lr": 5e-2, "weight_decay": 5e-4, "loss": "ohem", "decay": "conv"}),
    (V2_PAPER, {"steps": 150_000, "crop": (512, 1024)}),
    (V2_PAPER, {"dataset": Part("cityscapes", size=(512, 1024))}),
    (V2_CAMVID, {"dataset": Part("camvid"), "steps": 10_000, "weight_decay": 5e-4, "batch": 16}),
    (RECIPE, {"loss": "ce", "warmup_steps": 500, "amp": "bf16", "lr": 5e-2, "steps": 10_000}),
]


@pytest.mark.parametrize(("recipe", "printed"), PRINTED)
def test_the_papers_recipes_are_what_they_print(recipe, printed):
    assert {name: getattr(recipe, name) for name in printed} == printed
    assert (recipe.batch, recipe.momentum, recipe.power) == (16, 0.9, 0.9)
    assert (recipe.schedule, recipe.optimizer, recipe.flip) == ("poly", "sgd", True)


@pytest.mark.parametrize("name", ["V1_PAPER", "V1_AUTHOR_CODE", "V2_PAPER"])
def test_every_field_of_a_papers_recipe_is_written_out_with_its_source(name):
    code = inspect.getsource(recipes).split(f"\n{name} = Recipe(\n")[1].split("\n)\n")[0]
    written = re.findall(r"^    (\w+)=.+,  # \S", code, flags=re.MULTILINE)
    assert set(written) == set(recipe_fields()) - {"compile"}  # which changes no result on purpose
    assert len(written) == len(code.splitlines())
