"""Two counters that share no code agree with each other and with a closed form, to the integer."""

import math
import random

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness import networks
from harness.measure.cost import count, matrix_macs, multiply_adds
from harness.measure.static import work_of
from harness.network import deploy
from harness.training.loop import initialise


def both(module, *shape):
    """Multiply-adds by the traced graph, and as dispatched; every operator must be known."""
    module = module.eval()
    by_operator, _ = multiply_adds(module, torch.zeros(shape))
    return matrix_macs(by_operator), work_of(
        module.to("meta"), torch.empty(shape, device="meta")
    ).matrix


def random_conv(dice):
    """A convolution, transposed or not, with what its constructor was told."""
    groups = dice.choice([1, 1, 2, 4])
    options = {
        "in_channels": groups * dice.randint(1, 3),
        "out_channels": groups * dice.randint(1, 3),
        "kernel_size": (dice.randint(1, 4), dice.randint(1, 4)),
        "dilation": dice.randint(1, 2),
        "groups": groups,
        "bias": dice.random() < 0.5,
    }
    kind = dice.choice(["plain", "same", "valid", "circular", "transposed"])
    if kind == "transposed":
        return nn.ConvTranspose2d(stride=dice.randint(1, 3), padding=0, **options)
    if kind == "circular":
        return nn.Conv2d(padding=1, padding_mode="circular", **options)
    if kind != "plain":
        return nn.Conv2d(padding=kind, **options)
    return nn.Conv2d(stride=dice.randint(1, 3), padding=dice.randint(0, 2), **options)


def closed_form(conv, size):
    """Multiply-adds of a convolution: its weights at each place of its output, or of its input."""
    with torch.no_grad():
        output = conv(torch.zeros(1, conv.in_channels, *size)).shape[-2:]
    places = size if isinstance(conv, nn.ConvTranspose2d) else output
    return conv.weight.numel() * math.prod(places)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_random_convolutions_cost_what_the_closed_form_says():
    dice = random.Random(0)
    seen = set()
    for _ in range(60):
        conv = random_conv(dice)
        size = dice.randint(9, 14), dice.randint(9, 14)
        wanted = closed_form(conv, size)
        assert both(conv, 1, conv.in_channels, *size) == (wanted, wanted), (conv, size)
        seen.add((type(conv).__name__, conv.padding_mode, str(conv.padding), conv.groups > 1))
    assert len(seen) > 10, "the dice must come upon every kind"


def test_an_attention_layer_costs_its_projections_and_both_products():
    tokens, width = 6, 8

    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.MultiheadAttention(width, 2, batch_first=True)

        def forward(self, image):
            return self.layer(image, image, image, need_weights=False)[0]

    wanted = 4 * tokens * width**2 + 2 * tokens**2 * width
    assert both(Attends(), 1, tokens, width) == (wanted, wanted)


def test_a_transformer_layer_has_no_fast_path_that_hides_its_products():
    layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    wanted = 4 * 6 * 64 + 2 * 36 * 8 + 2 * 6 * 8 * 16
    assert both(layer, 1, 6, 8) == (wanted, wanted)


@pytest.mark.parametrize("name", ["bisenetv2", "pidnet_s", "dfanet_a"])
def test_torchs_own_counter_sees_the_same(name):
    network = deploy(initialise(networks.get(name), 19, seed=0)).to("meta")
    image = torch.empty(1, 3, 64, 96, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    assert counter.get_total_flops() == 2 * work_of(network, image).matrix


def test_convolutions_scale_with_the_image():
    network = deploy(initialise(networks.get("bisenetv2"), 19, seed=0))
    small, large = (count(network, size).gmacs_conv for size in ((64, 96), (128, 192)))
    assert large == pytest.approx(4 * small, rel=0.01), "but for global pooling"
