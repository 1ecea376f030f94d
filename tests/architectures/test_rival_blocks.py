"""What the blocks of STDC-Seg, DDRNet, PIDNet and PP-LiteSeg compute, written out a second time."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from architectures.semantic.ddrnet import DdrNet, DeepAggregationPyramid, Residual, stage
from architectures.semantic.pidnet import (
    BoundaryGuidedFusion,
    ParallelPyramid,
    PidNet,
    PixelAttentionGuide,
)
from architectures.semantic.pp_liteseg import AttentionFusion, SimplePyramid
from architectures.semantic.stdc import AttentionRefinement, Fuse, Stdc
from architectures.semantic.stdc_backbone import DenseConcat
from harness.components import Feature

IMAGE = Feature(3, 1)


def stirred(module):
    """The module in eval mode, its batch norms with statistics and weights of a trained one."""
    torch.manual_seed(0)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            nn.init.normal_(each.running_mean, std=0.3)
            for tensor in (each.running_var, each.weight):
                nn.init.uniform_(tensor, 0.5, 1.5)
            nn.init.normal_(each.bias, std=0.3)
    return module.eval()


@pytest.mark.parametrize("part", [DdrNet, PidNet])
def test_what_heads_read_ends_in_a_relu_as_their_own_heads_begin(part):
    taps = stirred(part(IMAGE, width=8))(torch.randn(1, 3, 64, 96))
    assert all((each >= 0).all() and (each == 0).any() for each in taps.values())


def test_dense_concatenation_keeps_all_four_layers_in_order():
    block = stirred(DenseConcat(6, 16, 2))
    feature = torch.randn(2, 6, 9, 12)
    one, two, three, four = block.conv_list
    wide = one(feature)
    second = two(block.avd_layer(wide))
    third = three(second)
    pooled = functional.avg_pool2d(wide, 3, stride=2, padding=1)
    want = torch.cat([pooled, second, third, four(third)], 1)
    torch.testing.assert_close(block(feature), want)
    assert [each.shape[1] for each in (pooled, second, third)] == [8, 4, 2]


def test_stdc_seg_goes_from_deep_to_shallow_by_nearest_neighbours():
    part = stirred(Stdc(IMAGE))
    with torch.no_grad():
        taps = part(torch.randn(1, 3, 64, 96))
    deep = part.arm5(taps["stage5"]) + part.global_pool(taps["stage5"])
    want = part.smooth5(deep.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(taps["arm5"], want)
    deep = part.arm4(taps["stage4"]) + taps["arm5"]
    want = part.smooth4(deep.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(taps["arm4"], want)
    want = part.fuse(torch.cat([taps["stage3"], taps["arm4"]], 1))
    torch.testing.assert_close(taps["fused"], want)


@pytest.mark.parametrize(("module", "weigh"), [(AttentionRefinement, 0), (Fuse, 1)])
def test_channels_are_weighed_by_their_mean(module, weigh):
    module = stirred(module(6, 8))
    mixed = module.mix(feature := torch.randn(2, 6, 5, 7))
    weight = module.attention(mixed.mean((2, 3), keepdim=True))
    torch.testing.assert_close(module(feature), mixed * (weigh + weight))


def enlarged(small, large):
    return functional.interpolate(small, size=large.shape[-2:], mode="bilinear")


def pooled_five_times(pyramid, feature):
    pools = [feature]
    for stride in (2, 4, 8):
        pools.append(functional.avg_pool2d(feature, 2 * stride + 1, stride, stride))
    pools.append(feature.mean((2, 3), keepdim=True))
    projected = [scale[1](pool) for scale, pool in zip(pyramid.scales, pools, strict=True)]
    return [enlarged(each, feature) for each in projected]


@pytest.mark.parametrize("size", [(16, 32), (5, 9), (1, 1)])
def test_deep_aggregation_mixes_each_scale_into_the_next(size):
    pyramid = stirred(DeepAggregationPyramid(6, 4, 5))
    feature = torch.randn(2, 6, *size)
    scales = pooled_five_times(pyramid, feature)
    found = scales[:1]
    for mix, scale in zip(pyramid.mixes, scales[1:], strict=True):
        found.append(mix(scale + found[-1]))
    want = pyramid.compress(torch.cat(found, 1)) + pyramid.shortcut(feature)
    torch.testing.assert_close(pyramid(feature), want)
    assert want.shape == (2, 5, *size)


@pytest.mark.parametrize("size", [(16, 32), (5, 9), (1, 1)])
def test_parallel_aggregation_mixes_each_scale_with_the_feature_alone(size):
    pyramid = stirred(ParallelPyramid(6, 4, 5))
    feature = torch.randn(2, 6, *size)
    first, *scales = pooled_five_times(pyramid, feature)
    norm, relu, mix = pyramid.mix
    assert mix.groups == 4
    mixed = mix(relu(norm(torch.cat([scale + first for scale in scales], 1))))
    want = pyramid.compress(torch.cat([first, mixed], 1)) + pyramid.shortcut(feature)
    torch.testing.assert_close(pyramid(feature), want)


def test_guide_takes_context_where_detail_agrees_with_it():
    guide = stirred(PixelAttentionGuide(6, 4, 3))
    detail, context = torch.randn(2, 4, 8, 12), torch.randn(2, 6, 4, 6)
    small = guide.compress(context)
    with torch.no_grad():
        guide.key[1].weight.zero_()
        guide.key[1].bias.fill_(1e4)
        guide.query[1].weight.zero_()
        guide.query[1].bias.fill_(1.0)
    torch.testing.assert_close(guide(detail, context), enlarged(small, detail))
    with torch.no_grad():
        guide.query[1].bias.fill_(-1.0)
    torch.testing.assert_close(guide(detail, context), detail)
    with torch.no_grad():
        guide.query[1].bias.zero_()
    torch.testing.assert_close(guide(detail, context), (detail + enlarged(small, detail)) / 2)


def test_boundaries_choose_between_detail_and_context():
    fuse = stirred(BoundaryGuidedFusion(4))
    detail, context = torch.randn(2, 4, 8, 12), torch.randn(2, 4, 8, 12)
    everywhere = torch.full_like(detail, 1e4)
    want = fuse.p(detail) + fuse.i(context + detail)
    torch.testing.assert_close(fuse(detail, context, everywhere), want)
    want = fuse.p(detail + context) + fuse.i(context)
    torch.testing.assert_close(fuse(detail, context, -everywhere), want)


def test_spatial_attention_weighs_one_feature_against_the_other():
    fuse = stirred(AttentionFusion(6, 4, 5))
    low, high = torch.randn(2, 6, 9, 12), torch.randn(2, 4, 5, 6)
    one, two = fuse.low(low), enlarged(high, low)
    seen = [one.mean(1), one.max(1).values, two.mean(1), two.max(1).values]
    weight = fuse.attention(torch.stack(seen, 1))
    assert weight.shape == (2, 1, 9, 12)
    torch.testing.assert_close(fuse(low, high), fuse.mix(weight * one + (1 - weight) * two))


@pytest.mark.parametrize("size", [(8, 12), (1, 1), (3, 5)])
def test_simple_pyramid_sums_three_pooled_sizes(size):
    pyramid = stirred(SimplePyramid(6, 4))
    feature = torch.randn(2, 6, *size)
    scales = [
        scale[1](functional.adaptive_avg_pool2d(feature, side))
        for side, scale in zip((1, 2, 4), pyramid.scales, strict=True)
    ]
    want = pyramid.mix(sum(enlarged(each, feature) for each in scales))
    torch.testing.assert_close(pyramid(feature), want)


def test_no_relu_stands_behind_the_last_block_of_a_stage():
    kinds = [type(each) for each in stage(4, 8, 3, stride=2)]
    assert kinds == [Residual, nn.ReLU, Residual, nn.ReLU, Residual]
    assert (stage(4, 8, 3)(torch.randn(2, 4, 6, 6)) < 0).any()


def test_ddrnet_exchanges_both_ways_at_once():
    """What a branch gives is what it was before it took."""
    part = stirred(DdrNet(IMAGE, width=8))
    shared = part.trunk(image := torch.randn(1, 3, 128, 192))
    low, high = part.low3(shared), part.high3(shared)
    half_way = (high + enlarged(part.up3(low.relu()), high)).relu()
    low = part.low4((low + part.down3(high.relu())).relu())
    high = part.high4(half_way)
    high, low = (
        high + enlarged(part.up4(low.relu()), high),
        low + part.down4(high.relu()),
    )
    low, high = part.pyramid(part.low5(low.relu())), part.high5(high.relu())
    taps = part(image)
    torch.testing.assert_close(taps["stage3"], half_way)
    torch.testing.assert_close(taps["fused"], part.end(high + enlarged(low, high)))


def test_pidnet_guides_detail_and_boundaries_twice():
    part = stirred(PidNet(IMAGE, width=8))
    shared = part.trunk(image := torch.randn(1, 3, 128, 192))
    i = part.i3(shared).relu()
    p = part.guide3(part.p3(shared), i).relu()
    d = part.d3(shared)
    d = part.d4((d + enlarged(part.diff3(i), d)).relu())
    taps = part(image)
    torch.testing.assert_close(taps["branch_p"], p)
    i = part.i4(i).relu()
    p, d = part.guide4(part.p4(p), i).relu(), (d + enlarged(part.diff4(i), d)).relu()
    torch.testing.assert_close(taps["branch_d"], d)
    i = enlarged(part.pyramid(part.i5(i)), p)
    want = part.end(part.fuse(part.p5(p), i, part.d5(d)))
    torch.testing.assert_close(taps["fused"], want)
