"""What the context modules do to the deepest tap of the pyramid."""

import torch
from torch.nn import functional

from architectures.context.context_embedding import ContextEmbedding
from architectures.context.none import NoContext
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
