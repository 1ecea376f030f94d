"""A trial's key is a hash of everything that can change its result, and of nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from tiny import BOTH, RECIPE, tiny

from harness import Budget, Part, Rungs, Scoring, Timing, choice, plan
from harness.data.dataset import LabelMap
from harness.keys import key_of, plain
from harness.plan import Candidate, candidates, resolve, timed_together, trials_of
from harness.study import recipe_fields

SCENES = SimpleNamespace(
    label_map=LabelMap(name="two", classes=("a", "b")), size=(32, 64), fingerprint=lambda: "scenes"
)


def entry(*, architecture=BOTH, recipe=RECIPE, dataset=SCENES, device="a CPU", **changes):
    """The ledger's entry of the first seed of a candidate."""
    candidate = Candidate(label="it", factors={}, architecture=architecture, recipe=recipe)
    return trials_of(tiny(**changes), candidate, dataset, device, {})[0].entry


def test_a_key_does_not_depend_on_the_order_of_what_it_is_made_of():
    assert key_of(a=1, b={"c": 2, "d": 3}) == key_of(b={"d": 3, "c": 2}, a=1)
    assert Part("seg", a=1, b=2) == Part("seg", b=2, a=1)
    assert key_of(part=Part("seg", a=1, b=2)) == key_of(part=Part("seg", b=2, a=1))
    assert len(key_of(a=1)) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": "1"}),
        ({"a": (1, 2)}, {"a": (2, 1)}),
        ({"a": None}, {}),
    ],
)
def test_what_differs_has_another_key(one, other):
    assert key_of(**one) != key_of(**other)


def test_a_number_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        key_of(lr=float("nan"))


def test_values_are_written_as_json_has_them():
    part = Part("bga", width=8, names=("a", "b"))
    assert plain(part) == {"name": "bga", "options": {"width": 8, "names": ["a", "b"]}}
    assert plain(Timing(size=(2, 3)))["size"] == [2, 3]


OTHER_RECIPES = {
    "dataset": Part("streets", train=5),
    "crop": (32, 64),
    "steps": 3,
    "batch": 3,
    "lr": 0.06,
    "momentum": 0.8,
    "weight_decay": 1e-4,
    "power": 1.0,
    "warmup_steps": 2,
    "scales": (0.5, 2.0),
    "flip": False,
    "color_jitter": (0.4, 0.4, 0.4),
    "aux_weight": 0.5,
    "amp": "bf16",
    "loss": "ohem",
    "class_weights": "balanced",
    "optimizer": "adamw",
    "new_layers_lr": 10.0,
    "decay": "all",
    "schedule": "cosine",
    "ema": 0.99,
    "clip_norm": 1.0,
    "accumulate": 2,
    "compile": True,
}


def test_every_field_of_a_recipe_is_tried():
    assert set(OTHER_RECIPES) == set(recipe_fields())


@pytest.mark.parametrize("name", recipe_fields())
def test_every_field_of_a_recipe_changes_the_key_of_the_trial_alone(name):
    recipe = replace(RECIPE, batch=4)  # two parts of two images
    one, other = entry(recipe=recipe), entry(recipe=replace(recipe, **{name: OTHER_RECIPES[name]}))
    assert other.key != one.key
    assert (other.cost_key, other.latency_key) == (one.cost_key, one.latency_key)


OPTIONS = [
    (kind, *option) for kind, part in resolve(BOTH).parts().items() for option in part.options
]
OTHER_VALUES = {
    "expand_in": "dwconv",
    "gather_kernel": 1,
    "stem": "sum",
    "upsample": "deferred",
}


def other_than(name, value):
    if isinstance(value, bool):
        return not value
    return OTHER_VALUES[name] if name in OTHER_VALUES else (value or 7) + 1


@pytest.mark.parametrize(("kind", "name", "value"), OPTIONS)
def test_every_option_of_a_part_changes_every_key(kind, name, value):
    part = BOTH.parts()[kind].replace(**{name: other_than(name, value)})
    other = entry(architecture=replace(BOTH, **{kind: part}))
    assert other.key != entry().key
    assert other.cost_key != entry().cost_key
    assert other.latency_key != entry().latency_key


def test_an_option_written_out_is_the_same_as_its_default():
    written = replace(BOTH, semantic=BOTH.semantic.replace(depth=1, expand_in="conv"))
    assert entry(architecture=written).key == entry().key


def test_data_seed_and_protocol_change_the_key_of_the_trial_alone(monkeypatch):
    first = entry()
    others = [entry(dataset=SimpleNamespace(**{**vars(SCENES), "fingerprint": lambda: "new"}))]
    others.append(entry(seeds=(1,)))
    monkeypatch.setattr(plan, "TRAINING_PROTOCOL", 99)
    others.append(entry())
    assert len({first.key, *(other.key for other in others)}) == 4
    assert {other.cost_key for other in others} == {first.cost_key}
    assert {other.latency_key for other in others} == {first.latency_key}


def test_the_source_of_the_parts_changes_every_key(monkeypatch):
    first = entry()
    monkeypatch.setattr(plan, "source_digest", lambda *classes: "edited")
    edited = entry()
    assert edited.key != first.key
    assert edited.cost_key != first.cost_key
    assert edited.latency_key != first.latency_key


OTHER_TIMINGS = {
    "boundary": "logits_full",
    "boundary_in": "host_u8",
    "figures": ("t_thr",),
    "batch": 2,
    "images": 2,
    "warmup": 2,
    "warmup_s": 2.0,
    "rounds": 2,
    "most_rounds": 9,
    "burst": 2,
    "burst_ms": 9.0,
    "target": 0.5,
    "limit_s": 9.0,
    "threads": 2,
    "processes": 5,
    "backend": "eager",
    "tf32": True,
}


@pytest.mark.parametrize("name", OTHER_TIMINGS)
def test_how_latency_is_timed_changes_the_key_of_the_latency_alone(name):
    timing = tiny().timing
    other = entry(timing=replace(timing, **{name: OTHER_TIMINGS[name]}))
    assert other.latency_key != entry().latency_key
    assert (other.key, other.cost_key) == (entry().key, entry().cost_key)


def test_every_field_of_a_timing_is_tried():
    assert {*OTHER_TIMINGS, "size"} == set(plain(Timing()))


def test_the_size_measured_at_changes_cost_and_latency_but_no_training():
    other = entry(timing=replace(tiny().timing, size=(64, 64)))
    assert other.key == entry().key
    assert other.cost_key != entry().cost_key
    assert other.latency_key != entry().latency_key
    same = entry(timing=replace(tiny().timing, size=SCENES.size))
    assert same.cost_key == entry().cost_key


SLIDING = {"mode": "sliding", "window": (32, 32), "stride": (8, 8)}
OTHER_SCORINGS = {
    "mode": Scoring(mode="sliding", window=(32, 64)),
    "window": Scoring(**{**SLIDING, "window": (32, 48)}),
    "stride": Scoring(**{**SLIDING, "stride": (8, 9)}),
    "scales": Scoring(scales=(1.0, 2.0)),
    "flip": Scoring(flip=True),
    "absent": Scoring(absent="cityscapes"),
    "select": Scoring(select="best", held_out=0.1),
    "held_out": Scoring(select="best", held_out=0.2),
    "looks": Scoring(select="best", held_out=0.1, looks=2),
    "size": Scoring(size=(64, 64)),
}


def test_every_field_of_a_scoring_changes_the_key():
    assert set(OTHER_SCORINGS) == set(plain(Scoring()))
    others = {name: entry(scoring=scoring) for name, scoring in OTHER_SCORINGS.items()}
    keys = {entry().key, entry(scoring=Scoring(**SLIDING)).key}
    assert len(keys | {other.key for other in others.values()}) == 2 + len(others)
    for name, other in others.items():
        alike = (other.cost_key, other.latency_key) == (entry().cost_key, entry().latency_key)
        assert alike == (name != "size")


OTHER_RUNGS = {"keep": "all", "reduction": 2, "brackets": 2}


def test_where_rungs_lie_changes_the_key_and_who_goes_on_does_not():
    assert {"at", *OTHER_RUNGS} == set(plain(Rungs()))
    given = {"scoring": Scoring(held_out=0.2), "recipe": replace(RECIPE, steps=9)}
    one = entry(stopping=Rungs(), **given)
    for name, value in OTHER_RUNGS.items():
        assert entry(stopping=Rungs(**{name: value}), **given) == one
    other = entry(stopping=Rungs(at=(0.5,)), **given)
    share = entry(stopping=Rungs(), **{**given, "scoring": Scoring(held_out=0.3)})
    best = Scoring(select="best", held_out=0.2)
    through = entry(**{**given, "scoring": best})
    looked = entry(stopping=Rungs(), **{**given, "scoring": best})
    keys = {each.key for each in (one, other, share, through, looked)}
    assert len(keys) == 5
    assert (other.cost_key, other.latency_key) == (one.cost_key, one.latency_key)


def test_rungs_that_fall_together_are_refused_before_anything_runs():
    with pytest.raises(ValueError, match="rungs after step 1, 1 of 2: they must lie apart"):
        entry(stopping=Rungs(), scoring=Scoring(held_out=0.2))


def test_a_network_is_timed_at_the_size_that_it_is_scored_at_unless_told():
    at = {"scoring": Scoring(size=(64, 64))}
    assert entry(**at).cost_key == entry(timing=replace(tiny().timing, size=(64, 64))).cost_key
    assert entry(**at).latency_key != entry().latency_key
    back = entry(**at, timing=replace(tiny().timing, size=SCENES.size))
    assert back.cost_key == entry().cost_key


def test_a_window_that_does_not_fit_the_data_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="window 64x64 is larger than the image, which is 32x64"):
        entry(scoring=Scoring(mode="sliding", window=(64, 64)))


def test_a_latency_belongs_to_its_device():
    other = entry(device="another CPU")
    assert other.latency_key != entry().latency_key
    assert (other.key, other.cost_key) == (entry().key, entry().cost_key)


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": Budget(gmacs=1.0)},
        {"name": "other"},
        {"question": "Other?"},
        {"objectives": {"miou": "max"}},
        {"seeds": (0, 1)},
    ],
)
def test_what_a_study_makes_of_its_trials_changes_no_key(changes):
    other = entry(**changes)
    keys = (other.key, other.cost_key, other.latency_key)
    assert keys == (entry().key, entry().cost_key, entry().latency_key)


def plainly(monkeypatch):
    """Entries whose keys hang on nothing that an edit of a part or a protocol changes."""
    monkeypatch.setattr(plan, "source_digest", lambda *classes: "source")
    for name in ("TRAINING_PROTOCOL", "COST_PROTOCOL", "LATENCY_PROTOCOL"):
        monkeypatch.setattr(plan, name, 1)
    study = tiny(space=replace(BOTH, fusion=choice("sum", "bga")), seeds=(0, 5))
    return [t for c in candidates(study) for t in trials_of(study, c, SCENES, "a CPU", {})]


def test_keys_are_those_that_ledgers_hold(monkeypatch):
    entries = [each.entry for each in plainly(monkeypatch)]
    assert [entry.key[:16] for entry in entries] == GOLDEN["key"]
    assert sorted({entry.cost_key[:16] for entry in entries}) == GOLDEN["cost_key"]
    together = {each.entry.latency_key[:16] for each in timed_together(plainly(monkeypatch))}
    assert sorted(together) == GOLDEN["latency_key"]


def test_a_group_is_hashed_once_to_the_keys_of_one_by_one(monkeypatch):
    trials = plainly(monkeypatch)
    group = sorted({each.entry.latency_key for each in trials})
    expected = [key_of(own=each.entry.latency_key, among=group) for each in trials]
    assert [each.entry.latency_key for each in timed_together(trials)] == expected


def test_values_that_python_holds_for_equal_have_keys_of_their_own():
    ones = [replace(BOTH, semantic=BOTH.semantic.replace(ratio=each)) for each in (1, 1.0)]
    assert ones[0] == ones[1]
    assert entry(architecture=ones[0]).key != entry(architecture=ones[1]).key
    assert entry(architecture=ones[0]).key == entry(architecture=ones[0]).key


GOLDEN = {
    "key": ["c9c42462b55a2ae8", "c8d34994da7afe9e", "d939e52b0f516fa9", "483cfbf7ecf2ab73"],
    "cost_key": ["153147446152a8b4", "807b5ba506fc74f9"],
    "latency_key": ["56c843821f928d9f", "e75647be1ea9e03b"],
}
"""Starts of keys; a change here makes every result in every ledger stale."""
