"""Which taps each placement chooses, with both paths and with one."""

import pytest
import torch

import architectures  # noqa: F401 - registers the built-in parts
from harness import Architecture, Part
from harness.components import Feature, aux_placements
from harness.network import assemble

DETAIL = {f"detail.stage{at}": Feature(8, 2**at) for at in (1, 2, 3)}
SEMANTIC = {f"semantic.stage{at}": Feature(8, 2**at) for at in (2, 3, 4, 5)}
SEMANTIC_PATH = SEMANTIC | {"context": Feature(8, 32)}
BOTH = DETAIL | SEMANTIC_PATH
V1_CONTEXT = {"context.stage4": Feature(8, 16), "context": Feature(8, 8)}
PLACEMENTS = ["every_stage", "by_stride", "by_name", "booster", "v1"]


def chosen(name, taps=BOTH, **options):
    return aux_placements.build(Part(name, **options), taps).chosen


def test_none_chooses_nothing():
    assert chosen("none") == ()


def test_every_stage_is_before_the_context_module():
    assert chosen("every_stage") == tuple(SEMANTIC)
    assert chosen("every_stage", DETAIL) == ()


def test_by_stride_takes_both_paths_but_not_the_context():
    assert chosen("by_stride") == ("detail.stage3", "semantic.stage3", "semantic.stage4")
    assert chosen("by_stride", strides=(32,)) == ("semantic.stage5",)
    inside = DETAIL | SEMANTIC | V1_CONTEXT
    assert chosen("by_stride", inside) == chosen("by_stride")
    assert chosen("by_stride", inside, strides=(2, 4)) == (
        "detail.stage1",
        "detail.stage2",
        "semantic.stage2",
    )


def test_by_stride_leaves_out_the_strides_of_an_absent_path():
    assert chosen("by_stride", DETAIL) == ("detail.stage3",)
    assert chosen("by_stride", SEMANTIC_PATH) == ("semantic.stage3", "semantic.stage4")


def test_by_stride_refuses_a_stride_that_no_tap_has():
    message = "by_stride: unknown stride 7. Known: 2, 4, 8, 16, 32"
    with pytest.raises(ValueError, match=message):
        chosen("by_stride", strides=(8, 7))


def test_by_name_takes_any_tap_in_the_order_given():
    names = ("context", "detail.stage1", "semantic.stage5")
    assert chosen("by_name", names=names) == names


def test_by_name_takes_a_tap_inside_the_context_module_if_it_has_one():
    taps = DETAIL | SEMANTIC | V1_CONTEXT
    assert chosen("by_name", taps, names=("context.stage4",)) == ("context.stage4",)
    with pytest.raises(ValueError, match=r"by_name: unknown tap 'context\.stage4'"):
        chosen("by_name", names=("context.stage4",))


TABLE_4 = {
    "2 3 4 5_4 5_5": {"last": "stage5_5"},
    "2 3 4 5_4": {},
    "2 3 4": {"last": "stage4"},
    "3 4 5_4 5_5": {"first": "stage3", "last": "stage5_5"},
    "4 5_4 5_5": {"first": "stage4", "last": "stage5_5"},
    "5_4 5_5": {"first": "stage5_4", "last": "stage5_5"},
}
TAPS = {"5_4": "semantic.stage5", "5_5": "context"}


@pytest.mark.parametrize(("ticked", "options"), TABLE_4.items())
def test_booster_writes_every_row_of_table_4(ticked, options):
    taps = tuple(TAPS.get(each, f"semantic.stage{each}") for each in ticked.split())
    assert chosen("booster", **options) == taps
    assert chosen("booster", DETAIL, **options) == ()


def test_booster_at_its_defaults_is_every_stage():
    assert chosen("booster") == chosen("every_stage")


def test_booster_refuses_a_run_that_ends_before_it_begins():
    with pytest.raises(ValueError, match="booster: first 'stage4' lies behind last 'stage3'"):
        chosen("booster", first="stage4", last="stage3")


def test_booster_refuses_a_stage_that_the_path_has_not():
    taps = {name: each for name, each in SEMANTIC_PATH.items() if name != "semantic.stage2"}
    with pytest.raises(ValueError, match=r"booster: unknown tap 'semantic\.stage2'"):
        chosen("booster", taps)
    assert chosen("booster", taps, first="stage3") == chosen("booster", first="stage3")


def test_v1_takes_what_the_context_module_gives():
    assert chosen("v1", DETAIL | SEMANTIC | V1_CONTEXT) == ("context.stage4", "context")
    assert chosen("v1") == ("context",)
    assert chosen("v1", DETAIL) == ()


def test_v1_heads_read_the_features_at_strides_16_and_8():
    architecture = Architecture(
        detail="none",
        semantic=Part("semantic_branch", width=16),
        context=Part("arm", width=8),
        aux_heads=Part("v1", width=4),
    )
    torch.manual_seed(0)
    network, read = assemble(architecture, 5), []
    for head in network.aux_heads:
        head.register_forward_pre_hook(lambda _, given: read.append(given[0].shape))
    logits = network(torch.randn(2, 3, 64, 96))
    assert read == [(2, 8, 4, 6), (2, 8, 8, 12)]
    assert list(logits.aux) == ["context.stage4", "context"]
    logits.aux["context.stage4"].square().sum().backward()
    trained = [mix[0].weight.grad is not None for mix in network.paths.context.decoder.mix]
    assert trained == [True, False]


def test_by_name_leaves_out_the_taps_of_an_absent_path():
    names = ("semantic.stage3", "context", "detail.stage2")
    assert chosen("by_name", DETAIL, names=names) == ("detail.stage2",)
    assert chosen("by_name", SEMANTIC_PATH, names=names) == ("semantic.stage3", "context")


@pytest.mark.parametrize("name", ["semantic.stage33", "sematic.stage3", "stage3"])
def test_by_name_refuses_a_misspelt_tap_and_names_the_known(name):
    with pytest.raises(ValueError, match=f"by_name: unknown tap '{name}'.* Known: detail.stage1"):
        chosen("by_name", names=(name,))


@pytest.mark.parametrize("taps", [BOTH, DETAIL], ids=["both", "detail"])
def test_a_misspelt_tap_is_refused_whichever_paths_are_there(taps):
    with pytest.raises(ValueError, match="by_name: unknown tap"):
        chosen("by_name", taps, names=("detail.stage4",))


@pytest.mark.parametrize(
    "part",
    [Part("by_stride", strides=(4,)), Part("by_name", names=("detail.stage2", "semantic.stage2"))],
    ids=str,
)
def test_a_head_in_the_detail_path_reads_and_trains_it(part):
    architecture = Architecture(
        detail=Part("detail_branch", width=8),
        semantic=Part("semantic_branch", width=16),
        fusion="sum",
        aux_heads=part.replace(width=4),
    )
    network = assemble(architecture, 5)
    logits = network(torch.randn(2, 3, 32, 32))
    assert list(logits.aux) == ["detail.stage2", "semantic.stage2"]
    logits.aux["detail.stage2"].square().sum().backward()
    stages = network.paths.detail.stages
    trained = [stages[name][0][0].weight.grad is not None for name in ("stage2", "stage3")]
    assert trained == [True, False]


@pytest.mark.parametrize("name", PLACEMENTS)
def test_width_and_upsample_are_the_heads(name):
    placement = aux_placements.build(Part(name, width=24, upsample="pixel_shuffle"), BOTH)
    assert placement.head == Part("seg", width=24, upsample="pixel_shuffle")


@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_width_below_1_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"option 'width' of '{name}' must be at least 1, not 0"):
        aux_placements.build(Part(name, width=0), BOTH)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part("by_name", names="semantic.stage3"), r"is tuple\[str, ...\], not 'semantic.stage3'"),
        (Part("by_stride", strides=8), r"is tuple\[int, ...\], not 8"),
    ],
)
def test_one_name_is_not_a_tuple_of_names(part, message):
    with pytest.raises(TypeError, match=message):
        aux_placements.build(part, BOTH)
