"""Every named network learns: one training step of each is finite and reaches every weight."""

import pytest
import torch

from harness import networks
from harness.network import deploy
from harness.training.loop import initialise
from harness.training.losses import network_loss

HUGE = ("fcn32s", "bisenetv1_resnet101", "bisenetv2_large")
"""Networks whose parts are in others too, and whose step takes seconds."""


@pytest.mark.parametrize("name", [each for each in networks.names() if each not in HUGE])
def test_a_named_network_takes_a_step(name):
    network = initialise(networks.get(name), 11, seed=0).train()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 64, 96, generator=generator)
    labels = torch.randint(0, 11, (2, 64, 96), generator=generator)
    loss = network_loss(network(images), labels, aux_weight=1.0)
    loss.backward()
    assert loss.isfinite()
    # What feeds no loss: taps that nobody reads, as PIDNet's boundary branch without its head.
    reached = [each.grad is not None for each in network.parameters()]
    assert sum(reached) / len(reached) > 0.99
    assert deploy(network.eval())(images).shape == (2, 11, 64, 96)
