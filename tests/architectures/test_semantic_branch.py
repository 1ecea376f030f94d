"""The V2 semantic branch is the one of Table 1, figure 4 and figure 5."""

import pytest
import torch
from torch import nn

from architectures.semantic.v2 import GatherExpand, SemanticBranch, Stem
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


@pytest.mark.parametrize("depth", [1, 3])
def test_depth_multiplies_the_layers_of_each_stage(depth):
    stages = SemanticBranch(IMAGE, width=16, depth=depth).stages
    layers = [len(stages[name]) for name in ("stage3", "stage4", "stage5")]
    assert layers == [2 * depth, 2 * depth, 4 * depth]


@pytest.mark.parametrize(
    ("expand", "widths"),
    [("gather", [(8, 48), (48, 48), (48, 8)]), ("depthwise", [(8, 8), (8, 48), (48, 8)])],
)
def test_expansion_happens_where_expand_says(expand, widths):
    layer = GatherExpand(8, 8, 1, 6, expand)
    assert [(each.in_channels, each.out_channels) for each in convs(layer)] == widths
    assert convs(layer)[1].groups == widths[1][0]


def test_strided_layer_has_two_depthwise_convolutions_and_a_projected_shortcut():
    layer = GatherExpand(8, 16, 2, 6, "gather")
    depthwise = [each.groups > 1 for each in convs(layer.residual)]
    assert depthwise == [False, True, True, False]
    assert [each.stride[0] for each in convs(layer.residual)] == [1, 2, 1, 1]
    assert [each.groups for each in convs(layer.shortcut)] == [8, 1]


def test_only_the_gathering_convolution_is_followed_by_a_relu():
    layer = GatherExpand(8, 16, 2, 6, "gather")
    relus = [name for name, each in layer.named_modules() if isinstance(each, nn.ReLU)]
    assert relus == ["residual.0.2"]


def test_plain_layer_adds_its_input_before_the_last_relu():
    layer = GatherExpand(8, 8, 1, 2, "gather").eval()
    nn.init.zeros_(layer.residual[-1][1].weight)
    feature = torch.randn(1, 8, 5, 7)
    assert torch.equal(layer(feature), feature.relu())


def test_stem_joins_a_strided_convolution_and_a_pooling():
    stem = Stem(3, 16)
    assert [(each.in_channels, each.out_channels, each.stride[0]) for each in convs(stem)] == [
        (3, 16, 2),
        (16, 8, 1),
        (8, 16, 2),
        (32, 16, 1),
    ]
    assert stem(torch.randn(2, 3, 33, 47)).shape == (2, 16, 9, 12)


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
