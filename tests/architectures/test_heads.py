"""What the heads make of a feature."""

import pytest
import torch
from torch.nn import functional

from architectures.head.classifier import Classifier
from architectures.head.seg import SegHead
from harness.components import Feature

FEATURE = Feature(6, 8)


@pytest.fixture
def feature():
    torch.manual_seed(0)
    return torch.randn(2, 6, 5, 6)


def test_bilinear_logits_are_at_the_feature_s_stride(feature):
    head = SegHead(FEATURE, 5, width=4).eval()
    assert (head.out, head.deferred) == (Feature(5, 8), False)
    torch.testing.assert_close(head(feature), head.classify(head.mix(feature)))


def test_a_deferred_head_computes_the_same(feature):
    head, plain = (SegHead(FEATURE, 5, width=4, upsample=u) for u in ("deferred", "bilinear"))
    head.load_state_dict(plain.state_dict())
    assert (head.out, head.deferred) == (Feature(5, 8), True)
    assert torch.equal(head.eval()(feature), plain.eval()(feature))


def test_shuffled_logits_are_at_the_image_s_stride(feature):
    head = SegHead(FEATURE, 5, width=4, upsample="pixel_shuffle").eval()
    assert (head.out, head.deferred) == (Feature(5, 1), False)
    logits = head(feature)
    assert logits.shape == (2, 5, 40, 48)
    # The 64 values of a class at one place are the 8 x 8 pixels there, row by row.
    values = head.classify(head.mix(feature))[0, 64:128, 2, 3].view(8, 8)
    assert torch.equal(logits[0, 1, 16:24, 24:32], values)


def test_of_a_feature_at_image_size_there_is_nothing_to_shuffle():
    head = SegHead(Feature(6, 1), 5, upsample="pixel_shuffle")
    assert (head.out, head.classify.out_channels) == (Feature(5, 1), 5)


def test_main_head_of_v1_has_as_many_weights_as_the_author_s_code():
    head = SegHead(Feature(256, 8), 19, width=64)
    want = 256 * 64 * 9 + 2 * 64 + 64 * 19 + 19
    assert sum(each.numel() for each in head.parameters()) == want


@pytest.mark.parametrize("kernel", [1, 3])
def test_classifier_is_one_convolution(feature, kernel):
    head = Classifier(FEATURE, 5, kernel=kernel)
    assert head.out == Feature(5, 8)
    (weight, bias) = head.parameters()
    assert weight.shape == (5, 6, kernel, kernel)
    want = functional.conv2d(feature, weight, bias, padding=kernel // 2)
    torch.testing.assert_close(head(feature), want)


def test_a_width_below_1_is_refused():
    with pytest.raises(ValueError, match="option 'width' of 'seg' must be at least 1, not 0"):
        SegHead(FEATURE, 5, width=0)
