"""What operators move and compute beside products, by closed forms and on known networks."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness import networks
from harness.measure.static import count_static, work_of
from harness.measure.traffic import CLASSES, class_of
from harness.network import assemble, deploy

IMAGE = 2 * 3 * 8 * 12
"""Elements of the image that ``moved`` gives."""


def moved(function):
    module = nn.Module()
    module.forward = function
    return work_of(module, torch.empty(2, 3, 8, 12, device="meta"))


@pytest.mark.parametrize(
    ("function", "kind", "elements", "flops"),
    [
        (torch.relu, "activation", 2 * IMAGE, IMAGE),
        (lambda x: torch.relu_(x), "activation", 2 * IMAGE, IMAGE),
        (torch.sigmoid, "activation", 2 * IMAGE, 4 * IMAGE),
        (lambda x: x.softmax(1), "activation", 2 * IMAGE, 5 * IMAGE),
        (lambda x: x + x, "elementwise", 3 * IMAGE, IMAGE),
        (lambda x: torch.cat([x, x], 1), "concat", 4 * IMAGE, 0),
        (lambda x: functional.avg_pool2d(x, 2), "pool", 1.25 * IMAGE, IMAGE),
        (lambda x: functional.max_pool2d(x, 2), "pool", 1.75 * IMAGE, IMAGE),  # indices are int64
        (lambda x: functional.adaptive_avg_pool2d(x, 1), "pool", IMAGE + 6, IMAGE),
        (lambda x: functional.interpolate(x, scale_factor=2), "resize", 5 * IMAGE, 0),
        (
            lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"),
            "resize",
            5 * IMAGE,
            28 * IMAGE,
        ),
        (lambda x: functional.pad(x, (0, 12)), "other", 3 * IMAGE, 0),
        (lambda x: x @ x.transpose(2, 3), "matmul", 2 * IMAGE + 2 * 3 * 8 * 8, 0),
    ],
)
def test_an_operator_moves_what_it_reads_and_writes(function, kind, elements, flops):
    work = moved(function)
    assert work.traffic == {kind: 4 * elements}
    assert work.elementwise == flops


def test_a_convolution_reads_its_weights_too():
    conv = nn.Conv2d(3, 5, 3, padding=1).to("meta")
    work = work_of(conv, torch.empty(2, 3, 8, 12, device="meta"))
    assert work.traffic == {"conv": 4 * (IMAGE + 3 * 5 * 9 + 5 + 2 * 5 * 8 * 12)}


def test_views_move_nothing():
    assert moved(lambda x: x.flatten(2).transpose(1, 2)[:, 1:].unsqueeze(0)).traffic == {}


def test_every_class_is_one_that_is_announced():
    assert {class_of(name) for name in ("aten::relu_", "aten::_softmax")} == {"activation"}
    assert class_of("stranger::relu_like") == "other" and "other" in CLASSES


@pytest.mark.parametrize(
    ("name", "gigabytes"), [("ddrnet23_slim", 2.84), ("pidnet_s", 3.99), ("bisenetv2", 5.39)]
)
def test_known_networks_move_what_was_measured_for_their_authors_code(name, gigabytes):
    """As trained, logits as the head gives them; our BiSeNet V2 has a narrower head by 17 GMACs."""
    with torch.device("meta"):
        network = assemble(networks.get(name), 19)
        whole = deploy(network, fold=False, boundary="logits_native")
    cost = count_static(whole, (1024, 2048))
    assert cost.unfused_bytes / 1e9 == pytest.approx(gigabytes, rel=0.05)
    assert sum(cost.unfused_by_class.values()) == cost.unfused_bytes
    assert 0.22 < cost.unfused_by_class["norm"] / cost.unfused_bytes < 0.33
    assert cost.gflops * 1e9 == pytest.approx(2e9 * cost.gmacs_conv + cost.elementwise_flops)
