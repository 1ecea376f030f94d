"""The optimizer of both papers: SGD with momentum, weight decay on convolutions only."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Optimizer

from harness.study import Recipe

DECAYED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
"""The layers whose weights decay (V2 section 5: "only on the convolution layer parameters")."""


def make_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """SGD with momentum; weights of ``DECAYED`` layers decay, biases and batch norms do not."""
    layers = (module for module in network.modules() if isinstance(module, DECAYED))
    weights = {id(layer.weight) for layer in layers}
    decayed = [each for each in network.parameters() if id(each) in weights]
    others = [each for each in network.parameters() if id(each) not in weights]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return SGD([each for each in groups if each["params"]], recipe.lr, momentum=recipe.momentum)
