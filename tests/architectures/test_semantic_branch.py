"""The V2 semantic branch is the one of Table 1, figure 4 and figure 5."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from architectures.semantic.v2 import GatherExpand, SemanticBranch, Shape, Stem
from harness.components import Feature

IMAGE = Feature(3, 1)


def channels(**options):
    return [each.channels for each in SemanticBranch(IMAGE, **options).taps.values()]


def convs(module):
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def test_stages_are_those_of_table_1():
    assert SemanticBranch(IMAGE).taps == {
        "stage2": Feature(16, 4),
        "stage3": Feature(32, 8),
        "stage4": Feature(64, 16),
        "stage5": Feature(128, 32),
    }


@pytest.mark.parametrize(
    ("ratio", "stem"), [(1 / 2, 32), (1 / 4, 16), (1 / 8, 8), (1 / 16, 4)], ids=str
)
def test_ratio_changes_the_stem_and_stage_3_only(ratio, stem):
    assert channels(ratio=ratio) == [stem, 2 * stem, 64, 128]


def test_width_scales_every_stage():
    assert channels(width=16) == [4, 8, 16, 32]


@pytest.mark.parametrize("alpha", [1, 1.25, 1.5, 1.75, 2])
def test_every_width_of_table_5_gives_whole_channels(alpha):
    assert channels(width=int(64 * alpha)) == [16 * alpha, 32 * alpha, 64 * alpha, 128 * alpha]


@pytest.mark.parametrize("depth", [1, 3])
def test_depth_multiplies_the_layers_of_each_stage(depth):
    stages = SemanticBranch(IMAGE, width=16, depth=depth).stages
    layers = [len(stages[name]) for name in ("stage3", "stage4", "stage5")]
    assert layers == [2 * depth, 2 * depth, 4 * depth]


@pytest.mark.parametrize(
    ("expand_in", "widths"),
    [("conv", [(8, 48), (48, 48), (48, 8)]), ("dwconv", [(8, 8), (8, 48), (48, 8)])],
)
def test_expansion_happens_where_it_is_asked_for(expand_in, widths):
    layer = GatherExpand(8, 8, 1, Shape(6, expand_in))
    assert [(each.in_channels, each.out_channels) for each in convs(layer)] == widths
    assert convs(layer)[1].groups == widths[1][0]


def test_strided_layer_has_two_depthwise_convolutions_and_a_projected_shortcut():
    layer = GatherExpand(8, 16, 2, Shape(6))
    depthwise = [each.groups > 1 for each in convs(layer.residual)]
    assert depthwise == [False, True, True, False]
    assert [each.stride[0] for each in convs(layer.residual)] == [1, 2, 1, 1]
    assert [each.groups for each in convs(layer.shortcut)] == [8, 1]


@pytest.mark.parametrize("expand_in", ["conv", "dwconv"])
def test_one_5x5_stands_for_the_two_depthwise_convolutions_of_strided_layers_alone(expand_in):
    shape = Shape(6, expand_in, double_dwconv=False)
    strided, plain = (GatherExpand(8, 16, stride, shape).residual for stride in (2, 1))
    kernels = [each.kernel_size[0] for each in convs(strided)]
    assert kernels == [3, 5, 1]
    assert (convs(strided)[1].stride, convs(strided)[1].groups) == ((2, 2), convs(plain)[1].groups)
    assert convs(strided)[2].in_channels == 48
    assert [each.kernel_size[0] for each in convs(plain)] == [3, 3, 1]


@pytest.mark.parametrize("stride", [1, 2])
def test_gather_kernel_is_that_of_the_first_convolution(stride):
    layer = GatherExpand(8, 16, stride, Shape(6, gather_kernel=1))
    assert [each.kernel_size[0] for each in convs(layer.residual)] == [1, *[3] * stride, 1]


def test_options_reach_every_layer():
    options = {"expand_in": "dwconv", "gather_kernel": 1, "double_dwconv": False}
    branch = SemanticBranch(IMAGE, expansion=3, **options)
    layers = [each for each in branch.modules() if isinstance(each, GatherExpand)]
    first = [convs(layer.residual)[0] for layer in layers]
    assert {(each.kernel_size, each.in_channels == each.out_channels) for each in first} == {
        ((1, 1), True)
    }
    depthwise = [[each for each in convs(layer.residual) if each.groups > 1] for layer in layers]
    assert [[each.kernel_size[0] for each in row] for row in depthwise] == [
        *[[5], [3]] * 3,
        *[[3]] * 2,
    ]


def test_only_the_gathering_convolution_is_followed_by_a_relu():
    layer = GatherExpand(8, 16, 2, Shape(6))
    relus = [name for name, each in layer.named_modules() if isinstance(each, nn.ReLU)]
    assert relus == ["residual.0.2"]


def test_plain_layer_adds_its_input_before_the_last_relu():
    layer = GatherExpand(8, 8, 1, Shape(2)).eval()
    nn.init.zeros_(layer.residual[-1][1].weight)
    feature = torch.randn(1, 8, 5, 7)
    assert torch.equal(layer(feature), feature.relu())


BOTH = [(3, 16, 2), (16, 8, 1), (8, 16, 2)]
STEMS = {
    "concat": [*BOTH, (32, 16, 1)],
    "sum": [*BOTH, (16, 16, 1)],
    "conv_only": [*BOTH, (16, 16, 1)],
    "pool_only": [(3, 16, 2), (16, 16, 1)],
}


@pytest.mark.parametrize("merge", STEMS)
def test_stem_has_only_the_sides_that_are_used(merge):
    stem = SemanticBranch(IMAGE, stem=merge).stages["stage2"]
    layers = [(each.in_channels, each.out_channels, each.stride[0]) for each in convs(stem)]
    assert layers == STEMS[merge]
    pools = [each for each in stem.modules() if isinstance(each, nn.MaxPool2d)]
    assert len(pools) == (merge != "conv_only")
    assert stem(torch.randn(2, 3, 33, 47)).shape == (2, 16, 9, 12)


def test_stem_concatenates_unless_asked():
    assert SemanticBranch(IMAGE).stages["stage2"].join[0].in_channels == 32


@pytest.mark.parametrize("merge", STEMS)
def test_stem_merges_what_its_name_says(merge):
    torch.manual_seed(0)
    stem, image = Stem(3, 16, merge).eval(), torch.randn(1, 3, 33, 47)
    first = stem.first(image)
    pooled = functional.max_pool2d(first, 3, 2, 1)
    strided = stem.sides["conv"](first) if "conv" in stem.sides else None
    merged = {
        "concat": lambda: torch.cat([strided, pooled], 1),
        "sum": lambda: strided + pooled,
        "conv_only": lambda: strided,
        "pool_only": lambda: pooled,
    }[merge]()
    assert torch.equal(stem(image), stem.join(merged))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "option 'width' of 'semantic_branch' must be at least 1, not 0"),
        ({"expansion": 0}, "option 'expansion' of 'semantic_branch'"),
        ({"depth": -1}, "option 'depth' of 'semantic_branch'"),
        ({"ratio": 0.001}, "ratio 0.001 leaves no channel of width 64 to the stem"),
    ],
)
def test_options_that_leave_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SemanticBranch(IMAGE, **options)
