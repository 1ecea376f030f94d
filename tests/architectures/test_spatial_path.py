"""The V1 spatial path is the author's code, or the paper's three layers."""

import pytest
import torch
from torch import nn

from architectures.detail.v1 import SpatialPath
from harness.components import Feature

IMAGE = Feature(3, 1)
CHANNELS = {"7x7": [(3, 64), (64, 64), (64, 64), (64, 128)], "3x3": [(3, 64), (64, 64), (64, 128)]}


def convs(**options):
    modules = SpatialPath(IMAGE, **options).modules()
    return [each for each in modules if isinstance(each, nn.Conv2d)]


def test_it_is_the_authors_code_unless_asked():
    assert [each.kernel_size[0] for each in convs()] == [7, 3, 3, 1]


@pytest.mark.parametrize(
    ("stem", "kernels", "strides"), [("7x7", [7, 3, 3, 1], [2, 2, 2, 1]), ("3x3", [3] * 3, [2] * 3)]
)
def test_layers_are_those_of_the_stem(stem, kernels, strides):
    layers = convs(stem=stem)
    assert [each.kernel_size[0] for each in layers] == kernels
    assert [each.stride[0] for each in layers] == strides
    assert [(each.in_channels, each.out_channels) for each in layers] == CHANNELS[stem]
    assert all(each.bias is None for each in layers)


@pytest.mark.parametrize("stem", CHANNELS)
def test_every_convolution_is_followed_by_batch_norm_and_relu(stem):
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)
    layers = [each for each in SpatialPath(IMAGE, stem=stem).modules() if isinstance(each, kinds)]
    assert [type(each) for each in layers] == list(kinds) * len(CHANNELS[stem])


@pytest.mark.parametrize("stem", CHANNELS)
def test_taps_are_at_strides_2_4_and_8(stem):
    path = SpatialPath(IMAGE, stem=stem, width=8)
    assert path.taps == {"stage1": Feature(8, 2), "stage2": Feature(8, 4), "stage3": Feature(16, 8)}
    shapes = [tuple(each.shape[1:]) for each in path(torch.randn(2, 3, 33, 47)).values()]
    assert shapes == [(8, 17, 24), (8, 9, 12), (16, 5, 6)]


def test_a_width_below_1_is_refused_by_name():
    with pytest.raises(ValueError, match="option 'width' of 'spatial_path' must be at least 1"):
        SpatialPath(IMAGE, width=0)
