"""The V2 detail branch is the one of Table 1."""

import pytest
import torch
from torch import nn

from architectures.detail.v2 import DetailBranch
from harness.components import Feature

IMAGE = Feature(3, 1)


def test_stages_are_those_of_table_1():
    assert DetailBranch(IMAGE).taps == {
        "stage1": Feature(64, 2),
        "stage2": Feature(64, 4),
        "stage3": Feature(128, 8),
    }


def test_layers_of_a_stage_are_those_of_table_1():
    stages = DetailBranch(IMAGE).stages
    convs = {
        name: [m for m in stage.modules() if isinstance(m, nn.Conv2d)]
        for name, stage in stages.items()
    }
    assert {name: len(each) for name, each in convs.items()} == {
        "stage1": 2,
        "stage2": 3,
        "stage3": 3,
    }
    for each in convs.values():
        assert [layer.stride[0] for layer in each] == [2] + [1] * (len(each) - 1)
        assert {layer.kernel_size for layer in each} == {(3, 3)}


def test_width_scales_every_stage():
    taps = DetailBranch(IMAGE, width=8).taps
    assert [each.channels for each in taps.values()] == [8, 8, 16]


def test_weights_start_kaiming_normal():
    torch.manual_seed(0)
    last = DetailBranch(IMAGE).stages["stage3"][-1][0]
    assert last.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)


def test_a_width_below_1_is_refused_by_name():
    with pytest.raises(ValueError, match="option 'width' of 'detail_branch' must be at least 1"):
        DetailBranch(IMAGE, width=0)
