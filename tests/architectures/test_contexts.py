"""What the context modules do to the deepest tap of the pyramid."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from architectures.context.context_embedding import ContextEmbedding
from architectures.context.global_pool import GlobalPool
from architectures.context.none import NoContext
from architectures.context.pyramid_pooling import PyramidPooling
from architectures.context.v1 import AttentionRefinement, UShape
from harness.components import Feature

TAPS = {"stage4": Feature(8, 16), "stage5": Feature(12, 32)}


def pyramid(batch=2):
    return {"stage4": torch.randn(batch, 8, 6, 9), "stage5": torch.randn(batch, 12, 3, 5)}


def test_without_a_module_the_deepest_tap_passes():
    features = pyramid()
    context = NoContext(TAPS)
    assert context.out == TAPS["stage5"]
    assert context(features) is features["stage5"]


def test_embedding_adds_the_same_vector_everywhere():
    context, features = ContextEmbedding(TAPS).eval(), pyramid()
    mean = features["stage5"].mean((2, 3), keepdim=True)
    embedded = context.embedding[2](context.embedding[1](mean))
    want = functional.conv2d(
        features["stage5"] + embedded, context.mix.weight, context.mix.bias, padding=1
    )
    assert context.out == TAPS["stage5"]
    torch.testing.assert_close(context(features), want)


def test_embedding_carries_one_corner_of_the_image_to_the_other():
    torch.manual_seed(0)
    context, features = ContextEmbedding(TAPS).eval(), pyramid()
    before = context(features)[:, :, 0, 0]
    features["stage5"][:, :, -1, -1] += 5
    assert not torch.equal(context(features)[:, :, 0, 0], before)


DEEP = {"a": Feature(4, 4), "b": Feature(6, 8), "c": Feature(8, 16), "d": Feature(12, 32)}
XCEPTION39 = {"a": Feature(8, 4), "b": Feature(64, 8), "c": Feature(128, 16), "d": Feature(256, 32)}
SIZES = {"a": (23, 30), "b": (12, 15), "c": (6, 8), "d": (3, 4)}


def deep(batch=2):
    torch.manual_seed(0)
    return {name: torch.randn(batch, each.channels, *SIZES[name]) for name, each in DEEP.items()}


def enlarged(feature, name):
    return functional.interpolate(feature, SIZES[name], mode="bilinear", align_corners=False)


def num_params(module):
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(("arm", "refine"), [(True, "mul"), (True, "residual"), (False, "mul")])
@pytest.mark.parametrize("global_pool", [True, False])
def test_attention_refinement_is_the_author_s_code(arm, refine, global_pool):
    context = AttentionRefinement(DEEP, arm=arm, global_pool=global_pool, refine=refine, width=5)
    features = deep()
    context.eval()

    def refined(name, at):
        project, attention = context.decoder.project[at]
        feature = project(features[name])
        if not arm:
            return feature
        weight = attention.weight[1](feature.mean((2, 3), keepdim=True)).sigmoid()
        assert 0 < weight.min() <= weight.max() < 1
        return feature * weight + (feature if refine == "residual" else 0)

    tail = context.tail[1](features["d"].mean((2, 3), keepdim=True)) if global_pool else 0
    inner = context.decoder.mix[0](enlarged(refined("d", 0) + tail, "c"))
    out = context.decoder.mix[1](enlarged(refined("c", 1) + inner, "b"))
    given = context(features)
    assert list(given) == ["c", "out"]
    torch.testing.assert_close(given["c"], inner)
    torch.testing.assert_close(given["out"], out)


def test_attention_refinement_gives_stride_8_and_the_feature_before():
    context = AttentionRefinement(DEEP)
    assert context.out == Feature(128, 8)
    assert context.taps == {"c": Feature(128, 16)}


def test_attention_refinement_of_xception39_has_as_many_weights_as_the_author_s_code():
    tail = 256 * 128 + 256
    projections = (256 + 128) * 128 * 9 + 2 * 256
    attentions = 2 * (128 * 128 + 256)
    mixes = 2 * (128 * 128 * 9 + 256)
    count = num_params(AttentionRefinement(XCEPTION39))
    assert count == tail + projections + attentions + mixes == 804_608
    assert count - num_params(AttentionRefinement(XCEPTION39, arm=False)) == attentions
    assert count - num_params(AttentionRefinement(XCEPTION39, global_pool=False)) == tail


def test_attention_refinement_of_xception39_costs_0_87_gmacs_at_640x360():
    sizes = {"a": (90, 160), "b": (45, 80), "c": (23, 40), "d": (12, 20)}
    with torch.device("meta"):
        context = AttentionRefinement(XCEPTION39).eval()
        taps = {n: torch.empty(1, each.channels, *sizes[n]) for n, each in XCEPTION39.items()}
    with FlopCounterMode(display=False) as counter:
        context(taps)
    pixels = {name: height * width for name, (height, width) in sizes.items()}
    places = 2 * pixels["d"] + pixels["c"] + pixels["c"] + pixels["b"]
    pooled = 256 * 128 + 2 * 128 * 128
    assert counter.get_total_flops() // 2 == places * 128 * 128 * 9 + pooled
    assert counter.get_total_flops() / 2e9 == pytest.approx(0.873, abs=0.0005)


def test_two_taps_end_at_the_stride_of_the_shallower():
    context, features = AttentionRefinement(TAPS, width=5), pyramid()
    assert (context.out, context.taps) == (Feature(5, 16), {"stage4": Feature(5, 16)})
    assert [each.shape for each in context(features).values()] == [(2, 5, 6, 9)] * 2


def test_attention_refinement_without_attention_and_tail_is_the_u_shape():
    plain = AttentionRefinement(DEEP, arm=False, global_pool=False, width=5).eval()
    u_shape = UShape(DEEP, to_stride=8, width=5).eval()
    u_shape.load_state_dict(plain.state_dict())
    assert (u_shape.out, u_shape.taps) == (plain.out, plain.taps)
    want, got = plain(deep()), u_shape(deep())
    assert all(torch.equal(want[name], got[name]) for name in want)


@pytest.mark.parametrize(("to_stride", "read"), [(8, "cd"), (4, "bcd")])
def test_u_shape_joins_the_taps_deeper_than_its_stride(to_stride, read):
    context, features = UShape(DEEP, to_stride=to_stride, width=5), deep()
    for each in features.values():
        each.requires_grad_()
    out = context(features)["out"]
    assert context.out == Feature(5, to_stride)
    assert out.shape == (2, 5, *SIZES["b" if to_stride == 8 else "a"])
    out.square().sum().backward()
    assert "".join(name for name, each in features.items() if each.grad is not None) == read


REFUSED = [
    (AttentionRefinement, {"d": DEEP["d"]}, {}, r"arm takes .* two taps or more, not \['d'\]"),
    (AttentionRefinement, DEEP, {"arm": False, "refine": "residual"}, "be 'residual' without arm"),
    (AttentionRefinement, DEEP, {"width": 0}, "option 'width' of 'arm' must be at least 1, not 0"),
    (UShape, TAPS, {}, "u_shape: unknown to_stride 8. Known: 16"),
    (UShape, {"b": DEEP["b"]}, {}, "u_shape: unknown to_stride 8. Known: none"),
    (UShape, DEEP, {"width": 0}, "option 'width' of 'u_shape' must be at least 1, not 0"),
    (PyramidPooling, DEEP, {"bins": ()}, r"option 'bins' of 'pyramid_pooling' must .*, not \(\)"),
    (PyramidPooling, DEEP, {"bins": (2, 0)}, r"must be 1 or more, not \(2, 0\)"),
    (PyramidPooling, DEEP, {"width": 0}, "option 'width' of 'pyramid_pooling' must be at least 1"),
]


@pytest.mark.parametrize(("context", "taps", "options", "message"), REFUSED)
def test_what_cannot_be_built_is_refused_in_one_line(context, taps, options, message):
    with pytest.raises(ValueError, match=f"^.*{message}"):
        context(taps, **options)


@pytest.mark.parametrize("project", [False, True])
def test_global_pooling_adds_the_mean(project):
    context, feature = GlobalPool(DEEP, project=project).eval(), deep()["d"]
    mean = feature.mean((2, 3), keepdim=True)
    want = feature + (context.mean[1](mean) if project else mean)
    assert context.out == DEEP["d"]
    assert bool(num_params(context)) == project
    torch.testing.assert_close(context(deep()), want)


def test_pyramid_pooling_lays_means_of_regions_beside_the_feature():
    context, feature = PyramidPooling(DEEP, bins=(1, 2), width=7).eval(), deep()["d"]
    assert context.out == Feature(7, 32)
    means = functional.adaptive_avg_pool2d(feature, 2)
    torch.testing.assert_close(means[:, :, 0, 0], feature[:, :, :2, :2].mean((2, 3)))
    levels = [
        enlarged(context.levels[0][1](feature.mean((2, 3), keepdim=True)), "d"),
        enlarged(context.levels[1][1](means), "d"),
    ]
    assert [each.shape[1] for each in levels] == [6, 6]
    want = context.mix(torch.cat([feature, *levels], 1))
    torch.testing.assert_close(context(deep()), want)


def test_pyramid_pooling_of_resnet50_is_pspnet_s():
    with torch.device("meta"):
        context = PyramidPooling({"stage5": Feature(2048, 8)}, width=512)
    levels = 4 * (2048 * 512 + 2 * 512)
    assert num_params(context) == levels + 4096 * 512 * 9 + 2 * 512


def test_pyramid_pooling_may_be_finer_than_the_feature():
    context = PyramidPooling({"only": Feature(8, 32)}).eval()
    assert context({"only": torch.randn(1, 8, 1, 1)}).shape == (1, 8, 1, 1)
