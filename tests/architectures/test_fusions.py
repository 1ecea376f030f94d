"""What each fusion computes, written out a second time."""

import math

import pytest
import torch
from torch.nn import functional

from architectures.fusion.bga import BilateralGuidedAggregation, _downsampling
from architectures.fusion.concat import Concat
from architectures.fusion.ffm import FeatureFusion
from architectures.fusion.none import NoFusion
from architectures.fusion.sum import Sum
from harness.components import Feature

DETAIL, SEMANTIC = Feature(8, 8), Feature(12, 32)
FUSIONS = [Sum, Concat, FeatureFusion, BilateralGuidedAggregation]


@pytest.fixture
def features():
    torch.manual_seed(0)
    return torch.randn(2, 8, 45, 60), torch.randn(2, 12, 12, 15)


def enlarged(feature):
    return functional.interpolate(feature, size=(45, 60), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_fused_feature_is_as_wide_as_the_detail_feature_or_as_asked(fusion):
    assert fusion(DETAIL, SEMANTIC).out == DETAIL
    assert fusion(DETAIL, SEMANTIC, width=20).out == Feature(20, 8)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_width_below_1_is_refused(fusion):
    with pytest.raises(ValueError, match=r"option 'width' of '.*' must be at least 1, not 0"):
        fusion(DETAIL, SEMANTIC, width=0)


def test_sum_projects_only_a_path_of_another_width(features):
    fusion = Sum(DETAIL, SEMANTIC).eval()
    assert not list(fusion.detail.parameters())
    assert list(fusion.semantic.parameters())
    detail, semantic = features
    want = fusion.mix(detail + enlarged(fusion.semantic(semantic)))
    torch.testing.assert_close(fusion(detail, semantic), want)


def test_concat_mixes_both_paths(features):
    fusion = Concat(DETAIL, SEMANTIC).eval()
    detail, semantic = features
    want = fusion.mix(torch.cat([detail, enlarged(semantic)], 1))
    torch.testing.assert_close(fusion(detail, semantic), want)


def test_ffm_adds_a_copy_weighed_between_0_and_1(features):
    fusion = FeatureFusion(DETAIL, SEMANTIC, reduction=2).eval()
    detail, semantic = features
    mixed = fusion.mix(torch.cat([detail, enlarged(semantic)], 1))
    squeeze, expand = fusion.attention[1], fusion.attention[3]
    assert (squeeze.out_channels, expand.out_channels) == (4, 8)
    weight = expand(squeeze(mixed.mean((2, 3), keepdim=True)).relu()).sigmoid()
    torch.testing.assert_close(fusion(detail, semantic), mixed * (1 + weight))


def test_ffm_has_as_many_weights_as_the_author_s_code():
    # Two 128-channel paths to 256: a 1x1 with batch norm, then two 1x1 without bias.
    fusion = FeatureFusion(Feature(128, 8), Feature(128, 8), width=256)
    assert sum(each.numel() for each in fusion.parameters()) == 256 * 256 + 2 * 256 + 2 * 256**2


def test_ffm_keeps_one_channel_under_a_large_reduction():
    assert FeatureFusion(DETAIL, SEMANTIC, reduction=64).attention[1].out_channels == 1


def test_guided_aggregation_is_figure_6(features):
    fusion = BilateralGuidedAggregation(DETAIL, SEMANTIC).eval()
    detail, semantic = features
    strided, pooling = fusion.detail_down
    assert (strided[0].stride, pooling.kernel_size, pooling.stride) == ((2, 2), 3, 2)
    large = fusion.detail(detail) * torch.sigmoid(enlarged(fusion.semantic_up(semantic)))
    small = pooling(strided(detail)) * torch.sigmoid(fusion.semantic(semantic))
    torch.testing.assert_close(fusion(detail, semantic), fusion.mix(large + enlarged(small)))


@pytest.mark.parametrize("guide_detail", [True, False])
@pytest.mark.parametrize("guide_semantic", [True, False])
def test_without_its_guide_a_feature_is_added_as_it_is(features, guide_detail, guide_semantic):
    guides = {"guide_detail": guide_detail, "guide_semantic": guide_semantic}
    fusion = BilateralGuidedAggregation(DETAIL, SEMANTIC, **guides).eval()
    detail, semantic = features
    large, small = fusion.detail(detail), fusion.semantic(semantic)
    if guide_detail:
        large = large * torch.sigmoid(enlarged(fusion.semantic_up(semantic)))
    if guide_semantic:
        small = fusion.detail_down(detail) * torch.sigmoid(small)
    torch.testing.assert_close(fusion(detail, semantic), fusion.mix(large + enlarged(small)))


def test_a_guide_takes_its_layers_with_it():
    def names(**options):
        fusion = BilateralGuidedAggregation(DETAIL, SEMANTIC, **options)
        return {name for name, _ in fusion.named_children()}

    whole = names()
    assert whole - names(guide_detail=False) == {"semantic_up"}
    assert whole - names(guide_semantic=False) == {"detail_down"}


@pytest.mark.parametrize("at", [(16, 8), (8, 8), (4, 32), (8, 24)])
def test_guided_aggregation_joins_any_two_strides(at):
    detail, semantic = (Feature(8, stride) for stride in at)
    sizes = [tuple(math.ceil(side / stride) for side in (90, 120)) for stride in at]
    fused = BilateralGuidedAggregation(detail, semantic)(
        *(torch.randn(2, 8, *size) for size in sizes)
    )
    assert fused.shape == (2, 8, *sizes[0])


@pytest.mark.parametrize("step", [0.5, 1, 2, 4, 8])
@pytest.mark.parametrize("size", [(4, 4), (5, 6), (45, 60)])
def test_guided_aggregation_shrinks_the_detail_feature_by_any_step(step, size):
    shrunk = _downsampling(8, 8, step)(torch.randn(2, 8, *size))
    assert shrunk.shape[2:] == tuple(math.ceil(side / max(step, 1)) for side in size)


def test_pooling_does_not_darken_the_border():
    pooling = _downsampling(8, 8, 4)[1]
    assert torch.equal(pooling(torch.ones(1, 8, 7, 9)), torch.ones(1, 8, 4, 5))


def test_guided_aggregation_copes_with_a_path_that_rounds_down():
    fusion = BilateralGuidedAggregation(DETAIL, SEMANTIC)
    assert fusion(torch.randn(2, 8, 45, 60), torch.randn(2, 12, 11, 15)).shape == (2, 8, 45, 60)


@pytest.mark.parametrize("given", [(DETAIL, None), (None, SEMANTIC)])
def test_without_a_fusion_the_one_path_passes(given):
    present = next(each for each in given if each)
    feature = torch.randn(1, present.channels, 4, 4)
    fusion = NoFusion(*given)
    assert fusion.out == present
    assert fusion(*(feature if each else None for each in given)) is feature
