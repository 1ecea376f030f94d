"""Which taps each placement chooses, with both paths and with one."""

import pytest

import architectures  # noqa: F401 - registers the built-in parts
from harness import Part
from harness.components import Feature, aux_placements

DETAIL = {f"detail.stage{at}": Feature(8, 2**at) for at in (1, 2, 3)}
SEMANTIC = {f"semantic.stage{at}": Feature(8, 2**at) for at in (2, 3, 4, 5)}
SEMANTIC_PATH = SEMANTIC | {"context": Feature(8, 32)}
BOTH = DETAIL | SEMANTIC_PATH


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


@pytest.mark.parametrize("name", ["every_stage", "by_stride", "by_name"])
def test_width_is_the_heads(name):
    placement = aux_placements.build(Part(name, width=24), BOTH)
    assert placement.head == Part("seg", width=24)


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
